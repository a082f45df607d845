/** The end of an exchange: what is saved, and what the answer tells the browser. */

import { tellCaches } from './caching'
import { Cookie, setCookie, setStrictCookie } from './cookie'
import type { CookieData } from './cookie'
import debug from './debug'
import type { Exchange } from './exchange'
import { append } from './gate'
import type { Gatekeeper } from './gate'
import { plan } from './plan'
import type { Plan, Situation } from './plan'
import { isSecure } from './request'
import type { Callback, Next, Response } from './request'
import { dataText } from './session'
import type { Session } from './session'

export class Closing implements Gatekeeper {
  private plan: Plan | undefined
  /** The data as JSON when it was last decided what to do. */
  private data = ''
  /** The credential's header, and the id that it is for. */
  private header: { id: string; text: string } | undefined
  /** The id of a session that another request has ended. */
  private endedId: string | undefined
  private isTouched = false

  constructor(
    private readonly exchange: Exchange,
    private readonly next: Next
  ) {}

  /** The session was ended by another request: it is neither saved nor sent. */
  endedMeanwhile(id: string): void {
    debug('session ended meanwhile')
    this.endedId = id
  }

  /** The session has got another id, which the browser needs. */
  renamed(): void {
    if (this.plan) this.plan = { ...this.plan, sendCookie: true }
  }

  /** Whether the answer brings the browser a credential, as far as is known. */
  get sendsCredential(): boolean {
    return this.plan?.sendCookie === true
  }

  /** Whether the cookie's age has been started anew. */
  get hasTouched(): boolean {
    return this.isTouched
  }

  head(): void {
    const { app, req, res, ended, isLookedAt } = this.exchange
    const { cacheHeaders, keepCookie, transports } = app.options
    try {
      const { sendCookie } = (this.plan ??= this.decide())
      if (cacheHeaders && (sendCookie || isLookedAt)) tellCaches(res, transports.map((way) => way.request))
      if (sendCookie && this.endedId !== req.sessionID) this.sendCredential()
      else if (ended && !keepCookie) this.removeCredential(ended.cookie)
    } catch (error) {
      setImmediate(this.next, error)
    }
  }

  finish(done: Callback): void {
    this.exchange.whenIdle(() => this.close(done))
  }

  failed(error: unknown, open: boolean): void {
    // Not the message: other stores' may tell the id.
    debug('error %s', (error as { code?: string })?.code ?? (error as Error)?.name)
    this.plan = NOTHING
    if (!open) return void setImmediate(this.next, error)
    for (const name of OF_THE_BODY) this.exchange.res.removeHeader(name)
    this.next(error)
  }

  private close(done: Callback): void {
    const { exchange } = this
    const id = exchange.unsoughtId
    const isThere = Object.hasOwn(exchange.req, 'session')
    if (id !== undefined && isThere) {
      this.plan = NOTHING
      // Strictly, only a session that is looked at lives longer.
      return exchange.app.options.strict ? done() : exchange.keeper.visit!(id, done)
    }
    let isDone = false
    const once: Callback = (error) => {
      isDone = true
      done(error)
    }
    try {
      exchange.seek()
      // What the application has taken away unseen stays away.
      if (!isThere) delete exchange.req.session
      const now = (this.plan = this.decide())
      // A cookie that can't be written is an error while there can still be another answer.
      if (now.sendCookie && !this.exchange.res.headersSent) this.header = this.makeHeader()
      this.act(now, once)
    } catch (error) {
      // After an answer it is not ours to catch.
      if (isDone) throw error
      this.plan = NOTHING
      done(error)
    }
  }

  private act(now: Plan, done: Callback): void {
    const { exchange } = this
    const { app, keeper, req } = exchange
    switch (now.store) {
      case 'destroy':
        debug('destroying')
        return keeper.destroy(exchange, req.sessionID!, (error) => {
          if (!error) exchange.ended = { id: req.sessionID!, cookie: exchange.cookie ?? new Cookie(exchange.cookieOptions) }
          done(error)
        })
      case 'save':
        if (debug.enabled) debug('saving %s', app.show(req.sessionID!))
        this.touch()
        return exchange.save(exchange.current()!, done, this.data)
      case 'touch':
        debug('touching')
        if (!exchange.isUnread) this.touch()
        return keeper.touch(exchange, () => exchange.current()!, done)
      default:
        // Applications may look at the age of a cookie that is not sent, and learn of one that can't be.
        if (!exchange.isUnread && exchange.current()) this.touch()
        return done()
    }
  }

  /** Starts the cookie's age anew, once. */
  private touch(): void {
    if (this.isTouched) return
    this.isTouched = true
    this.exchange.current()!.touch()
  }

  private decide(): Plan {
    const { exchange } = this
    const { app, isBroken, isLookedAt, keeper, ledger, req } = exchange
    const { options } = app
    // `delete req.session` takes away one that nobody has looked at, too.
    const isThere = Object.hasOwn(req, 'session')
    if (options.strict && !options.saveUninitialized && isThere && !isLookedAt) return NOTHING
    if (exchange.unsoughtId !== undefined) return NOTHING
    const needsLook = options.strict || options.resave || options.rolling || exchange.stale
    const unread = isThere && exchange.isUnread && !needsLook
    const session = (!unread && exchange.current()) || undefined
    // An error page about data that can't be saved is an answer, too.
    if (session && isBroken && !isWritable(session)) return NOTHING
    this.data = session ? exchange.textOf(session) : ''
    const situation = unread ? this.unseen() : this.seen(session)
    const isUnsaved = !!session && ledger.saved !== undefined && !situation.saved
    return keeper.adjust(exchange, plan(situation), situation.modified || isUnsaved)
  }

