'use strict'

// Ids of sessions and their cookies, as express-session makes them: for sessions that no browser has begun.

const { createHmac, randomBytes } = require('node:crypto')

const { SECRET } = require('./targets')

const newId = () => randomBytes(24).toString('base64url')

function cookie(id) {
  const signature = createHmac('sha256', SECRET).update(id).digest('base64').replace(/=+$/, '')
  return `connect.sid=${encodeURIComponent(`s:${id}.${signature}`)}`
}

module.exports = { cookie, newId }
