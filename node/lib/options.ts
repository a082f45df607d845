/** The options of the middleware, checked once: express-session's, and ours. */

import deprecate from './deprecate'
import { addon } from './native'
import type { Request } from './request'
import { transports } from './transport'
import type { Transport } from './transport'

/** What `session()` may be given. Times are milliseconds. */
export interface SessionOptions {
  name?: string
  key?: string
  secret?: unknown
  store?: unknown
  genid?: (req: Request) => string | Promise<string>
  cookie?: object | ((req: Request) => object)
  resave?: boolean
  rolling?: boolean
  saveUninitialized?: boolean
  proxy?: boolean
  unset?: 'destroy' | 'keep'
  /** How long a store may take to answer. 5,000 unless set. */
  storeDeadline?: number
  /** How long a session lives in all, however much it is used. */
  absoluteTimeout?: number
  /** How long the old id of a rotated session still leads to it. 10,000 unless set. */
  rotationGrace?: number
  /** How many sessions one user may have; a further login ends the oldest. */
  maxSessionsPerUser?: number
  /** Leaves the browser's cookie alone when a session is destroyed, as express-session does. */
  keepCookie?: boolean
  /** The ways by which the credential comes and goes, in the order in which they are tried. `['cookie']` unless set. */
  transports?: string[]
  /** Tells caches of every answer whose session was looked at. On in the strict profile, off otherwise. */
  cacheHeaders?: boolean
}

/** Options in the form that the rest works with. */
export interface Settings {
  name: string
  secrets: unknown[] | undefined
  genid: (req: Request) => unknown
  /** Ids are made here: at once, and whenever we like. */
  hasOwnIds: boolean
  cookie: (req: Request) => Record<string, unknown>
  resave: boolean
  rolling: boolean
  saveUninitialized: boolean
  proxy: boolean | undefined
  unset: 'destroy' | 'keep'
  storeDeadline: number
  keepCookie: boolean
  transports: readonly Transport[]
  cacheHeaders: boolean
  /** The strict profile's rules for when a session is stored, extended and sent, in place of express-session's. */
  strict: boolean
}

export function settings(options: SessionOptions, strict: boolean): Settings {
  const { genid, unset, secret } = options
  if (genid && typeof genid !== 'function') throw new TypeError('genid option must be a function')
  if (options.resave === undefined) deprecate('undefined resave option; provide resave option')
  if (options.saveUninitialized === undefined) {
    deprecate('undefined saveUninitialized option; provide saveUninitialized option')
  }
  if (unset && unset !== 'destroy' && unset !== 'keep') {
    throw new TypeError('unset option must be "destroy" or "keep"')
  }
  return {
    name: options.name || options.key || 'connect.sid',
    secrets: secrets(secret),
    genid: genid ?? addon.newId,
    hasOwnIds: !genid,
    cookie: cookieOptions(options.cookie),
    resave: options.resave !== undefined ? options.resave : true,
    rolling: Boolean(options.rolling),
    saveUninitialized: options.saveUninitialized !== undefined ? options.saveUninitialized : true,
    proxy: options.proxy,
    unset: unset ?? 'keep',
    storeDeadline: duration('storeDeadline', options.storeDeadline) ?? 5000,
    keepCookie: Boolean(options.keepCookie),
    transports: transports(options.transports),
    cacheHeaders: options.cacheHeaders ?? strict,
    strict
  }
}

/** The array itself and not a copy: whoever changes it rotates the secrets of a running application. */
function secrets(secret: unknown): unknown[] | undefined {
  if (Array.isArray(secret)) {
    if (secret.length === 0) throw new TypeError('secret option array must contain one or more strings')
    return secret
  }
  if (!secret) deprecate('req.secret; provide secret option')
  return secret ? [secret] : undefined
}

function cookieOptions(cookie: SessionOptions['cookie']): Settings['cookie'] {
  if (typeof cookie !== 'function') return () => (cookie ?? {}) as Record<string, unknown>
  return (req) => {
    const made = (cookie as (req: Request) => object)(req) as Record<string, unknown> | undefined
    if (!made || typeof made !== 'object') throw new TypeError('cookie option function must return an object')
    return made
  }
}

/** A time in milliseconds. */
export function duration(name: string, value: unknown, least = 1): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && value >= least && Number.isFinite(value)) return value
  throw new TypeError(`${name} option must be a number of milliseconds, at least ${least}`)
}
