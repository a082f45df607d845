'use strict'

/**
 * Forms that only the site's own pages can make: each carries the random token that the session knows, too.
 * It is the axum half's token, so a form of one half is good for as long as one of the other.
 */

const { randomBytes, timingSafeEqual } = require('node:crypto')

const { html } = require('./html')
const { refusal } = require('./refusal')

/** The field that every form starts with. The session gets a token if it has none. */
async function field(session) {
  if (session.csrf === undefined) {
    const fresh = randomBytes(24).toString('base64url')
    session.update('csrf', (token) => token ?? fresh)
    // Should another request of this session be making one too, both pages show the same one.
    await session.save()
  }
  return html`<input type="hidden" name="csrf" value="${session.csrf}">`
}

/** Middleware of every POST: lets through what carries the session's own token. */
function check(req, res, next) {
  const given = req.body?.csrf
  if (typeof given !== 'string') throw refusal(400, 'a form without its token')
  if (!isSame(req.session.csrf, given)) throw refusal(403, 'a form that was made for another session')
  next()
}

/** Compares in a time that tells nothing of where they differ. A session without a token has no forms. */
function isSame(expected, given) {
  if (typeof expected !== 'string') return false
  const [one, other] = [Buffer.from(expected), Buffer.from(given)]
  return one.length === other.length && timingSafeEqual(one, other)
}

module.exports = { check, field }
