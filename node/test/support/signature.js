'use strict'

const { createHmac } = require('node:crypto')

/** The cookie's value as express-session signs it, before it is percent-encoded. */
function signed(id, secret) {
  return `s:${id}.${createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')}`
}

/** The id in a `Set-Cookie` header. */
function idOf(cookie) {
  return /=s:(.*)\.[^.]*$/.exec(decodeURIComponent(cookie.split(';')[0]))[1]
}

module.exports = { idOf, signed }
