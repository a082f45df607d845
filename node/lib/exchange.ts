/** One request and its session, from the cookie that came to the cookie that goes. */

import { firstAnswer } from './callback-keeper'
import { Closing } from './closing'
import type { Cookie } from './cookie'
import type { Credentials } from './credentials'
import debug from './debug'
import { guard } from './gate'
import type { Application } from './application'
import type { Keeper, Rotation } from './keeper'
import { Ledger } from './ledger'
import { membersOf } from './members'
import type { Callback, Next, Request, Response } from './request'
import { dataText, hide, newSession } from './session'
import type { Session } from './session'
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

/** Most requests compute nothing. It stays empty. */
const NO_UPDATES: Map<string, Update> = new Map()

export class Exchange {
  /** The request's `sessionID`, where that was not sought at first. */
  sessionID: string | undefined
  /** The id that the browser presented. */
  presented: string | undefined
  /** The browser needs a new credential for it: it was signed by an old secret, or its id has been rotated. */
  stale = false
  /** A twentieth of the session's idle time has passed, or the application asked for a touch. */
  due = false
  /** The way of the credential. */
  way: Transport
  /** What `session.update` did since the session was last saved, by key. */
  updates = NO_UPDATES
  readonly ledger = new Ledger()
  readonly keeper: Keeper
  /** What the keeper remembers of the session as it stands in the store. */
  memory: unknown
  /** A write of this request has shown that the session goes by this id. */
  isConfirmed = false
  /** The cookie of the session that the request had last. */
  cookie: Cookie | undefined
  /** The session that was ended by this request. */
  ended: { id: string; cookie: Cookie } | undefined
  /** Somebody has asked for the session or for what is known of it. */
  isLookedAt = false
  /** The application has been told that its data can't be JSON. */
  isBroken = false