  /** A session that was found and not looked at. */
  private unseen(): Situation {
    return Object.assign(this.seen(undefined, true), { present: true, saved: true, everSaved: true })
  }

  private seen(session: Session | undefined, isUnread = false): Situation {
    const { app, due, ledger, presented, req, stale } = this.exchange
    const { rolling, saveUninitialized, strict } = app.options
    const { saved } = ledger
    const cookieModified = session !== undefined && ledger.isCookieChanged(session.cookie)
    const isSavedAs = saved !== undefined && saved.id === session?.id
    const isPresented = presented === req.sessionID
    return {
      present: session !== undefined,
      named: typeof req.sessionID === 'string' && req.sessionID !== '',
      presented: isPresented,
      modified: session !== undefined && this.isModified(session, cookieModified, strict && !isPresented && !isSavedAs),
      saved: isSavedAs && saved.data === this.data && !cookieModified,
      everSaved: strict ? isSavedAs : saved !== undefined,
      cookieModified,
      persistent: session?.cookie.expires != null,
      stale,
      rolling,
      saveUninitialized,
      destroyOnUnset: session === undefined && !isUnread && this.destroysOnUnset(),
      due,
      strict
    }
  }

  /** Whether the application has taken away the session, by `null` or `delete`, and that ends it. */
  private destroysOnUnset(): boolean {
    const { app, ended, ledger, req } = this.exchange
    const isUnset = app.options.unset === 'destroy' && !ledger.isEmpty && this.exchange.current() == null
    return isUnset && !!req.sessionID && ended?.id !== req.sessionID
  }

  /** Strictly, a new session is worth storing for its data alone. */
  private isModified(session: Session, cookieModified: boolean, forDataAlone: boolean): boolean {
    const { ledger } = this.exchange
    if (forDataAlone) return this.data !== '{}'
    return !ledger.isFirst(session.id) || cookieModified || ledger.isDataChanged(this.data)
  }

  private sendCredential(): void {
    const { header } = this
    const { app, req, res, way } = this.exchange
    // What a strict cookie says depends on how long the session lives, which is known when it has been saved.
    const isCurrent = header?.id === req.sessionID && !app.options.strict
    const current = isCurrent ? header : this.makeHeader()
    if (current && way.isCookie) append(res, 'Set-Cookie', current.text)
    else if (current) res.setHeader(way.response, current.text)
  }

  private makeHeader(): { id: string; text: string } | undefined {
    const { app, req, way } = this.exchange
    const { cookie } = this.exchange.current()!
    if (way.isCookie && cookie.secure && !isSecure(req, app.options.proxy)) {
      debug('not secured')
      // Of a client that has gone nothing is known any more, not even that it came over TLS.
      if (!req.destroyed && !this.exchange.res.destroyed) app.warnInsecure(req)
      return undefined
    }
    this.touch()
    const id = req.sessionID!
    const value = app.sign(req, id)
    return { id, text: way.isCookie ? this.cookieHeader(value, dataOf(cookie)) : decodeURIComponent(value) }
  }

  private cookieHeader(value: string, data: CookieData): string {
    const { app, isConfirmed, memory } = this.exchange
    const { name, strict } = app.options
    // What a session had left when it was found says nothing: its life starts anew.
    const { remaining = Infinity } = (isConfirmed ? memory : {}) as { remaining?: number }
    return strict ? setStrictCookie(name, value, data, remaining) : setCookie(name, value, data)
  }

  /** A cookie is removed by one of the same name, domain, path and partition (RFC 6265bis, section 5.7). */
  private removeCredential(cookie: Cookie): void {
    const { app, presented, res, way } = this.exchange
    const { name, strict } = app.options
    if (presented === undefined) return
    if (!way.isCookie) return void res.setHeader(way.response, '')
    if (mentions(res, name)) return
    const gone = { ...dataOf(cookie), expires: new Date(0) }
    append(res, 'Set-Cookie', strict ? setCookie(name, '', gone, 0) : `${setCookie(name, '', gone)}; Max-Age=0`)
  }
}

const NOTHING: Plan = { store: 'none', sendCookie: false }

/** What a head says of a body that will not be sent. */
const OF_THE_BODY = ['Content-Length', 'Content-Encoding', 'Content-Range', 'Content-Language', 'Content-Type', 'ETag',
  'Last-Modified', 'Location', 'Transfer-Encoding']

function isWritable(session: Session): boolean {
  try {
    dataText(session)
    return true
  } catch {
    return false
  }
}

/** Some applications put a plain object in the cookie's place. */
function dataOf(cookie: Cookie): CookieData {
  return cookie.data ?? cookie
}

/** Whether the application itself sets or removes this cookie. */
function mentions(res: Response, name: string): boolean {
  const values = res.getHeader('Set-Cookie') ?? []
  return [values].flat().some((value) => String(value).startsWith(`${name}=`))
}
