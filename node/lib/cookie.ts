/**
 * The session's cookie: express-session's `Cookie`, and how it is written into a header.
 *
 * The attributes are own properties, so that applications may set any of them at any time; they are
 * checked when the header is written.
 */

import deprecate from './deprecate'

export interface CookieData {
  originalMaxAge?: number | null
  partitioned?: boolean
  priority?: string
  expires?: Date | string | null | false
  secure?: boolean | 'auto'
  httpOnly?: boolean
  domain?: string
  path?: string
  sameSite?: boolean | string
}

export interface Cookie extends CookieData {
  _expires: Date | null | false
  expires: Date | null | false
  maxAge: number | null | false | undefined
  path: string
  readonly data: CookieData
  serialize(name: string, value: string): string
  toJSON(): CookieData
}

/** A cookie with these options; any other properties of theirs are taken over, too. */
export const Cookie = function Cookie(this: Cookie, options?: Record<string, unknown>) {
  this.path = '/'
  this.maxAge = null
  this.httpOnly = true
  if (options) {
    if (typeof options !== 'object') throw new TypeError('argument options must be a object')
    // The last one of `expires` and `maxAge` decides, as express-session has it.
    for (const key in options) {
      if (key !== 'data') (this as unknown as Record<string, unknown>)[key] = options[key]
    }
  }
  this.originalMaxAge ??= this.maxAge as number | null
} as unknown as { new (options?: object): Cookie; prototype: Cookie }

// A plain object, and not that of a class: `cookie.constructor` is Object in express-session.
;(Cookie as { prototype: unknown }).prototype = {
  get expires() {
    return (this as unknown as Cookie)._expires
  },

  set expires(date: Date | null | false) {
    const cookie = this as unknown as Cookie
    cookie._expires = date
    cookie.originalMaxAge = cookie.maxAge as number | null
  },

  /** Milliseconds until the browser drops the cookie; null: when it closes. */
  get maxAge(): number | null | false | undefined {
    const { _expires } = this as unknown as Cookie
    return _expires instanceof Date ? _expires.valueOf() - Date.now() : _expires
  },

  set maxAge(age: number | Date | null | false | undefined) {
    if (age && typeof age !== 'number' && !(age instanceof Date)) {
      throw new TypeError('maxAge must be a number or Date')
    }
    const cookie = this as unknown as Cookie
    if (age instanceof Date) deprecate('maxAge as Date; pass number of milliseconds instead')
    if (typeof age === 'number') {
      cookie._expires = new Date(Date.now() + age)
      // Not computed back from the date: a tick of the clock in between would shorten it.
      cookie.originalMaxAge = Number.isNaN(cookie._expires.valueOf()) ? NaN : Math.trunc(age)
    } else {
      cookie.expires = age as Date | null | false
    }
  },

  /** What is stored, in express-session's order. */
  get data(): CookieData {
    const { originalMaxAge, partitioned, priority, _expires, secure, httpOnly, domain, path, sameSite } =
      this as unknown as Cookie
    return { originalMaxAge, partitioned, priority, expires: _expires, secure, httpOnly, domain, path, sameSite }
  },

  serialize(name: string, value: string): string {
    return setCookie(name, encodeURIComponent(value), (this as unknown as Cookie).data)
  },

  toJSON(): CookieData | undefined {
    return (this as unknown as Cookie) === omitted ? undefined : (this as unknown as Cookie).data
  }
}

/** A cookie as stores hold it. Throws when there is none. */
export function storedCookie(data: CookieData): Cookie {
  // Not destructured: applications know the message of this failure, «Cannot read properties …».
  const expires = data.expires
  const originalMaxAge = data.originalMaxAge
  const cookie = new Cookie(data)
  if (typeof expires === 'string') cookie.expires = new Date(expires)
  cookie.originalMaxAge = originalMaxAge
  return cookie
}

/** The same of its JSON. Those that end with the browser are mostly alike, and are copied. */
export function parsedCookie(json: string): Cookie {
  if (latest?.json === json) return Object.assign(Object.create(Cookie.prototype), latest.cookie) as Cookie
  const cookie = storedCookie(JSON.parse(json) as CookieData)
  if (Object.values(cookie).every((value) => Object(value) !== value)) latest = { json, cookie: Object.assign({}, cookie) }
  return cookie
}

