/** One request and its session, from the cookie that came to the cookie that goes. */

import { tellCaches } from './caching'
import { Cookie, attributes, setCookie, setStrictCookie } from './cookie'
import type { CookieData } from './cookie'
import type { Credentials } from './credentials'
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
import type { Transport } from './transport'

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
  /** A write of this request has shown that the session goes by this id. */
  isConfirmed = false
  /** The application has changed the cookie's attributes, and the store does not have them yet. */
  cookieUnsaved = false
  /** A twentieth of the session's idle time has passed, or the application asked for a touch. */
  due = false

  private readonly keeper: Keeper
  /** The session as it was at first: its id, its data as JSON, its cookie's attributes. */
  private id: string | undefined
  private before = '{}'
  /** Whether that JSON is as we write it. */
  private hasOwnWords = true
  private attributes: unknown[] | undefined
  /** The data as they were last saved, and under which id. */
  private saved: { id: string; data: string } | undefined
  /** A session that nobody has looked at yet. */
  private unread: (() => Session) | undefined
  /** What the request has as its session, once that has been looked at. */
  private session: Session | null | undefined
  private touched = false
  /** Somebody has asked for the session or for what is known of it. */
  private isLookedAt = false
  private isStored = false
  /** The way of the credential. */
  private way: Transport
  private plan: Plan | undefined
  /** The data as JSON when it was last decided what to do. */
  private data = ''
  /** The credential's header, and the id that it is for. */
  private header: { id: string; text: string } | undefined
  /** The cookie of the session that the request had last. */
  private cookie: Cookie | undefined
  /** The session that was ended by this request. */
  private ended: { id: string; cookie: Cookie } | undefined
  /** What the handler has asked for and is not done yet, and who waits for the end of it. */
  private underway = 0
  private waiting: (() => void) | undefined
  /** What the application has been told is wrong with its data. */
  private isBroken = false
  private isOver = false
  /** What a `genid` that returns promises is at. */
  private generating: Promise<void> | undefined

  constructor(
    readonly app: Application,
    readonly req: Request,
    readonly res: Response,
    private readonly next: Next,
    readonly cookieOptions: Record<string, unknown>
  ) {
    this.keeper = app.keeper()
    this.way = app.options.transports[0]!
    ;(req as { [EXCHANGE]?: Exchange })[EXCHANGE] = this
  }

  /** Finds the request's session, or begins a new one. */
  start(credentials: Credentials): void {
    guard(this.res, this)
    this.way = credentials.way ?? this.way
    this.find(credentials.ids, credentials)
  }

  /** The first of these ids that has a session counts. */
  private find([id, ...others]: string[], credentials: Credentials): void {
    this.req.sessionID = id as string
    if (id === undefined) {
      debug('no SID sent, generating session')
      return this.begin()
    }
    this.presented = id
    if (debug.enabled) debug('fetching %s', this.app.show(id))
    this.keeper.find(this, id, (error, found) => {
      if (error) return this.next(error)
      if (!found && others.length > 0) return this.find(others, credentials)
      if (!found) return this.begin()
      this.stale ||= credentials.old.has(id)
      this.way = credentials.ways?.get(id) ?? this.way
      this.next()
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
    if (!isPromise(id)) return this.generateAs(id as string)
    return (this.generating = id.then((id) => this.generateAs(id as string)))
  }

  /** The store ends the session and has a new one generated. Those that were made for express-session don't wait for it. */
  regenerate(done: Callback): void {
    const { cookie } = this
    const id = this.req.sessionID!
    this.generating = undefined
    this.req.sessionStore!.regenerate(this.req, (error) => {
      if (!error && cookie) this.ended = { id, cookie }
      if (this.generating) this.generating.then(() => done(error), done)
      else done(error)
    })
  }

  private generateAs(id: string): void {
    this.req.sessionID = id
    const session = this.empty()
    this.isStored = false
    this.isConfirmed = false
    this.stale = false
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
  adopt(id: string, data: (() => string) | string, unread: () => Session, hasOwnWords = typeof data !== 'string'): void {
    const isReloaded = this.id !== undefined
    this.id ??= id
    this.isStored = true
    this.updates.clear()
    this.cookieUnsaved = false
    this.unread = () => {
      const session = unread()
      this.attributes = attributes(session.cookie)
      // What a session was at first stays what it was, also when it is read again.
      if (isReloaded) return session
      this.before = typeof data === 'string' ? data : data()
      this.hasOwnWords = hasOwnWords
      if (!this.app.options.resave) this.saved = { id, data: this.before }
      return session
    }
    Object.defineProperty(this.req, 'session', SESSION)
  }

  /** A session that can be added to and not seen: to its visitor it is an empty one. */
  adoptRetired(id: string): void {
    this.adopt(id, '{}', () => this.empty())
    this.isStored = false
  }

  /** The session, which is made when it is first looked at. */
  read(): Session | null | undefined {
    if (this.unread) this.place(this.unread())
    return this.session
  }

  place(session: Session | null | undefined): void {
    this.unread = undefined
    if (session) this.cookie = session.cookie
    this.session = session
    Object.defineProperty(this.req, 'session', SESSION)
  }

  /** Does what the handler asks for. The response waits for it, even if the handler does not. */
  perform(act: (done: Callback) => void, done: Callback): void {
    let isDone = false
    this.underway += 1
    try {
      act((error) => {
        isDone = true
        this.underway -= 1
        done(error)
        if (this.underway === 0) this.waiting?.()
      })
    } catch (error) {
      if (!isDone) this.underway -= 1
      throw error
    }
  }

  save(session: Session, done: Callback, text?: string): void {
    let data: string
    try {
      data = text ?? this.textOf(session)
    } catch (error) {
      return done(error)
    }
    const { saved, attributes: before, isStored } = this
    this.cookieUnsaved ||= this.cookieModified(session)
    // Noted at once, so that who saves and does not wait does not save twice.
    const noted = this.settle(session, data)
    this.keeper.save(this, session, data, (error) => {
      if (error && this.saved === noted) Object.assign(this, { saved, attributes: before, isStored })
      done(error)
    })
  }

  /** Notes what is in the store now. */
  settle(session: Session, data = dataText(session)): object {
    this.attributes = attributes(session.cookie)
    this.isStored = true
    return (this.saved = { id: session.id, data })
  }

  /** Whether the application has changed the cookie's attributes. */
  private cookieModified(session: Session): boolean {
    return this.attributes !== undefined && differ(this.attributes, attributes(session.cookie))
  }

  reload(session: Session, done: Callback): void {
    this.keeper.find(this, session.id, (error, found) => {
      if (error) return done(error)
      done(found ? undefined : new Error('failed to load session'))
    })
  }

  destroy(session: Session, done: Callback): void {
    this.keeper.destroy(this, session.id, (error) => {
      if (!error) this.ended = session
      done(error)
    })
  }

  /** The data as JSON. Throws when they can't be JSON, which the application is told once. */
  private textOf(session: Session): string {
    try {
      return dataText(session)
    } catch (error) {
      this.isBroken = true
      throw error
    }
  }

  rotate(session: Session, rotation: Rotation, done: Callback): void {
    // Nobody knows the id of a session that is not stored, and a new one is no reason to store it.
    if (this.app.options.strict && rotation.intent === 'rotate' && !this.isStored) return done()
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
      this.saved = undefined
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

  /** Notes that the answer depends on the session. */
  look(): void {
    this.isLookedAt = true
  }

  /** Whether the session is not stored yet. */
  isNew(): boolean {
    this.look()
    return !this.isStored
  }

  /** That the application wants the session's life to start anew, due or not. */
  touchAsked(session: Session): void {
    if (!this.touched && session === this.session) this.due = true
  }

  /** Who is signed in. What is remembered may be a session that is no longer the request's. */
  owner(): string | null {
    this.look()
    const { memory, req } = this
    const { id, owner } = (memory ?? {}) as { id?: string; owner?: string | null }
    const isCurrent = id === req.sessionID && Object.hasOwn(req, 'session') && (this.unread !== undefined || !!req.session)
    return (isCurrent && owner) || null
  }

  /** The session has got another id, which the browser needs. */
  renamed(session: Session, id: string): void {
    this.rename(session, id)
    this.stale = true
    if (this.plan) this.plan = { ...this.plan, sendCookie: true }
  }

  /** Whether the answer brings the browser a credential, as far as is known. */
  sendsCredential(): boolean {
    return this.plan?.sendCookie === true
  }

  rename(session: Session, id: string): void {
    this.req.sessionID = id
    hide(session, 'id', id)
  }

  /** The session was ended by another request: it is neither saved nor sent. */
  endedMeanwhile(): void {
    debug('session ended meanwhile')
    this.isOver = true
  }

  head(): void {
    try {
      const { cacheHeaders, keepCookie, transports } = this.app.options
      const { sendCookie } = (this.plan ??= this.decide())
      if (cacheHeaders && (sendCookie || this.isLookedAt)) tellCaches(this.res, transports.map((way) => way.request))
      if (sendCookie && !this.isOver) this.sendCredential()
      else if (this.ended && !keepCookie) this.removeCredential(this.ended.cookie)
    } catch (error) {
      setImmediate(this.next, error)
    }
  }

  finish(done: Callback): void {
    if (this.underway > 0) this.waiting = () => this.close(done)
    else this.close(done)
  }

  private close(done: Callback): void {
    this.waiting = undefined
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
        return this.keeper.destroy(this, req.sessionID!, (error) => {
          if (!error) this.ended = { id: req.sessionID!, cookie: this.cookie ?? new Cookie(this.cookieOptions) }
          done(error)
        })
      case 'save':
        if (debug.enabled) debug('saving %s', this.app.show(req.sessionID!))
        this.touch()
        return this.save(this.current()!, done, this.data)
      case 'touch':
        debug('touching')
        if (!this.unread) this.touch()
        return this.keeper.touch(this, () => this.current()!, done)
      default:
        // Applications may look at the age of a cookie that is not sent, and learn of one that can't be.
        if (!this.unread && this.current()) this.touch()
        return done()
    }
  }

  /** Starts the cookie's age anew, once. */
  private touch(): void {
    if (this.touched) return
    this.touched = true
    this.current()!.touch()
  }

  /** The request's session, if it still has one. That we look at it does not count. */
  private current(): Session | null | undefined {
    const { isLookedAt } = this
    const { session } = this.req
    this.isLookedAt = isLookedAt
    return session
  }

  private decide(): Plan {
    const { req, app, id, saved } = this
    const { options } = app
    // `delete req.session` takes away one that nobody has looked at, too.
    const isThere = Object.hasOwn(req, 'session')
    if (options.strict && !options.saveUninitialized && isThere && !this.isLookedAt) return NOTHING
    const unread = isThere && this.unread !== undefined && !options.strict && !options.resave && !options.rolling && !this.stale
    const session = (!unread && this.current()) || undefined
    // An error page about data that can't be saved is an answer, too.
    if (session && this.isBroken && !isWritable(session)) return NOTHING
    this.data = session ? this.textOf(session) : ''
    const cookieModified = !!session && this.cookieModified(session)
    const isSavedAs = saved !== undefined && saved.id === session?.id
    const presented = this.presented === req.sessionID
    // Strictly, a new session is worth storing for its data alone.
    const isUnknown = options.strict && !presented && !isSavedAs
    const modified = !!session && (isUnknown ? this.data !== '{}' : session.id !== id || cookieModified || this.isChanged())
    const isSaved = unread || (isSavedAs && saved.data === this.data && !cookieModified)
    const situation = {
      present: unread || !!session,
      named: typeof req.sessionID === 'string' && req.sessionID !== '',
      presented,
      modified,
      saved: isSaved,
      everSaved: unread || (options.strict ? isSavedAs : saved !== undefined),
      cookieModified,
      persistent: session?.cookie.expires != null,
      stale: this.stale,
      rolling: options.rolling,
      saveUninitialized: options.saveUninitialized,
      destroyOnUnset: options.unset === 'destroy' && id !== undefined && !!req.sessionID && !unread && this.current() == null && this.ended?.id !== req.sessionID,
      due: this.due,
      strict: options.strict
    }
    return this.keeper.adjust(this, plan(situation), modified || (!!session && saved !== undefined && !isSaved))
  }

  /** Whether the data are no longer what they were. Other writers put the same in other words, 1.0 for 1 say. */
  private isChanged(): boolean {
    if (this.data === this.before) return false
    if (this.hasOwnWords) return true
    this.hasOwnWords = true
    const before = inOwnWords(this.before)
    if (this.saved?.data === this.before) this.saved.data = before
    this.before = before
    return this.data !== before
  }

  private sendCredential(): void {
    const { header } = this
    // What a strict cookie says depends on how long the session lives, which is known when it has been saved.
    const isCurrent = header?.id === this.req.sessionID && !this.app.options.strict
    const current = isCurrent ? header : this.makeHeader()
    if (current && this.way.isCookie) append(this.res, 'Set-Cookie', current.text)
    else if (current) this.res.setHeader(this.way.response, current.text)
  }

  private makeHeader(): { id: string; text: string } | undefined {
    const { req, app, way } = this
    const { cookie } = this.current()!
    if (way.isCookie && cookie.secure && !isSecure(req, app.options.proxy)) {
      debug('not secured')
      app.warnInsecure(req)
      return undefined
    }
    this.touch()
    const id = req.sessionID!
    const value = app.sign(req, id)
    return { id, text: way.isCookie ? this.cookieHeader(value, dataOf(cookie)) : decodeURIComponent(value) }
  }

  private cookieHeader(value: string, data: CookieData): string {
    const { name, strict } = this.app.options
    // What a session had left when it was found says nothing: its life starts anew.
    const { remaining = Infinity } = (this.isConfirmed ? this.memory : {}) as { remaining?: number }
    return strict ? setStrictCookie(name, value, data, remaining) : setCookie(name, value, data)
  }

  /** A cookie is removed by one of the same name, domain, path and partition (RFC 6265bis, section 5.7). */
  private removeCredential(cookie: Cookie): void {
    const { name, strict } = this.app.options
    if (this.presented === undefined) return
    if (!this.way.isCookie) return void this.res.setHeader(this.way.response, '')
    if (mentions(this.res, name)) return
    const gone = { ...dataOf(cookie), expires: new Date(0) }
    append(this.res, 'Set-Cookie', strict ? setCookie(name, '', gone, 0) : `${setCookie(name, '', gone)}; Max-Age=0`)
  }
}

/** A request's `session`. One for all: with functions of its own, each request would have a shape of its own, too. */
const SESSION: PropertyDescriptor & ThisType<Request> = {
  configurable: true,
  enumerable: true,
  get() {
    const exchange = exchangeOf(this)!
    exchange.look()
    return exchange.read()
  },
  set(session) {
    const exchange = exchangeOf(this)!
    exchange.look()
    exchange.place(session)
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

/** A document's data as a session with these data has them. */
function inOwnWords(data: string): string {
  return dataText(new Session({} as Request, JSON.parse(data)))
}

function differ(one: unknown[], other: unknown[]): boolean {
  return one.some((value, at) => !Object.is(value, other[at]))
}

/** Whether the application itself sets or removes this cookie. */
function mentions(res: Response, name: string): boolean {
  const values = res.getHeader('Set-Cookie') ?? []
  return [values].flat().some((value) => String(value).startsWith(`${name}=`))
}

function composed(first: Update, second: Update): Update {
  return { from: first.from, to: second.to, compute: (value) => second.compute(first.compute(value)) }
}
