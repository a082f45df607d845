'use strict'

// A credential as the wire has it, read strictly: how it is spelt is part of the format.

const TOKEN = /^s:([\w-]+)\.([A-Za-z0-9+/]{43})$/

/** Of `s:<id>.<signature>`, the form of headers. */
function ofToken(token) {
  const [, id, signature] = TOKEN.exec(token) ?? []
  return id === undefined ? undefined : { id, signature, token, cookie: encodeURIComponent(token) }
}

/** Of the form of cookies: what `encodeURIComponent` makes of the other one. */
function ofCookie(value) {
  const credential = ofToken(value.replaceAll('%3A', ':').replaceAll('%2B', '+').replaceAll('%2F', '/'))
  return credential?.cookie === value ? credential : undefined
}

module.exports = { ofCookie, ofToken }
