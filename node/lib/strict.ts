/** The strict profile, for new applications: what SECURITY.md asks for, without being asked. */

import { contradiction } from './contradiction'
import { middleware } from './middleware'
import type { Middleware } from './middleware'
import type { SessionOptions } from './options'

const DAY = 24 * 60 * 60 * 1000

/** Words of secrets that stand in documentation. Everyone knows them. */
const KNOWN = /keyboard ?cat|change[-_ ]?(me|this)|your[-_]?secret/i

/**
 * Sessions with a cookie that browsers take over HTTPS only and from this very host only, with a limit of 30 days
 * in all, with nothing stored for visitors of whom nothing is known, and with a word to caches. What `options` says
 * counts, but for weak secrets and for cookies that browsers would refuse.
 */
export function strict(options: SessionOptions): Middleware {
  for (const secret of [options?.secret].flat()) check(secret)
  const given = { ...DEFAULTS, ...defined(options) }
  if (typeof given.cookie === 'function') return middleware(given, true)
  const cookie = { ...COOKIE, ...defined(given.cookie ?? {}) }
  const problem = contradiction(given.name!, cookie)
  if (problem) throw new TypeError(problem)
  return middleware({ ...given, cookie }, true)
}

const DEFAULTS = { name: '__Host-session', resave: false, saveUninitialized: false, absoluteTimeout: 30 * DAY }
const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' }

/** The options that are set: `undefined` takes no default away. */
function defined(options: object = {}): SessionOptions & Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function check(secret: unknown): void {
  const problem = weakness(secret)
  if (problem) throw new TypeError(`the secret option ${problem}; make one with \`openssl rand -base64 32\``)
}

function weakness(secret: unknown): string | undefined {
  if (!secret) return 'is missing'
  if (typeof secret !== 'string' && !ArrayBuffer.isView(secret)) return undefined
  const length = typeof secret === 'string' ? Buffer.byteLength(secret) : secret.byteLength
  if (length < 32) return 'is shorter than 32 bytes'
  if (typeof secret === 'string' && KNOWN.test(secret)) return 'is one from documentation, which everyone knows'
  return undefined
}
