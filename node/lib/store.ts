/** The base of all stores: express-session's `Store`. */

import { EventEmitter } from 'node:events'
import { inherits } from 'node:util'

import { storedCookie } from './cookie'
import type { Callback, Request } from './request'
import { Session } from './session'
import type { SessionData } from './session'

export interface Store extends EventEmitter {
  get(sid: string, callback: Callback<SessionData | null>): unknown
  set(sid: string, session: Session, callback?: Callback): unknown
  destroy(sid: string, callback?: Callback): unknown
  touch?(sid: string, session: Session, callback?: Callback): unknown
  regenerate(req: Request, callback: Callback): void
  load(sid: string, callback: Callback<Session>): void
  createSession(req: Request, data: SessionData): Session
  /** Puts a new session into the request; the middleware puts this method on its store. */
  generate(req: Request): unknown
}

/** A function and not a class, because stores written for ES5 call it without `new`. */
export const Store = function Store(this: Store) {
  EventEmitter.call(this)
} as unknown as { new (): Store; (this: unknown): void; prototype: Store }

inherits(Store, EventEmitter)

/** Ends the request's session and gives it a new one, also if ending fails. */
Store.prototype.regenerate = function (this: Store, req, callback) {
  this.destroy(req.sessionID as string, (error) => {
    const generated = this.generate(req)
    if (isPromise(generated)) generated.then(() => callback(error), callback)
    else callback(error)
  })
}

/** Reads a session outside of a request. Without one, `callback` gets nothing. */
Store.prototype.load = function (this: Store, sid, callback) {
  this.get(sid, (error, data) => {
    if (error) return callback(error)
    if (!data) return callback()
    callback(null, this.createSession({ sessionID: sid, sessionStore: this } as unknown as Request, data))
  })
}

/** Makes a request's session of what a store holds. Throws when that has no cookie. */
Store.prototype.createSession = createSession

export function createSession(this: Store, req: Request, data: SessionData): Session {
  data.cookie = storedCookie(data.cookie)
  return (req.session = new Session(req, data))
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | undefined)?.then === 'function'
}
