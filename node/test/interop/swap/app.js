'use strict'

// An application as people have them: express-session, passport and connect-flash.

const express = require('express')
const session = require('express-session')
const flash = require('connect-flash')
const passport = require('passport')
const { Strategy } = require('passport-local')

const users = [{ id: 1, name: 'ada', password: 'engine' }, { id: 2, name: 'grace', password: 'compiler' }]

passport.use(new Strategy((name, password, done) => {
  const user = users.find((user) => user.name === name && user.password === password)
  done(null, user ?? false, { message: 'Unknown name or wrong password' })
}))
passport.serializeUser((user, done) => done(null, user.id))
passport.deserializeUser((id, done) => done(null, users.find((user) => user.id === id) ?? false))

const app = express()
app.use(express.urlencoded({ extended: false }))
app.use(session({
  name: 'notes.sid',
  secret: ['new secret of the notes', 'old secret of the notes'],
  resave: false,
  saveUninitialized: false,
  rolling: true,
  cookie: { maxAge: 30 * 60 * 1000, sameSite: 'lax' }
}))
app.use(passport.initialize())
app.use(passport.session())
app.use(flash())

app.get('/login', (req, res) => res.send(`Sign in. ${req.flash('error').join(' ')}`))
app.post('/login', passport.authenticate('local', { failureRedirect: '/login', failureFlash: true }), (req, res) => {
  req.flash('info', `Hello ${req.user.name}`)
  res.redirect('/notes')
})
app.post('/logout', (req, res, next) => {
  req.logout((error) => {
    if (error) return next(error)
    req.flash('error', 'You have signed out.')
    res.redirect('/login')
  })
})

app.use('/notes', (req, res, next) => (req.isAuthenticated() ? next() : res.redirect('/login')))
app.get('/notes', (req, res) => res.json({ info: req.flash('info'), notes: req.session.notes ?? [] }))
app.post('/notes', (req, res) => {
  req.session.notes = [...(req.session.notes ?? []), req.body.text]
  req.session.save((error) => {
    if (error) return res.status(500).send('not saved')
    req.flash('info', 'Noted.')
    res.redirect('/notes')
  })
})
app.post('/forget', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.redirect('/login'))))
app.get('/session', (req, res) => res.json({
  keys: Object.keys(req.session).sort(),
  cookie: { path: req.session.cookie.path, sameSite: req.session.cookie.sameSite, age: req.session.cookie.originalMaxAge },
  isSession: req.session instanceof session.Session
}))

module.exports = app
