/** What a session needs of a request and of its response: Express's, Connect's, plain http's, HTTP/2's. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Session } from './session'
import type { Store } from './store'

export interface Request extends IncomingMessage {
  session?: Session | null
  sessionID?: string
  sessionStore?: Store
  originalUrl?: string
  /** Express's: whether the request came over TLS, proxies that are trusted included. */
  secure?: boolean
  /** cookie-parser's. */
  cookies?: Record<string, unknown>
  signedCookies?: Record<string, unknown>
  secret?: unknown
  ip?: string
}

export type Response = ServerResponse
export type Next = (error?: unknown) => void
export type Callback<T = void> = (error?: unknown, value?: T) => void

/** The path that the browser asked for, also inside a mounted router. */
export function pathname(req: Request): string {
  const url = req.originalUrl ?? req.url ?? '/'
  if (!url.startsWith('/')) return absolute(url)
  const end = url.search(/[?#]/)
  return (end < 0 ? url : url.slice(0, end)) || '/'
}

/** Proxies send whole URLs (RFC 9112, section 3.2.2). */
function absolute(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url
}

/** Whether a cookie of this path is sent to there (RFC 6265bis, section 5.1.4). */
export function matches(path: string, cookiePath: string): boolean {
  if (!path.startsWith(cookiePath)) return false
  return path.length === cookiePath.length || cookiePath.endsWith('/') || path[cookiePath.length] === '/'
}

/** Whether the connection to the browser is encrypted. `proxy` is express-session's option. */
export function isSecure(req: Request, proxy: boolean | undefined): boolean {
  const socket = (req.socket ?? req.connection) as { encrypted?: boolean } | undefined
  if (socket?.encrypted) return true
  if (proxy === false) return false
  if (proxy !== true) return req.secure === true
  const forwarded = String(req.headers['x-forwarded-proto'] ?? '')
  return forwarded.split(',', 1)[0]!.trim().toLowerCase() === 'https'
}
