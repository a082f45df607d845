/** The ways by which a credential comes and goes: a cookie, a bearer token, a header of its own. It is always signed. */

import type { Request } from './request'

export interface Transport {
  readonly isCookie: boolean
  /** The header of a request, and that of the answer. */
  readonly request: string
  readonly response: string
  /** What the header of a request holds for us. The cookie's is found otherwise. */
  token(req: Request): string | undefined
}

const COOKIE: Transport = { isCookie: true, request: 'Cookie', response: 'Set-Cookie', token: () => undefined }

/** RFC 6750, section 2.1. The scheme's name has no case (RFC 9110, section 11.1). */
const BEARER: Transport = {
  isCookie: false,
  request: 'Authorization',
  response: 'Session-Token',
  token: (req) => /^bearer +(\S+)$/i.exec(req.headers?.authorization?.trim() ?? '')?.[1]
}

/** Headers that HTTP or we use otherwise. */
const TAKEN = ['set-cookie', 'authorization', 'session-token', 'content-length', 'host']

// RFC 9110, section 5.6.2.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

export function transports(names: unknown = ['cookie']): readonly Transport[] {
  if (!Array.isArray(names) || names.length === 0) {
    throw new TypeError("transports option must be an array such as ['cookie', 'bearer', 'x-auth-token']")
  }
  return names.map(transport)
}

function transport(name: unknown): Transport {
  const key = String(name).toLowerCase()
  if (key === 'cookie') return COOKIE
  if (key === 'bearer') return BEARER
  if (typeof name !== 'string' || !TOKEN.test(key) || TAKEN.includes(key)) {
    throw new TypeError("transports option must hold 'cookie', 'bearer' and names of headers that HTTP does not use otherwise")
  }
  const header = capitalized(key)
  return { isCookie: false, request: header, response: header, token: (req) => (req.headers?.[key] as string | undefined)?.trim() }
}

/** As people write it: `x-auth-token` is `X-Auth-Token`. */
function capitalized(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