  private readonly closing: Closing
  /** A session that nobody has looked for yet. */
  private unsought: (() => void) | undefined
  private isSeeking = false
  /** A session that nobody has looked at yet. */
  private unread: (() => Session) | undefined
  /** What the request has as its session, once that has been looked at. */
  private session: Session | null | undefined
  /** What the handler has asked for and is not done yet, and who waits for the end of it. */
  private underway = 0
  private waiting: (() => void) | undefined
  /** The saves that wait for the one that is under way. */
  private saves: (() => void)[] | undefined
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
    this.closing = new Closing(this, next)
    this.way = app.options.transports[0]!
    ;(req as { [EXCHANGE]?: Exchange })[EXCHANGE] = this
  }

  /** Finds the request's session, or begins a new one. */
  start(credentials: Credentials): void {
    guard(this.res, this.closing)
    this.way = credentials.way ?? this.way
    const [id, ...others] = credentials.ids
    if (id !== undefined && others.length === 0 && !credentials.old.has(id) && this.mayWait()) this.wait(id)
    else this.find(credentials.ids, credentials)
  }

  /** Whether it is nobody's business if there is a session, until somebody looks. */
  private mayWait(): boolean {
    const { hasOwnIds, rolling, saveUninitialized } = this.app.options
    return this.keeper.visit !== undefined && hasOwnIds && !rolling && !saveUninitialized
  }

  /** Leaves the session where it is until somebody looks at it or at its id. */
  private wait(id: string): void {
    const { req } = this
    this.presented = id
    this.sessionID = id
    this.unsought = () => {
      this.unsought = undefined
      this.isSeeking = true
      this.keeper.find(this, id, (error, found) => {
        this.isSeeking = false
        if (error) throw error
        if (!found) this.renew()
      })
    }
    Object.defineProperty(req, 'session', SESSION)
    Object.defineProperty(req, 'sessionID', SESSION_ID)
    this.next()
  }

  /** The id of a session that nobody has looked for. */
  get unsoughtId(): string | undefined {
    return this.unsought && this.presented
  }

  seek(): void {
    this.unsought?.()
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
    try {
      this.renew()
    } catch (error) {
      return this.next(error)
    }
    if (this.generating) this.generating.then(() => process.nextTick(this.next), this.next)
    else this.next()
  }

  /** Has a new session generated, by the store's method: applications put theirs in its place. */
  private renew(): void {
    this.generating = undefined
    this.app.store.generate(this.req)
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
    const regenerate = (answer: Callback) => this.req.sessionStore!.regenerate(this.req, answer)
    firstAnswer('regenerate', this.app.options.storeDeadline, regenerate, (error) => {
      if (!error && cookie) this.ended = { id, cookie }
      if (this.generating) this.generating.then(() => done(error), done)
      else done(error)
    })
  }

  private generateAs(id: string): void {
    this.req.sessionID = id
    const session = this.empty()
    this.isConfirmed = false
    this.stale = false
    this.place(session)
    this.ledger.begin(id, session.cookie)
  }

  /** A session that holds nothing, under the request's id. */
  empty(): Session {
    return newSession(this.req, this.cookieOptions, this.app.options.proxy)
  }

  /** The session that a store makes in the request. That this is looked at does not count. */
  made(make: () => unknown): Session | null | undefined {
    const { isLookedAt } = this
    // First: a request whose `session` becomes another kind of property is slow from then on.
    this.install()
    try {
      make()
      return this.req.session
    } finally {
      this.isLookedAt = isLookedAt
    }
  }

  /** Takes over a session that was found; `unread` makes it when it is first looked at. */
  adopt(id: string, data: (() => string) | string, unread: () => Session, hasOwnWords = typeof data !== 'string'): void {
    const note = this.ledger.find(id)
    this.updates = NO_UPDATES
    this.unread = () => {
      const session = unread()
      // Those that know their members compare them one by one, whatever their words.
      const comparesWords = hasOwnWords || membersOf(session) !== undefined
      note(session, typeof data === 'string' ? data : data(), comparesWords, !this.app.options.resave)
      return session
    }
    // Where it was left until somebody looks, the property is there, or the application has taken it away.
    if (!this.isSeeking) this.install()
  }

  /** A session that can be added to and not seen: to its visitor it is an empty one. */
  adoptRetired(id: string): void {
    this.adopt(id, '{}', () => this.empty())
    this.ledger.isStored = false
  }

  /** The session, which is made when it is first looked at. */
  read(): Session | null | undefined {
    if (this.unread) {
      const session = this.unread()
      this.unread = undefined
      this.cookie = session.cookie
      this.session = session
    }
    return this.session
  }

  get isUnread(): boolean {
    return this.unread !== undefined
  }

  /** The request's session, if it still has one. That we look at it does not count. */
  current(): Session | null | undefined {
    const { isLookedAt } = this
    const { session } = this.req
    this.isLookedAt = isLookedAt
    return session
  }

  /** Puts a session into the request. */
  place(session: Session | null | undefined): void {
    this.put(session)
    this.install()
  }

  /** The same, where the request has the property already. */
  put(session: Session | null | undefined): void {
    this.seek()
    this.unread = undefined
    if (session) this.cookie = session.cookie
    this.session = session
  }

  private install(): void {
    Object.defineProperty(this.req, 'session', SESSION)
  }

  /** Does what the handler asks for. The response waits for it, even if the handler does not. */
  perform(act: (done: Callback) => void, done: Callback): void {
    let isDone = false
    this.underway += 1
    try {
      act((error) => {
        if (isDone) return
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

  /** Calls `act` when nothing that the handler has asked for is under way. */
  whenIdle(act: () => void): void {
    if (this.underway === 0) return act()
    this.waiting = () => {
      this.waiting = undefined
      act()
    }
  }

  save(session: Session, done: Callback, text?: string): void {
    let data: string
    try {
      data = text ?? this.textOf(session)
    } catch (error) {
      return done(error)
    }
    this.ledger.cookieUnsaved ||= this.ledger.isCookieChanged(session.cookie)
    // Noted at once, so that who saves and does not wait does not save twice.
    const takeBack = this.ledger.settle(session, data)
    this.keeper.save(this, session, data, (error) => {
      if (error) takeBack()
      done(error)
    })
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
  textOf(session: Session): string {
    try {
      return dataText(session)
    } catch (error) {
      this.isBroken = true
      throw error
    }
  }

  rotate(session: Session, rotation: Rotation, done: Callback): void {
    // Nobody knows the id of a session that is not stored, and a new one is no reason to store it.
    if (this.app.options.strict && rotation.intent === 'rotate' && !this.ledger.isStored) return done()
    const act = (id: unknown) => {
      if (typeof id !== 'string' || id === '') return done(new TypeError('genid must return an id: a string that is not empty'))
      this.keeper.rotate(this, session, { ...rotation, nextId: id }, done)
    }
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
      this.ledger.clear()
      this.memory = undefined
      this.renew()
      if (this.generating) this.generating.then(() => done(), done)
      else done()
    })
  }

  updated(session: Session, key: string, update: Update): void {
    if (session !== this.req.session) return
    const before = this.updates.get(key)
    // Whoever has set the key since then does not want what was computed before.
    const goesOn = before !== undefined && before.to === update.from
    if (this.updates === NO_UPDATES) this.updates = new Map()
    this.updates.set(key, goesOn ? composed(before, update) : update)
  }

  /** Notes that the answer depends on the session. */
  look(): void {
    this.isLookedAt = true
    this.seek()
  }

  /** Whether the session is not stored yet. */
  isNew(): boolean {
    this.look()
    return !this.ledger.isStored
  }

  /** That the application wants the session's life to start anew, due or not. */
  touchAsked(session: Session): void {
    if (!this.closing.hasTouched && session === this.session) this.due = true
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
    this.closing.renamed()
  }

  rename(session: Session, id: string): void {
    this.req.sessionID = id
    hide(session, 'id', id)
  }

  /** The session of this id was ended by another request: it is neither saved nor sent. */
  endedMeanwhile(id: string): void {
    this.closing.endedMeanwhile(id)
  }

  /** One at a time: a save goes on from what the one before it has stored. */
  inTurn(act: (pass: () => void) => void): void {
    const { saves } = this
    const go = () => act(() => this.pass())
    if (saves) return void saves.push(go)
    this.saves = []
    go()
  }

  private pass(): void {
    const next = this.saves?.shift()
    if (next) next()
    else this.saves = undefined
  }

  /** Whether the answer brings the browser a credential, as far as is known. */
  sendsCredential(): boolean {
    return this.closing.sendsCredential
  }
}

/** A request's `sessionID`, where that was not sought at first. */
const SESSION_ID: PropertyDescriptor & ThisType<Request> = {
  configurable: true,
  enumerable: true,
  get() {
    const exchange = exchangeOf(this)!
    exchange.seek()
    return exchange.sessionID
  },
  set(value) {
    const exchange = exchangeOf(this)!
    exchange.seek()
    exchange.sessionID = value
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
    exchange.put(session)
  }
}

function composed(first: Update, second: Update): Update {
  return { from: first.from, to: second.to, compute: (value) => second.compute(first.compute(value)) }
}
