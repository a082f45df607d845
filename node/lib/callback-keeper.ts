/** Stores that are written in JavaScript: called as express-session calls them, but never waited for without end. */

import type { Cookie } from './cookie'
import { Deadline } from './deadline'
import type { Call } from './deadline'
import type { Exchange } from './exchange'
import type { Keeper, Rotation } from './keeper'
import type { Plan } from './plan'
import type { Callback, Request } from './request'
import { Session, dataText } from './session'
import type { SessionData } from './session'
import type { Store } from './store'

export class CallbackKeeper implements Keeper {
  private readonly touches: boolean

  private readonly deadline: number

  /** `deadline` is in milliseconds. */
  constructor(
    private readonly store: Store,
    deadline: number
  ) {
    this.deadline = deadline
    this.touches = typeof store.touch === 'function'
  }

  find(exchange: Exchange, id: string, done: Callback<boolean>): void {
    const { store } = this
    this.call<SessionData | null>('get', (answer) => store.get(id, answer), (error, data) => {
      if ((error as { code?: string } | undefined)?.code === 'ENOENT') return done(null, false)
      if (error) return done(error)
      if (!data) return done(null, false)
      try {
        adopt(exchange, id, store, data)
      } catch (refused) {
        return done(refused)
      }
      done(null, true)
    })
  }

  save(exchange: Exchange, session: Session, _data: string, done: Callback): void {
    if (exchange.updates.size > 0) warnOfUpdates()
    exchange.updates.clear()
    this.call('set', (answer) => this.store.set(session.id, session, answer), done)
  }

  touch(exchange: Exchange, session: () => Session, done: Callback): void {
    if (!this.touches) return done()
    // A store that is told the cookie's new end with every request would never find it due.
    if (exchange.app.options.strict && !exchange.due) return done()
    const current = session()
    this.call('touch', (answer) => this.store.touch!(current.id, current, answer), done)
  }

  destroy(_exchange: Exchange, id: string, done: Callback): void {
    this.call('destroy', (answer) => this.store.destroy(id, answer), done)
  }

  /** The new session first, then the end of the old one: at every moment there is one. */
  rotate(exchange: Exchange, session: Session, { intent, nextId }: Rotation, done: Callback): void {
    if (intent === 'login') {
      return done(new Error('sessions.login needs a store of handstamp: this one can not find the sessions of a user; use req.session.rotate()'))
    }
    const old = session.id
    exchange.renamed(session, nextId!)
    exchange.save(session, (error) => {
      if (!error) return this.destroy(exchange, old, done)
      exchange.renamed(session, old)
      done(error)
    })
  }

  adjust(_exchange: Exchange, plan: Plan): Plan {
    return plan
  }

  private call<T = void>(method: string, act: (answer: Callback<T>) => unknown, done: Callback<T>): void {
    firstAnswer(method, this.deadline, act, done)
  }
}

/** Calls a store and hands on its first answer, or that there was none in time (milliseconds). */
export function firstAnswer<T = void>(
  method: string,
  deadline: number,
  act: (answer: Callback<T>) => unknown,
  done: Callback<T>
): void {
  let answered = false
  let waiting: Call | undefined
  const answer: Callback<T> = (error, value) => {
    if (answered) return
    answered = true
    if (waiting) Deadline.of(deadline).forget(waiting)
    done(error, value)
  }
  act(answer)
  if (!answered) waiting = Deadline.of(deadline).await(() => answer(late(method, deadline)))
}

function adopt(exchange: Exchange, id: string, store: Store, data: SessionData): void {
  const req = exchange.req as Request
  const session = withOurMethods(req, exchange.made(() => store.createSession(req, data)) as Session)
  exchange.adopt(id, () => dataText(session), () => session)
  exchange.due = isDue(session.cookie)
}

/** Whether a twentieth of the cookie's age has passed since it was last written. */
function isDue({ originalMaxAge, maxAge }: Cookie): boolean {
  return Number(maxAge) <= (Number(originalMaxAge) / 20) * 19
}

/** A store that was made for express-session makes sessions of its own; only their methods and the fixed id differ. */
function withOurMethods(req: Request, session: Session): Session {
  const isOther = !(session instanceof Session) && (session as object | undefined)?.constructor?.name === 'Session'
  return isOther ? new Session(req, session) : session
}

function late(method: string, deadline: number): Error {
  const error = new Error(`the session store did not answer ${method} within ${deadline} ms; see the option storeDeadline`)
  return Object.assign(error, { code: 'ERR_HANDSTAMP_STORE_TIMEOUT', status: 503 })
}

let hasWarned = false

function warnOfUpdates(): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(
    'session.update is not safe against parallel requests on this store: it can not compare before it writes; the stores of handstamp can',
    { code: 'HANDSTAMP_UPDATE' }
  )
}
