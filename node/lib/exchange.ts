/** One request and its session, from the cookie that came to the cookie that goes. */

import { Cookie, attributes, setCookie } from './cookie'
import debug from './debug'
import { append, guard } from './gate'
import type { Gatekeeper } from './gate'
import type { Application } from './application'
import type { Keeper, Rotation } from './keeper'
import { plan } from './plan'
import type { Plan } from './plan'
import { isSecure } from './request'
import type { Callback, Next, Request, Response } from './request'
import { Session, dataText, hide } from './session'
import { isPromise } from './store'

const EXCHANGE = Symbol('handstamp')

/** The exchange that a request is in. There is none without our middleware. */
export function exchangeOf(req: Request): Exchange | undefined {
  return (req as { [EXCHANGE]?: Exchange })[EXCHANGE]
}

/** What `session.update` did with a key: how it is computed, and from what to what that led (as JSON). */
export interface Update {
  compute: (value: unknown) => unknown
  from: string | undefined
  to: string | undefined
}

export class Exchange implements Gatekeeper {
  /** The id that the browser presented. */
  presented: string | undefined
  /** The browser needs a new credential for it: it was signed by an old secret, or its id has been rotated. */
  stale = false
  /** What `session.update` did since the session was last saved, by key. */
  readonly updates = new Map<string, Update>()
  /** What the keeper remembers of the session as it stands in the store. */
  memory: unknown

  private readonly keeper: Keeper
  /** The session as it was at first: its id, its data as JSON, its cookie's attributes. */
  private id: string | undefined
  private before = '{}'
  private attributes: unknown[] | undefined
  /** The data as they were last saved, and under which id. */
  private saved: { id: string; data: string } | undefined
  /** A session that nobody has looked at yet. */
  private unread: (() => Session) | undefined
  private touched = false
  private plan: Plan | undefined
  /** The data as JSON when it was last decided what to do. */
  private data = ''
  /** The `Set-Cookie` header, and the id that it is for. */
  private header: { id: string; text: string } | undefined
  /** The cookie of a session that was ended by this request. */
  private ended: Cookie | undefined
  private isOver = false

  constructor(
    readonly app: Application,
    readonly req: Request,
    readonly res: Response,
    private readonly next: Next,
    readonly cookieOptions: Record<string, unknown>
  ) {
    this.keeper = app.keeper()
    ;(req as { [EXCHANGE]?: Exchange })[EXCHANGE] = this
  }

  /** Finds the request's session, or begins a new one. */
  start(ids: string[], presentedByOldSecret: ReadonlySet<string>): void {
    guard(this.res, this)
    const [id, ...others] = ids
    this.req.sessionID = id as string
    if (id === undefined) {
      debug('no SID sent, generating session')
      return this.begin()
    }
    this.presented = id
    debug('fetching %s', this.app.show(id))
    this.keeper.find(this, id, (error, found) => {
      if (error) return this.next(error)
      if (!found && others.length > 0) return this.start(others, presentedByOldSecret)
      this.stale ||= found === true && presentedByOldSecret.has(id)
      if (found) this.next()
      else this.begin()
    })
  }

  private begin(): void {
    this.attempt(() => {
      const generated = this.generate()
      if (isPromise(generated)) generated.then(() => this.next(), this.next)
      else this.next()
    })
  }

