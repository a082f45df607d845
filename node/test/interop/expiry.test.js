'use strict'

// Some applications end a session by a cookie that has expired. The browser drops that; a thief does not.

const assert = require('node:assert/strict')

const express = require('express')

const { sameWithExpiry, sessionCookie, visitors } = require('./helpers')

const ENDS = {
  'a maxAge of 0': (cookie) => { cookie.maxAge = 0 },
  'a maxAge below 0': (cookie) => { cookie.maxAge = -1 },
  'a date in the past': (cookie) => { cookie.expires = new Date(0) }
}

for (const [what, end] of Object.entries(ENDS)) {
  for (const cookie of [{}, { maxAge: 60_000 }]) {
    const kind = cookie.maxAge ? 'lasting' : 'browser'
    for (const saves of [false, true]) {
      sameWithExpiry(`${what} ends a ${kind} session${saves ? ' that is saved at once' : ''}`, async ({ t, session }) => {
        const app = express()
        app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, cookie }))
        app.post('/login', (req, res) => {
          req.session.user = 'ada'
          res.end()
        })
        app.post('/logout', (req, res, next) => {
          req.session.user = 'nobody'
          end(req.session.cookie)
          if (saves) req.session.save((error) => (error ? next(error) : res.end()))
          else res.end()
        })
        app.get('/', (req, res) => res.json(req.session.user ?? null))
        const [browser, thief] = await visitors(t, app, 2)
        const stolen = sessionCookie(await browser.post('/login').expect(200))
        await thief.get('/').set('Cookie', stolen).expect(200, '"ada"')
        const { headers } = await browser.post('/logout').expect(200)
        assert.ok(new Date(/Expires=([^;]+)/.exec(headers['set-cookie'][0])[1]) <= new Date())
        await thief.get('/').set('Cookie', stolen).expect(200, 'null')
      })
    }
  }
}
