/** What an exchange needs done with its session in the store, whatever the store. */

import type { Exchange } from './exchange'
import type { Plan } from './plan'
import type { Callback } from './request'
import type { Session } from './session'

/** What a new id is for. */
export interface Rotation {
  intent: 'rotate' | 'login'
  nextId?: string
  owner?: string
  device?: { agent?: string; address?: string }
}

export interface Keeper {
  /** Finds a session and puts it into the request; `false`: there is none. */
  find(exchange: Exchange, id: string, done: Callback<boolean>): void
  /**
   * Extends the life of a session that nobody has looked for. Where this is possible, `find` answers at once and may
   * wait until somebody looks.
   */
  readonly visit?: (id: string, done: Callback) => void
  /** Saves the session, whose data is `data` as JSON. */
  save(exchange: Exchange, session: Session, data: string, done: Callback): void
  /** Extends the life of a session that was not changed. It need not be looked at for this. */
  touch(exchange: Exchange, session: () => Session, done: Callback): void
  destroy(exchange: Exchange, id: string, done: Callback): void
  rotate(exchange: Exchange, session: Session, rotation: Rotation, done: Callback): void
  /** Has the last word on what is to be done: some stores need more, some less. */
  adjust(exchange: Exchange, plan: Plan, modified: boolean): Plan
}
