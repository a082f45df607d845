'use strict'

// cookie-parser on either side of the session, with and without a secret.

const cookieParser = require('cookie-parser')

module.exports = (session, express, { parserFirst, secret, sessionSecret = 'keyboard cat' }) => {
  const app = express()
  const sessions = session({ secret: sessionSecret, resave: false, saveUninitialized: false })
  const parser = cookieParser(secret)
  app.use(...(parserFirst ? [parser, sessions] : [sessions, parser]))
  app.get('/visit', (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1
    res.cookie('theme', 'dark').cookie('plan', { pro: true }, { signed: secret !== undefined })
    res.json(req.session.visits)
  })
  app.get('/cookies', (req, res) => {
    const { plan, theme } = { ...req.cookies, ...req.signedCookies }
    res.json({ plan, theme, visits: req.session.visits ?? 0 })
  })
  return app
}
