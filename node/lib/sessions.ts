/** The sessions of a user: to sign in and out, to list them, to end one, the others, or all. */

import type { Application } from './application'
import { exchangeOf } from './exchange'
import type { Exchange } from './exchange'
import { leave, take } from './flash'
import type { Engine, UserSessionRecord } from './native'
import type { Callback, Request } from './request'
import type { Session } from './session'

/** One of a user's sessions, as «my devices» shows it. */
export interface UserSession {
  /** What names the session; `revoke` takes it. */
  id: string
  /** When the user signed in. */
  created: Date | null
  /** When it was last used, to within a twentieth of its idle time. */
  lastSeen: Date | null
  /** When it ends if it is not used. */
  expires: Date
  device: { agent: string; address: string }
}

export interface Device {
  agent?: string
  address?: string
}

export interface Sessions {
  /** Binds the session to a user who has just signed in, under a new id. The data stay, unless they were another user's. */
  login(req: Request, user: string, options?: { device?: Device }): Promise<void>
  /** Ends the session; the request goes on with a new, empty one, which is stored only if something is put into it. */
  logout(req: Request): Promise<void>
  /** Who is signed in. */
  userOf(req: Request): string | null
  /** Whether the request's session is not stored yet: the visitor brought none that is alive. */
  isNew(req: Request): boolean
  /** Leaves a message for a later page, where connect-flash keeps it. */
  flash(req: Request, kind: string, message: unknown): void
  /** Takes the messages of a kind. */
  flashes(req: Request, kind: string): unknown[]
  /** What names the request's session in a user's list. */
  idOf(req: Request): string | null
  /** The living sessions of a user, the one used last in front. */
  forUser(user: string): Promise<UserSession[]>
  /** Ends one of a user's sessions. `false`: the user has no such session. */
  revoke(user: string, id: string): Promise<boolean>
  /** Ends all sessions of a user, but for that of the request `except`; returns how many there were. */
  revokeAll(user: string, options?: { except?: Request }): Promise<number>
}

export function sessionsOf(app: Application): Sessions {
  const engine = (what: string): Engine => {
    if (app.engine && app.usesEngine()) return app.engine
    throw new Error(`sessions.${what} needs a store of handstamp: this one can not find the sessions of a user`)
  }
  return {
    async login(req, user, { device = deviceOf(req) } = {}) {
      engine('login')
      check('login', user)
      const { exchange, session } = current(req, 'login')
      await promised((done) => exchange.perform((done) => exchange.rotate(session, { intent: 'login', owner: user, device }, done), done))
    },

    async logout(req) {
      const exchange = exchangeOf(req)
      if (exchange) await promised((done) => exchange.perform((done) => exchange.logout(done), done))
    },

    userOf: (req) => exchangeOf(req)?.owner() ?? null,

    isNew: (req) => exchangeOf(req)?.isNew() ?? true,

    flash(req, kind, message) {
      leave(current(req, 'flash').session, kind, message)
    },

    flashes: (req, kind) => (req.session ? take(req.session, kind) : []),

    idOf(req) {
      exchangeOf(req)?.look()
      return req.sessionID === undefined ? null : app.show(req.sessionID).slice(1)
    },

    async forUser(user) {
      check('forUser', user)
      return (await engine('forUser').forUser(user)).map(userSession)
    },

    async revoke(user, id) {
      check('revoke', user)
      return engine('revoke').revoke(user, id)
    },

    async revokeAll(user, { except } = {}) {
      check('revokeAll', user)
      return engine('revokeAll').revokeAll(user, except?.sessionID ?? null)
    }
  }
}

function check(what: string, user: unknown): void {
  if (typeof user !== 'string' || user === '') throw new TypeError(`sessions.${what} needs the user as a string that is not empty`)
}

function current(req: Request, what: string): { exchange: Exchange; session: Session } {
  const exchange = exchangeOf(req)
  const { session } = req
  if (!exchange || !session) throw new Error(`sessions.${what} needs a request that has a session`)
  return { exchange, session }
}

function deviceOf(req: Request): Device {
  return { agent: String(req.headers['user-agent'] ?? '').slice(0, 512), address: req.ip ?? req.socket?.remoteAddress ?? '' }
}

function promised(act: (done: Callback) => void): Promise<void> {
  return new Promise((resolve, reject) => act((error) => (error ? reject(error) : resolve())))
}

function userSession({ id, created, lastSeen, expires, agent, address }: UserSessionRecord): UserSession {
  const date = (moment: number | null) => (moment === null ? null : new Date(moment))
  return { id, created: date(created), lastSeen: date(lastSeen), expires: new Date(expires), device: { agent, address } }
}
