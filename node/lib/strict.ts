/** The strict profile, for new applications: what SECURITY.md asks for, without being asked. */

import { session } from './middleware'
import type { Middleware } from './middleware'
import type { SessionOptions } from './options'

const DAY = 24 * 60 * 60 * 1000

/** Words of secrets that stand in documentation. Everyone knows them. */
const KNOWN = /keyboard ?cat|change[-_ ]?(me|this)|your[-_]?secret/i

/**
 * Sessions with a cookie that browsers take over HTTPS only and from this very host only, with a limit of 30 days
 * in all, and with nothing stored for visitors of whom nothing is known. What `options` says counts, but for weak
 * secrets, which are refused.
 */
export function strict(options: SessionOptions): Middleware {
  for (const secret of [options?.secret].flat()) check(secret)
  const cookie = typeof options.cookie === 'object' ? options.cookie : {}
  return session({
    name: '__Host-session',
    resave: false,
    saveUninitialized: false,
    absoluteTimeout: 30 * DAY,
    ...options,
    cookie: typeof options.cookie === 'function' ? options.cookie : { path: '/', httpOnly: true, secure: true, sameSite: 'lax', ...cookie }
  })
}

function check(secret: unknown): void {
  const problem = weakness(secret)
  if (problem) throw new TypeError(`the secret option ${problem}; make one with \`openssl rand -base64 32\``)
}

function weakness(secret: unknown): string | undefined {
  if (typeof secret !== 'string' && !ArrayBuffer.isView(secret)) return undefined
  const length = typeof secret === 'string' ? Buffer.byteLength(secret) : secret.byteLength
  if (length < 32) return 'is shorter than 32 bytes'
  if (typeof secret === 'string' && KNOWN.test(secret)) return 'is one from documentation, which everyone knows'
  return undefined
}
