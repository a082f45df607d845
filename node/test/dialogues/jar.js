'use strict'

// A browser's cookies: RFC 6265bis, as far as it touches a session cookie.

class Jar {
  cookies = []

  copy() {
    return Object.assign(new Jar(), { cookies: [...this.cookies] })
  }

  /** Takes what a `Set-Cookie` says, or refuses it (section 5.7). */
  take(setCookie, from) {
    const cookie = parsed(setCookie, from)
    if (!isAcceptable(cookie, from)) return
    this.cookies = [...this.cookies.filter((other) => key(other) !== key(cookie)), cookie].filter(lives)
  }

  /** The `Cookie` header of a request (section 5.8.3); among those of one path the older ones come first. */
  header(to) {
    const sent = this.cookies.filter((cookie) => lives(cookie) && goesTo(cookie, to))
    sent.sort((one, other) => other.path.length - one.path.length)
    return sent.map(({ name, value }) => `${name}=${value}`).join('; ') || undefined
  }

  has(name) {
    return this.cookies.some((cookie) => cookie.name === name && lives(cookie))
  }

  /** Closes the browser. */
  close() {
    this.cookies = this.cookies.filter(({ expires }) => expires !== undefined)
  }
}

function parsed(setCookie, from) {
  const [pair, ...attributes] = setCookie.split(';').map((part) => part.trim())
  const [, name, value] = /^([^=]*)=(.*)$/.exec(pair)
  const cookie = { name, value, domain: from.host, hostOnly: true, path: '/', root: false }
  for (const attribute of attributes) read(cookie, attribute)
  if (cookie.maxAge !== undefined) cookie.expires = cookie.maxAge > 0 ? Date.now() + cookie.maxAge * 1000 : 0
  return cookie
}

function read(cookie, attribute) {
  const [, name, value = ''] = /^([^=]*)(?:=(.*))?$/.exec(attribute)
  switch (name.toLowerCase()) {
    case 'domain': return Object.assign(cookie, { domain: value.replace(/^\./, '').toLowerCase(), hostOnly: false })
    case 'expires': return Object.assign(cookie, { expires: Date.parse(value) })
    case 'max-age': return Object.assign(cookie, { maxAge: Number(value) })
    case 'partitioned': return Object.assign(cookie, { partitioned: true })
    case 'path': return Object.assign(cookie, { path: value, root: value === '/' })
    case 'samesite': return Object.assign(cookie, { sameSiteNone: value.toLowerCase() === 'none' })
    case 'secure': return Object.assign(cookie, { secure: true })
  }
}

function isAcceptable(cookie, from) {
  const { name, value, secure, hostOnly, root } = cookie
  const says = (prefix) => name.toLowerCase().startsWith(prefix)
  if (secure && !from.secure) return false
  if (!secure && (cookie.sameSiteNone || cookie.partitioned || says('__secure-'))) return false
  if (says('__host-') && !(secure && hostOnly && root)) return false
  return reaches(cookie, from.host) && name.length + value.length <= 4096
}

/** What replaces a cookie has its name, domain, path and partition. */
function key({ name, domain, hostOnly, path, partitioned = false }) {
  return JSON.stringify([name, domain, hostOnly, path, partitioned])
}

function lives({ expires }) {
  return expires === undefined || expires > Date.now()
}

function goesTo(cookie, { secure, host, path }) {
  const below = path.startsWith(cookie.path) && path.slice(cookie.path.length)
  const isBelow = below === '' || (below && (below.startsWith('/') || cookie.path.endsWith('/')))
  return isBelow && reaches(cookie, host) && (secure || !cookie.secure)
}

function reaches({ domain, hostOnly }, host) {
  return host === domain || (!hostOnly && host.endsWith(`.${domain}`))
}

module.exports = { Jar }