  private attempt(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.next(error)
    }
  }

  /** Gives the request a new, empty session. */
  generate(): void | Promise<void> {
    const id = this.app.options.genid(this.req)
    if (isPromise(id)) return id.then((id) => this.generateAs(id as string))
    this.generateAs(id as string)
  }

  private generateAs(id: string): void {
    this.req.sessionID = id
    const session = this.empty()
    this.place(session)
    if (this.id !== undefined) return
    this.id = id
    this.before = '{}'
    this.attributes = attributes(session.cookie)
  }

  /** A session that holds nothing, under the request's id. */
  empty(): Session {
    const session = new Session(this.req)
    const { secure, sameSite } = this.cookieOptions
    session.cookie = new Cookie(this.cookieOptions)
    const overTls = () => isSecure(this.req, this.app.options.proxy)
    if (secure === 'auto') session.cookie.secure = overTls()
    if (sameSite === 'auto') session.cookie.sameSite = overTls() ? 'none' : 'lax'
    return session
  }

  /** Takes over a session that was found; `unread` makes it when it is first looked at. */
  adopt(id: string, data: (() => string) | string, unread: () => Session): void {
    this.id = id
    this.updates.clear()
    this.unread = () => {
      const session = unread()
      this.before = typeof data === 'string' ? data : data()
      this.attributes = attributes(session.cookie)
      if (!this.app.options.resave) this.saved = { id, data: this.before }
      return session
    }
    Object.defineProperty(this.req, 'session', {
      configurable: true,
      enumerable: true,
      get: () => this.read(),
      set: (session) => this.place(session)
    })
  }

  /** The session, looked at for the first time. */
  private read(): Session {
    const session = this.unread!()
    this.place(session)
    return session
  }

  private place(session: Session | null | undefined): void {
    this.unread = undefined
    Object.defineProperty(this.req, 'session', { value: session, configurable: true, enumerable: true, writable: true })
  }

  save(session: Session, done: Callback, data = dataText(session)): void {
    const { saved, attributes: before } = this
    // Noted at once, so that who saves and does not wait does not save twice.
    const noted = this.settle(session, data)
    this.keeper.save(this, session, data, (error) => {
      if (error && this.saved === noted) Object.assign(this, { saved, attributes: before })
      done(error)
    })
  }

  /** Notes what is in the store now. */
  settle(session: Session, data = dataText(session)): object {
    this.attributes = attributes(session.cookie)
    return (this.saved = { id: session.id, data })
  }

  /** Whether the application has changed the cookie's attributes. */
  cookieModified(session: Session): boolean {
    return this.attributes !== undefined && differ(this.attributes, attributes(session.cookie))
  }

  reload(session: Session, done: Callback): void {
    this.keeper.find(this, session.id, (error, found) => {
      if (error) return done(error)
      done(found ? undefined : new Error('failed to load session'))
    })
  }

  destroy(session: Session, done: Callback): void {
    this.ended = session.cookie
    this.keeper.destroy(this, session.id, done)
  }

  rotate(session: Session, rotation: Rotation, done: Callback): void {
    const act = (id: unknown) => this.keeper.rotate(this, session, { ...rotation, nextId: id as string }, done)
    try {
      const id = this.app.options.genid(this.req)
      if (isPromise(id)) id.then(act, done)
      else act(id)
    } catch (error) {
      done(error)
    }
  }

  /** Ends the session and begins one that is stored only if something is put into it. */
  logout(done: Callback): void {
    const session = this.req.session
    if (!session) return done()
    this.destroy(session, (error) => {
      if (error) return done(error)
      this.id = undefined
      this.memory = undefined
      const generated = this.generate()
      if (isPromise(generated)) generated.then(() => done(), done)
      else done()
    })
  }

  updated(session: Session, key: string, update: Update): void {
    if (session !== this.req.session) return
    const before = this.updates.get(key)
    // Whoever has set the key since then does not want what was computed before.
    const goesOn = before !== undefined && before.to === update.from
    this.updates.set(key, goesOn ? composed(before, update) : update)
  }

  /** Who is signed in. */
  owner(): string | null {
    return (this.memory as { owner?: string | null } | undefined)?.owner ?? null
  }

  /** The session has got another id, which the browser needs. */
  renamed(session: Session, id: string): void {
    this.req.sessionID = id
    hide(session, 'id', id)
    this.stale = true
    if (this.plan) this.plan = { ...this.plan, sendCookie: true }
  }

  /** The session was ended by another request: it is neither saved nor sent. */
  endedMeanwhile(): void {
    debug('session ended meanwhile')
    this.isOver = true
  }

  head(): void {
    try {
      const { sendCookie } = (this.plan ??= this.decide())
      if (sendCookie && !this.isOver) this.sendCookie()
      else if (this.ended && !this.app.options.keepCookie) this.removeCookie(this.ended)
    } catch (error) {
      setImmediate(this.next, error)
    }
  }

  finish(done: Callback): void {
    try {
      const now = (this.plan = this.decide())
      // A cookie that can't be written is an error while there can still be another answer.
      if (now.sendCookie && !this.res.headersSent) this.header = this.makeHeader()
      this.act(now, done)
    } catch (error) {
      this.plan = NOTHING
      done(error)
    }
  }

  failed(error: unknown, open: boolean): void {
    debug('error %s', (error as Error)?.message)
    this.plan = NOTHING
    if (!open) return void setImmediate(this.next, error)
    for (const name of OF_THE_BODY) this.res.removeHeader(name)
    this.next(error)
  }

  private act(now: Plan, done: Callback): void {
    const { req } = this
    switch (now.store) {
      case 'destroy':
        debug('destroying')
        return this.keeper.destroy(this, req.sessionID!, done)
      case 'save':
        debug('saving %s', this.app.show(req.sessionID!))
        this.touch()
        return this.save(req.session!, done, this.data)
      case 'touch':
        debug('touching')
        if (!this.unread) this.touch()
        return this.keeper.touch(this, () => this.req.session!, done)
      default:
        return done()
    }
  }

  /** Starts the cookie's age anew, once. */
  private touch(): void {
    if (!this.touched) this.req.session!.touch()
    this.touched = true
  }

  private decide(): Plan {
    const { req, app, id, saved } = this
    const { options } = app
    const unread = this.unread !== undefined && !options.resave && !options.rolling && !this.stale
    const session = unread ? undefined : req.session
    this.data = session ? dataText(session) : ''
    const cookieModified = !!session && this.cookieModified(session)
    const modified = !!session && (session.id !== id || cookieModified || this.data !== this.before)
    const situation = {
      present: unread || !!session,
      named: typeof req.sessionID === 'string',
      presented: this.presented === req.sessionID,
      modified,
      saved: unread || (saved?.id === session?.id && saved?.data === this.data && !cookieModified),
      everSaved: unread || saved !== undefined,
      cookieModified,
      persistent: session?.cookie.expires != null,
      stale: this.stale,
      rolling: options.rolling,
      saveUninitialized: options.saveUninitialized,
      destroyOnUnset: options.unset === 'destroy' && !!req.sessionID
    }
    return this.keeper.adjust(this, plan(situation), modified)
  }

  private sendCookie(): void {
    const { header } = this
    const current = header?.id === this.req.sessionID ? header : this.makeHeader()
    if (current) append(this.res, 'Set-Cookie', current.text)
  }

  private makeHeader(): { id: string; text: string } | undefined {
    const { req, app } = this
    const { cookie } = req.session!
    if (cookie.secure && !isSecure(req, app.options.proxy)) {
      debug('not secured')
      app.warnInsecure(req)
      return undefined
    }
    this.touch()
    const id = req.sessionID!
    return { id, text: setCookie(app.options.name, app.sign(req, id), cookie.data) }
  }

  /** A cookie is removed by one of the same name, domain, path and partition (RFC 6265bis, section 5.7). */
  private removeCookie(cookie: Cookie): void {
    const { name } = this.app.options
    if (this.presented === undefined || mentions(this.res, name)) return
    append(this.res, 'Set-Cookie', setCookie(name, '', { ...cookie.data, expires: new Date(0) }))
  }
}

const NOTHING: Plan = { store: 'none', sendCookie: false }

/** What a head says of a body that will not be sent. */
const OF_THE_BODY = ['Content-Length', 'Content-Encoding', 'Content-Range', 'Content-Language', 'Content-Type', 'ETag',
  'Last-Modified', 'Location', 'Transfer-Encoding']

function differ(one: unknown[], other: unknown[]): boolean {
  return one.some((value, at) => value !== other[at])
}

/** Whether the application itself sets or removes this cookie. */
function mentions(res: Response, name: string): boolean {
  const values = res.getHeader('Set-Cookie') ?? []
  return [values].flat().some((value) => String(value).startsWith(`${name}=`))
}

function composed(first: Update, second: Update): Update {
  return { from: first.from, to: second.to, compute: (value) => second.compute(first.compute(value)) }
}
