/**
 * The session that a request holds: express-session's `Session`, whose methods return promises when
 * they are given no callback.
 *
 * Its enumerable properties are the cookie and the application's data, nothing else.
 */

import { inspect } from 'node:util'

import { Cookie, omitting } from './cookie'
import type { CookieData } from './cookie'
import { exchangeOf } from './exchange'
import { membersOf } from './members'
import { OWN_NAMES } from './own-names'
import { isSecure } from './request'
import type { Callback, Request } from './request'

/** A session as stores hold it. */
export interface SessionData {
  cookie: CookieData & Partial<Cookie>
  [key: string]: any
}

export interface Session {
  readonly id: string
  readonly req: Request
  cookie: Cookie
  [key: string]: any
}

export const Session = function Session(this: Session, req: Request, data?: object) {
  hide(this, 'req', req)
  hide(this, 'id', req.sessionID)
  if (typeof data !== 'object' || data === null) return
  for (const name in data) {
    if (!(name in OWN_NAMES)) (this as Record<string, unknown>)[name] = (data as Record<string, unknown>)[name]
  }
} as unknown as { new (req: Request, data?: object): Session; prototype: Session }

/** A session that holds nothing, under the request's id. */
export function newSession(req: Request, options: Record<string, unknown>, proxy: boolean | undefined): Session {
  const session = new Session(req)
  session.cookie = new Cookie(options)
  if (options.secure === 'auto') session.cookie.secure = isSecure(req, proxy)
  if (options.sameSite === 'auto') session.cookie.sameSite = isSecure(req, proxy) ? 'none' : 'lax'
  return session
}

/** Sets a property that is neither enumerated nor stored. */
export function hide(session: object, name: string, value: unknown): void {
  Object.defineProperty(session, name, { value, configurable: true })
}

const methods: Record<string, (this: Session, ...rest: any[]) => unknown> = {
  /** Starts the cookie's age anew. */
  touch() {
    exchangeOf(this.req)?.touchAsked(this)
    return this.resetMaxAge()
  },

  resetMaxAge() {
    this.cookie.maxAge = this.cookie.originalMaxAge
    return this
  },

  /** Saves now, instead of at the response's end. */
  save(callback?: Callback) {
    return answer(this, callback, (done) => {
      const exchange = exchangeOf(this.req)
      if (exchange) exchange.perform((done) => exchange.save(this, done), done)
      else this.req.sessionStore!.set(this.id, this, done)
    })
  },

  /** Reads the session again, into a new `req.session`; what was not saved is gone. */
  reload(callback?: Callback) {
    return answer(this, callback, (done) => {
      const exchange = exchangeOf(this.req)
      if (exchange) exchange.perform((done) => exchange.reload(this, done), done)
      else reload(this, done)
    })
  },

  /** Ends the session. The request has none from this moment. */
  destroy(callback?: Callback) {
    delete this.req.session
    return answer(this, callback, (done) => {
      const exchange = exchangeOf(this.req)
      if (exchange) exchange.perform((done) => exchange.destroy(this, done), done)
      else this.req.sessionStore!.destroy(this.id, done)
    })
  },

  /** Ends the session and begins another one. */
  regenerate(callback?: Callback) {
    return answer(this, callback, (done) => {
      const exchange = exchangeOf(this.req)
      if (exchange) exchange.perform((done) => exchange.regenerate(done), done)
      else this.req.sessionStore!.regenerate(this.req, done)
    })
  },

  /**
   * Sets a key to what `compute` makes of its value, and returns that. When another request changed the key
   * meanwhile, `compute` runs again on the new value: so it should depend on nothing else.
   */
  update(key: string, compute: (value: unknown) => unknown) {
    const before = this[key]
    const from = JSON.stringify(before)
    const value = compute(before)
    if (typeof (value as Promise<unknown> | undefined)?.then === 'function') {
      throw new TypeError('session.update: the function must return the value, not a promise of it')
    }
    if (value === undefined) delete this[key]
    else this[key] = value
    exchangeOf(this.req)?.updated(this, key, { compute, from, to: JSON.stringify(value) })
    return value
  },

  /** Gives the session a new id now; the data stay, and for a while the old id leads to it, too. */
  rotate(callback?: Callback) {
    return answer(this, callback, (done) => {
      const exchange = exchangeOf(this.req)
      if (exchange) exchange.perform((done) => exchange.rotate(this, { intent: 'rotate' }, done), done)
      else done(new Error('session.rotate needs the request that the session belongs to'))
    })
  }
}

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Session.prototype, name, { value, writable: true, configurable: true, enumerable: false })
}

/** Shows values, also those that nobody has looked at yet. */
Object.defineProperty(Session.prototype, inspect.custom, {
  configurable: true,
  writable: true,
  value(this: Session) {
    membersOf(this)?.reveal()
    return this
  }
})

/** With a callback, calls it and returns the session; without one, returns a promise. */
function answer(session: Session, callback: Callback | undefined, act: (done: Callback) => void): unknown {
  if (typeof callback === 'function') {
    act(callback)
    return session
  }
  let done!: Callback
  const promise = new Promise<void>((resolve, reject) => (done = (error) => (error ? reject(error) : resolve())))
  // Outside of the promise: a store that throws throws at whoever called, as it does in express-session.
  act(done)
  // Applications written for express-session call `save()` and do not look back.
  promise.catch(() => {})
  return promise
}

function reload(session: Session, done: Callback): void {
  const { req, id } = session
  req.sessionStore!.get(id, (error, data) => {
    if (error) return done(error)
    if (!data) return done(new Error('failed to load session'))
    req.sessionStore!.createSession(req, data)
    done()
  })
}

/** The application's data as JSON: the session without its cookie. */
export function dataText(session: object): string {
  const { cookie } = session as Session
  if (cookie instanceof Cookie) return omitting(cookie, () => membersText(session) ?? JSON.stringify(session))
  return membersText(session) ?? JSON.stringify(session, function (this: unknown, key: string, value: unknown) {
    return this === session && key === 'cookie' ? undefined : value
  })
}

/** As `JSON.stringify` would have it, if the session knows its members. What can't be JSON it tells with better words. */
function membersText(session: object): string | undefined {
  const members = membersOf(session)
  if (!members || typeof (session as Session).toJSON === 'function') return undefined
  try {
    return members.text()
  } catch {
    return undefined
  }
}
