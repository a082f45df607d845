'use strict'

// Two applications with one secret and one store, under /theirs and /ours of one server; `sessions` are their middlewares.

const express = require('express')

module.exports = (sessions) => {
  const app = express()
  for (const [side, session] of Object.entries(sessions)) app.use(`/${side}`, notes(session))
  return app
}

function notes(session) {
  const app = express()
  app.use(express.json({ strict: false }))
  app.use(session)
  app.get('/', (req, res) => res.json(data(req.session)))
  app.put('/:key', (req, res) => {
    req.session[req.params.key] = req.body
    res.sendStatus(204)
  })
  app.post('/age/:age', (req, res) => {
    req.session.cookie.maxAge = Number(req.params.age)
    req.session.aged = true
    res.sendStatus(204)
  })
  app.post('/save', (req, res, next) => {
    req.session.saved = true
    req.session.save((error) => (error ? next(error) : req.session.reload((error) => (error ? next(error) : res.json(data(req.session))))))
  })
  for (const method of ['regenerate', 'destroy']) {
    app.post(`/${method}`, (req, res, next) => req.session[method]((error) => {
      if (error) return next(error)
      if (req.session) req.session.begun = method
      res.sendStatus(204)
    }))
  }
  return app
}

/** What the application has put into the session; `__lastAccess` is session-file-store's, `__handstamp` ours. */
function data({ cookie, __lastAccess, __handstamp, ...data }) {
  return data
}
