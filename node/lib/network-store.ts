/** What the stores in servers have in common: a connection that comes and goes. */

import type { NativeHandle, Tell } from './native'
import { NativeStore } from './native-store'
import type { NativeStoreOptions } from './native-store'

/**
 * A store in a server. Opening it waits for nothing: the connection is made meanwhile, and made again when it was lost.
 *
 * The events `connect` and `disconnect` tell of it, the latter with the reason. They decide nothing: while there is no
 * connection, requests that need their session fail with `ERR_HANDSTAMP_STORE_UNAVAILABLE`.
 */
export class NetworkStore extends NativeStore {
  constructor(open: (tell: Tell) => NativeHandle, limits: NativeStoreOptions) {
    // The connection may have something to tell before there is somebody to be told.
    let store: NetworkStore | undefined
    super(
      open((reason) => {
        if (reason === null) store?.emit('connect')
        else store?.emit('disconnect', new Error(reason))
      }),
      limits
    )
    store = this
  }
}

/** The packages for Redis and PostgreSQL count in seconds. */
const MILLISECONDS = { milliseconds: 1, seconds: 1000 }

type Kind = 'boolean' | 'number' | 'string'

/** The options of a store, which are checked by name. */
export class Given<T extends object> {
  readonly options: T

  constructor(private readonly store: string, options: T | string | undefined | null) {
    this.options = typeof options === 'string' ? ({ url: options } as T) : (options ?? ({} as T))
  }

  /** Each of these is of this kind if it is given. */
  are(kind: Kind, ...names: (keyof T & string)[]): this {
    for (const name of names) {
      const value = this.options[name]
      if (value !== undefined && typeof value !== kind) throw this.error(`${name} must be a ${kind}`)
    }
    return this
  }

  /** What another package takes under these names and this store can't: each with the reason, and what to do. */
  refuse(reasons: Record<string, string>): this {
    for (const [name, reason] of Object.entries(reasons)) {
      // There, what is off may be said to be.
      if ((this.options as Record<string, unknown>)[name]) throw this.error(`there is no option ${name}: ${reason}`)
    }
    return this
  }

  /** A time, in milliseconds, which the option gives in this unit. */
  time(name: keyof T & string, unit: keyof typeof MILLISECONDS): number | undefined {
    const value: unknown = this.options[name]
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !(value >= 0)) throw this.error(`${name} must be a number of ${unit}`)
    return value * MILLISECONDS[unit]
  }

  error(message: string): TypeError {
    return new TypeError(`${this.store}: ${message}`)
  }
}
