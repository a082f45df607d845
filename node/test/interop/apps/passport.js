'use strict'

// Signing in by name and password, as passport's own examples do it.

const flash = require('connect-flash')
const { Passport } = require('passport')
const { Strategy } = require('passport-local')

const PASSWORDS = new Map([['alice', 'wonderland'], ['bob', 'builder']])

module.exports = (session, express) => {
  const passport = new Passport()
  passport.use(new Strategy(check))
  passport.serializeUser((user, done) => done(null, user.name))
  passport.deserializeUser((name, done) => done(null, PASSWORDS.has(name) ? { name } : false))

  const app = express()
  app.use(express.urlencoded({ extended: false }))
  app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }))
  app.use(flash())
  app.use(passport.session())

  const login = (options) =>
    passport.authenticate('local', { successRedirect: '/me', failureRedirect: '/login', failureFlash: true, ...options })
  app.post('/login', login())
  app.post('/login-and-keep', login({ keepSessionInfo: true }))
  app.get('/login', (req, res) => res.json(req.flash('error')))
  const logout = (options) => (req, res, next) => req.logout(options, (error) => (error ? next(error) : res.redirect('/login')))
  app.post('/logout', logout({}))
  app.post('/logout-and-keep', logout({ keepSessionInfo: true }))
  app.get('/me', (req, res) => {
    if (!req.isAuthenticated()) return res.sendStatus(401)
    res.json({ name: req.user.name, cart: req.session.cart ?? [] })
  })
  app.get('/cart', (req, res) => res.json(req.session.cart ?? []))
  app.post('/cart', (req, res) => {
    req.session.cart = [...(req.session.cart ?? []), req.body.item]
    res.json(req.session.cart)
  })
  return app
}

function check(name, password, done) {
  if (PASSWORDS.get(name) !== password) return done(null, false, { message: 'Wrong name or password.' })
  done(null, { name })
}
