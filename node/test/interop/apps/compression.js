'use strict'

// Compressed answers, whole and in pieces, of a page that counts its visits.

const compression = require('compression')

const LINES = Array.from({ length: 500 }, (_, at) => `line ${at} of a page that is worth compressing\n`)

module.exports = (session, express, { compressionFirst }) => {
  const app = express()
  const sessions = session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } })
  const compressed = compression({ threshold: 0 })
  app.use(...(compressionFirst ? [compressed, sessions] : [sessions, compressed]))
  app.use((req, res, next) => {
    req.session.visits = (req.session.visits ?? 0) + 1
    res.type('text/plain').set('X-Visits', req.session.visits)
    next()
  })
  app.get('/whole', (req, res) => res.send(LINES.join('')))
  app.get('/pieces', (req, res) => {
    for (const line of LINES) res.write(line)
    res.end('the end\n')
  })
  app.get('/flushed', (req, res) => {
    res.write(LINES[0])
    res.flush()
    setImmediate(() => res.end(LINES[1]))
  })
  app.get('/nothing', (req, res) => res.status(204).end())
  app.get('/redirect', (req, res) => res.redirect('/whole'))
  return app
}

module.exports.LINES = LINES
