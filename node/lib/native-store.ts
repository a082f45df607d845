/**
 * A store of the engine, with the methods that every store has. This is the door for all of them: a further one is
 * a class that opens its handle.
 */

import { sessionData, settle } from './engine-keeper'
import { chain } from './engine'
import { addon } from './native'
import type { Changes, Engine, EngineOptions, MaybePromise, NativeHandle, Saved } from './native'
import type { Callback } from './request'
import { dataText } from './session'
import type { Session, SessionData } from './session'
import { Store } from './store'

/** Milliseconds. */
export interface NativeStoreOptions {
  /** How long a session lives that is not used and whose cookie has no maxAge. A day unless set. */
  ttl?: number
  /** The largest session in bytes of JSON. 1 MiB unless set. */
  maxDocumentBytes?: number
}

export interface NativeStore extends Store {
  engine(options: EngineOptions): Engine
  isPatched(): boolean
  all(callback?: Callback<Record<string, SessionData>>): unknown
  length(callback?: Callback<number>): unknown
  clear(callback?: Callback): unknown
  close(): void
}

class Base extends (Store as unknown as new () => Store) {
  private readonly own: Engine

  constructor(private readonly handle: NativeHandle, private readonly limits: NativeStoreOptions) {
    super()
    this.own = this.engine({})
  }

  /** An engine over this store, for one middleware. */
  engine(options: EngineOptions): Engine {
    const { ttl, maxDocumentBytes } = this.limits
    return new addon.Engine(this.handle, { ttl, maxDocumentBytes, ...options })
  }

  /** Whether an application has put a method of its own in the place of one of these. */
  isPatched(): boolean {
    const own = Base.prototype
    // One by one, for it is asked with every request.
    return (
      this.get !== own.get || this.set !== own.set || this.touch !== own.touch || this.destroy !== own.destroy ||
      this.createSession !== own.createSession || this.load !== own.load || this.regenerate !== own.regenerate
    )
  }

  override get(sid: string, callback?: Callback<SessionData | null>): unknown {
    return answer(callback, () =>
      chain(this.own.load(sid), (found) => (found && !found.retired ? sessionData(found) : null))
    )
  }

  /** Stores a session, whatever is there under this id. The middleware does it more carefully. */
  override set(sid: string, session: Session, callback?: Callback): unknown {
    return answer(callback, () => {
      if (isOver(session)) return chain(this.own.destroy(sid), nothing)
      const changes = { cookie: JSON.stringify(session.cookie ?? {}), data: dataText(session) }
      return this.put(sid, changes)
    })
  }

  private put(sid: string, changes: Changes): MaybePromise<void> {
    const saved = chain(this.own.load(sid), (found) =>
      found ? this.own.commit(found, changes) : this.create(sid, changes)
    )
    return chain(saved, (saved) => (saved === 'ended' ? this.put(sid, changes) : undefined))
  }

  /** Another writer may have been first: then there is a session to be written over. */
  private create(sid: string, changes: Changes): MaybePromise<Saved> {
    const isTaken = (error: unknown) => (error as { code?: string }).code === 'ERR_HANDSTAMP_ID_TAKEN'
    const created = this.own.create(sid, changes)
    if (!(created instanceof Promise)) return created
    return created.catch((error) => {
      if (isTaken(error)) return 'ended'
      throw error
    })
  }

  override touch(sid: string, session: Session, callback?: Callback): unknown {
    return answer(callback, () => {
      const cookie = JSON.stringify(session.cookie ?? {})
      return chain(this.own.load(sid), (found) =>
        found && !found.retired ? chain(this.own.commit(found, { cookie }), nothing) : undefined
      )
    })
  }

  override destroy(sid: string, callback?: Callback): unknown {
    return answer(callback, () => chain(this.own.destroy(sid), nothing))
  }

  /** All sessions by their ids. */
  all(callback?: Callback<Record<string, SessionData>>): unknown {
    return answer(callback, () =>
      chain(this.own.all(), (flat) => {
        const entries = Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, JSON.parse(flat[2 * at + 1]!)])
        return Object.fromEntries(entries) as Record<string, SessionData>
      })
    )
  }

  /** How many sessions there are. */
  length(callback?: Callback<number>): unknown {
    return answer(callback, () => this.own.total())
  }

  clear(callback?: Callback): unknown {
    return answer(callback, () => chain(this.own.clear(), nothing))
  }

  /** Lets go of the memory, of the file, or of the connections. Later calls are errors. */
  close(): void {
    this.handle.close()
  }
}

/** Whether the cookie of a session says that it is over. */
function isOver({ cookie }: Session): boolean {
  const expires: unknown = cookie?.expires
  if (typeof expires !== 'string' && !(expires instanceof Date)) return false
  return new Date(expires).valueOf() <= Date.now()
}

function nothing(): void {}

/** Hands an answer to a callback, never before the caller goes on, or gives a promise of it. */
function answer<T>(callback: Callback<T> | undefined, act: () => MaybePromise<T>): Promise<T> | undefined {
  let promise: Promise<T>
  try {
    promise = Promise.resolve(act())
  } catch (error) {
    promise = Promise.reject(error)
  }
  if (!callback) return promise
  settle(() => promise, (error, value) => {
    if (error) callback(error)
    else if (value === undefined) callback()
    else callback(null, value)
  })
  return undefined
}

export const NativeStore = Base as unknown as {
  new (handle: NativeHandle, limits: NativeStoreOptions): NativeStore
  prototype: NativeStore
}
