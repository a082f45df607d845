'use strict'

// A site of the plain `http` module with sessions, on a free port, and browsers that visit it.

const http = require('node:http')
const { once } = require('node:events')

const session = require('../..')
const { Browser } = require('./browser')

const DEFAULTS = { secret: 'a secret of the tests', resave: false, saveUninitialized: false }

/**
 * `routes` maps paths to handlers; what one returns, or promises, is the answer as JSON, unless it is undefined.
 * `before` are layers in front of the sessions. Everything else is for `session()`.
 */
async function site(t, { routes, before = [], onError = answerError, create = http.createServer, profile = session, ...options }) {
  const errors = []
  const sessions = profile({ ...DEFAULTS, ...options })
  const failed = (error, req, res) => {
    errors.push(error)
    onError(error, req, res)
  }
  const server = create(listener([...before, sessions, routed(routes)], failed))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http2Sessions = []
  server.on('session', (session) => http2Sessions.push(session))
  t.after(() => {
    server.closeAllConnections?.()
    for (const session of http2Sessions) session.destroy()
    return new Promise((closed) => server.close(closed))
  })
  const { port } = server.address()
  return { errors, port, server, sessions, store: options.store, browser: () => new Browser(port) }
}

/** Calls one layer after the other, as Connect does. */
function listener(layers, failed) {
  return (req, res) => {
    let at = 0
    const next = (error) => {
      if (error) return failed(error, req, res)
      const layer = layers[at++]
      Promise.resolve().then(() => layer(req, res, next)).catch((thrown) => failed(thrown, req, res))
    }
    next()
  }
}

function routed(routes) {
  return async (req, res) => {
    const value = await routes[req.url.split('?')[0]](req, res)
    if (value !== undefined) res.end(JSON.stringify(value))
  }
}

function answerError(error, req, res) {
  if (res.headersSent) return res.destroy()
  res.statusCode = 500
  res.end(error.message)
}

module.exports = { DEFAULTS, listener, site }
