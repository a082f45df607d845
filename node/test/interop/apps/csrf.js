'use strict'

// A form that only its own page can send.

const { csrfSync } = require('csrf-sync')

module.exports = (session, express) => {
  const { csrfSynchronisedProtection, revokeToken } = csrfSync({
    getTokenFromRequest: (req) => req.body?.token ?? req.headers['x-csrf-token']
  })
  const app = express()
  app.use(express.urlencoded({ extended: false }))
  app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }))
  app.use(csrfSynchronisedProtection)
  app.get('/form', (req, res) => res.json({ token: req.csrfToken() }))
  app.post('/order', (req, res) => {
    req.session.orders = (req.session.orders ?? 0) + 1
    res.json({ orders: req.session.orders })
  })
  app.post('/revoke', (req, res) => {
    revokeToken(req)
    res.sendStatus(204)
  })
  app.post('/login', (req, res, next) => req.session.regenerate((error) => (error ? next(error) : res.json({ token: req.csrfToken() }))))
  app.use((error, req, res, next) => res.status(error.statusCode).json({ code: error.code }))
  return app
}
