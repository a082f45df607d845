'use strict'

// The test application: its requests are little programs, so that a dialogue says all there is. The README of
// the dialogues lists the operations.

const express = require('express')

/** An Express application with these sessions. */
function application(sessions) {
  const routes = express.Router()
  routes.all('/nothing', (_req, res) => void res.json(null))
  routes.all('/peek', (req, res) => void res.json(sessions.isNew(req) ? 'none' : 'some'))
  routes.all('/*operations', async (req, res) => {
    let result = null
    for (const [name, ...words] of programOf(req.params.operations)) {
      if (name === 'status') res.status(Number(words[0]))
      else if (name === 'header') res.append(...words)
      else result = (await OPERATIONS[name](req, sessions, ...words)) ?? null
    }
    res.json(result)
  })
  const app = express()
  app.use(sessions)
  app.use('/shop', routes)
  app.use(routes)
  // Express's own would write the error to the console.
  app.use((error, _req, res, _next) => void res.status(500).json(String(error)))
  return app
}

function programOf(operations) {
  return operations.filter(Boolean).map((operation) => operation.split(':'))
}

/** What there is to read. A destroyed session holds nothing, and outside of the cookie's path there is none. */
function keysOf(req) {
  return Object.keys(req.session ?? {}).filter((key) => key !== 'cookie')
}

function dropFrom(session, keys) {
  for (const key of keys) delete session[key]
}

const OPERATIONS = {
  get: (req, _sessions, key) => req.session?.[key],
  contains: (req, _sessions, key) => keysOf(req).includes(key),
  empty: (req) => keysOf(req).length === 0,
  keys: (req) => keysOf(req),
  new: (req, sessions) => sessions.isNew(req),
  whoami: (req, sessions) => sessions.userOf(req),
  set: (req, _sessions, key, value) => void (req.session[key] = value),
  add: (req, _sessions, key) => req.session.update(key, (sum = 0) => sum + 1),
  remove(req, _sessions, key) {
    const value = req.session[key]
    delete req.session[key]
    return value
  },
  clear: (req) => dropFrom(req.session, keysOf(req)),
  flash: (req, sessions, kind, message) => sessions.flash(req, kind, message),
  flashes: (req, sessions, kind) => sessions.flashes(req, kind),
  login: (req, sessions, user) => sessions.login(req, user),
  logout: (req, sessions) => sessions.logout(req),
  rotate: (req) => req.session.rotate(),
  // After `destroy` there is no session whose method that could be.
  regenerate: (req) => (req.session ? req.session.regenerate() : req.sessionStore.generate(req)),
  destroy: (req) => req.session.destroy(),
  touch: (req) => void req.session.touch(),
  remember: (req, _sessions, seconds) => void (req.session.cookie.maxAge = seconds * 1000),
  save: (req) => req.session?.save(),
  reload: (req) => req.session.reload()
}

module.exports = { application }