let latest: { json: string; cookie: object } | undefined

let omitted: Cookie | undefined

/**
 * Makes JSON without this cookie. `JSON.stringify` leaves out what has no JSON, which is several times faster than
 * a replacer that is called for every value.
 */
export function omitting(cookie: Cookie, make: () => string): string {
  omitted = cookie
  try {
    return make()
  } finally {
    omitted = undefined
  }
}

// RFC 6265bis, section 4.1.1.
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const DOMAIN = /^\.?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i
const PATH = /^[ -:=-~]*$/

/**
 * A `Set-Cookie` header of a value that is encoded already. Throws a TypeError that names a bad attribute.
 *
 * express-session sends no `Max-Age`; `maxAge` is one in seconds.
 */
export function setCookie(name: string, encoded: string, data: CookieData, maxAge?: number): string {
  if (!NAME.test(name)) throw new TypeError('argument name is invalid')
  const { domain, path, expires } = data
  let header = `${name}=${encoded}`
  if (maxAge !== undefined) header += `; Max-Age=${maxAge}`
  if (domain) header += `; Domain=${checked('domain', DOMAIN, domain)}`
  if (path) header += `; Path=${checked('path', PATH, path)}`
  if (expires) header += `; Expires=${date(expires)}`
  if (data.httpOnly) header += '; HttpOnly'
  if (data.secure) header += '; Secure'
  if (data.partitioned) header += '; Partitioned'
  if (data.priority) header += `; Priority=${word('priority', PRIORITIES, data.priority)}`
  if (data.sameSite) header += `; SameSite=${word('sameSite', SAME_SITE, data.sameSite)}`
  return header
}

/** The longest `Max-Age` that browsers keep, in seconds: 400 days (RFC 6265bis, section 5.5). */
const LONGEST = 400 * 24 * 60 * 60

/** The same with `Max-Age`, and gone when the session is, which has so many milliseconds left. */
export function setStrictCookie(name: string, encoded: string, data: CookieData, remaining: number): string {
  if (!(data.expires instanceof Date)) return setCookie(name, encoded, data)
  const now = Date.now()
  const left = Math.min(data.expires.valueOf() - now, remaining)
  const maxAge = Math.min(Math.max(Math.ceil(left / 1000), 0), LONGEST)
  return setCookie(name, encoded, { ...data, expires: new Date(now + left) }, maxAge)
}

const PRIORITIES: Record<string, string> = { low: 'Low', medium: 'Medium', high: 'High' }
const SAME_SITE: Record<string, string> = { true: 'Strict', strict: 'Strict', lax: 'Lax', none: 'None' }

function checked(option: string, pattern: RegExp, value: string): string {
  if (!pattern.test(value)) throw new TypeError(`option ${option} is invalid`)
  return value
}

function date(value: unknown): string {
  const valid = Object.prototype.toString.call(value) === '[object Date]' && !Number.isNaN((value as Date).valueOf())
  if (!valid) throw new TypeError('option expires is invalid')
  return (value as Date).toUTCString()
}

function own(words: Record<string, string>, name: string): string | undefined {
  return Object.hasOwn(words, name) ? words[name] : undefined
}

function word(option: string, words: Record<string, string>, value: unknown): string {
  const found = typeof value === 'string' || value === true ? own(words, String(value).toLowerCase()) : undefined
  if (found === undefined || (option === 'sameSite' && value === 'true')) {
    throw new TypeError(`option ${option} is invalid`)
  }
  return found
}

/** Whether sessions of this cookie have no time to live: some applications end a session by that. */
export function isSpent({ originalMaxAge }: CookieData): boolean {
  return typeof originalMaxAge === 'number' && originalMaxAge <= 0
}

/** The attributes that an application sets, without the moment that slides with every request. */
export function attributes(cookie: Cookie): unknown[] {
  const { originalMaxAge, partitioned, priority, secure, httpOnly, domain, path, sameSite } = cookie
  return [originalMaxAge, partitioned, priority, secure, httpOnly, domain, path, sameSite]
}
