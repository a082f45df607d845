'use strict'

// Small changes to a transcript, from which the listed differences are put together.

const { describe } = require('./program')

const SET_COOKIE = 'Set-Cookie: '

// Node writes these after the headers a handler has set.
const FRAMING = /^Transfer-Encoding: /

function addSetCookie(step, cookie) {
  const { headers } = step.response
  const end = headers.findIndex(header => FRAMING.test(header))
  headers.splice(end < 0 ? headers.length : end, 0, SET_COOKIE + cookie)
}

function dropSetCookies(step, name = 'connect.sid') {
  step.response.headers = step.response.headers.filter(header => !header.startsWith(`${SET_COOKIE}${name}=`))
}

function hasSetCookie(step, name = 'connect.sid') {
  return step.response.headers?.some(header => header.startsWith(`${SET_COOKIE}${name}=`)) ?? false
}

function setHeader(step, name, value) {
  const { headers } = step.response
  const index = headers.findIndex(header => header.startsWith(`${name}: `))
  if (index < 0) headers.push(`${name}: ${value}`)
  else headers[index] = `${name}: ${value}`
}

/** The attributes of a stored cookie in the order they are sent. */
function attributes({ domain, path, expires, httpOnly, secure, partitioned, priority, sameSite }) {
  return [
    domain && `Domain=${domain}`,
    path && `Path=${path}`,
    expires && `Expires=${expires}`,
    httpOnly && 'HttpOnly',
    secure && 'Secure',
    partitioned && 'Partitioned',
    priority && `Priority=${capital(priority)}`,
    sameSite && `SameSite=${sameSite === true ? 'Strict' : capital(sameSite)}`
  ].filter(Boolean).map(attribute => `; ${attribute}`).join('')
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1)
}

function signed(id, secret = 'keyboard cat', name = 'connect.sid') {
  return `${name}=s%3A${id}.{signed by ${secret}}`
}

/** The default reply, as it is for this id and data. */
function reply(step, id, data) {
  const body = JSON.stringify({ id, data })
  // An id#n stands for 32 letters.
  const length = Buffer.byteLength(body.replace(/id#\d+/g, 'x'.repeat(32)))
  step.response.body = body
  setHeader(step, 'Content-Length', length)
}

/** What a step looks like when the middleware has passed it by. */
function withoutSession(step) {
  const worked = step.events.some(event => event.startsWith('set '))
  step.events = [`sees undefined ${describe(undefined)}`, ...(worked ? ['no session to work on'] : [])]
  dropSetCookies(step)
  reply(step, undefined, { absent: true })
}

/** The error handler's answer on an open response: nothing of the session's cookie, for nothing was stored. */
function answerError(step, message, way) {
  const kept = step.response.headers ?? hostHeaders(way)
  step.response = { status: 500, headers: kept.filter(header => !FRAMING.test(header)), body: message }
  dropSetCookies(step)
  setHeader(step, 'Content-Type', 'text/plain')
  setHeader(step, 'Content-Length', Buffer.byteLength(message))
}

/** What the host itself puts into every response. */
function hostHeaders(way) {
  return way.host.startsWith('express') ? ['X-Powered-By: Express'] : []
}

module.exports = { addSetCookie, answerError, attributes, dropSetCookies, hasSetCookie, hostHeaders, reply, setHeader, signed, withoutSession }
