'use strict'

// Files behind a rolling session.

const serveStatic = require('serve-static')

module.exports = (session, express, root) => {
  const app = express().set('env', 'test')
  const sessions = session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, rolling: true, cookie: { maxAge: 60_000 } })
  app.use('/public', serveStatic(root))
  app.use(sessions)
  app.get('/visit', (req, res) => {
    req.session.visited = true
    res.send('welcome')
  })
  app.use('/files', serveStatic(root))
  app.get('/who', (req, res) => res.json(req.session.visited ?? false))
  return app
}
