'use strict'

// One visitor of three applications over one place: Express with the package that has kept the sessions so far, Express
// with ours, and axum with ours (crates/handstamp-drills/examples/shared.rs).

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { test } = require('node:test')

const express = require('express')

const { Browser } = require('../support/browser')
const { SERVERS, closing } = require('../support/native-stores')
const { program } = require('../support/servers')
const { called } = require('../support/waiting')
const { expressSession, handstamp, listen } = require('./helpers')
const { SERVED } = require('./stores')

const SECRET = 'keyboard cat'
const OPTIONS = { secret: SECRET, resave: false, saveUninitialized: false }

/** All three, by their ports. */
async function start(t, open) {
  const { make, place } = await open(t)
  const ours = closing(t, SERVERS[place.kind](place.url, place.name, {}))
  const theirs = expressSession({ ...OPTIONS, store: make(expressSession) })
  return {
    theirs: await serve(t, application(theirs, DOORS.theirs)),
    ours: await serve(t, application(handstamp({ ...OPTIONS, store: ours }), DOORS.ours)),
    axum: await inRust(t, place)
  }
}

const serve = async (t, app) => (await listen(t, app)).address().port

async function inRust(t, { url, name }) {
  const child = spawn(program('HANDSTAMP_SHARED', 'examples', 'shared'), [url, name, SECRET], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.stdin.end())
  const [port] = await once(child.stdout, 'data')
  return Number(port)
}

function application(sessions, { login, logout }) {
  const app = express()
  app.use(sessions)
  app.get('/', ({ session: { cookie, __handstamp, ...data } }, res) => res.json(data))
  app.post('/count', (req, res) => res.json(req.session.count = (req.session.count ?? 0) + 1))
  app.post('/login/:user', async (req, res) => {
    await login(req, req.params.user, sessions)
    req.session.user = req.params.user
    res.end()
  })
  app.post('/logout', async (req, res) => {
    await logout(req, sessions)
    res.end()
  })
  app.post('/:key', (req, res) => {
    req.session[req.params.key] = true
    res.end()
  })
  return app
}

/** How each library signs in, with a new id and all that was there, and out. */
const DOORS = {
  ours: {
    login: (req, user, sessions) => sessions.login(req, user),
    logout: (req, sessions) => sessions.logout(req)
  },
  theirs: {
    login: async (req) => {
      const { cookie, ...data } = req.session
      await called((done) => req.session.regenerate(done))
      Object.assign(req.session, data)
    },
    logout: (req) => called((done) => req.session.destroy(done))
  }
}

const ORDERS = [
  ['theirs', 'ours', 'axum'], ['theirs', 'axum', 'ours'], ['ours', 'theirs', 'axum'],
  ['ours', 'axum', 'theirs'], ['axum', 'theirs', 'ours'], ['axum', 'ours', 'theirs']
]

for (const [name, open] of Object.entries(SERVED)) {
  for (const order of ORDERS) {
    test(`${name}: one visitor is served in turn by ${order.join(', ')}`, async (t) => {
      const ports = await start(t, open)
      const visitor = new Browser()
      const at = (side, who = visitor) => Object.assign(who, { port: ports[side] })
      const ask = async (side, path, who) => {
        const answer = await at(side, who).get(path, { method: 'POST' })
        assert.equal(answer.status, 200, `${path} at ${side}: ${answer.text}`)
        return answer
      }
      const shown = async (expected, who) => {
        for (const side of order) assert.deepEqual(await at(side, who).read('/'), expected, `at ${side}`)
      }
      const [first, second, third] = order

      await ask(first, '/born')
      await ask(second, '/grown')
      for (const side of [third, first, second, third]) await ask(side, '/count')
      await shown({ born: true, grown: true, count: 4 })

      const before = visitor.copy()
      const { cookies } = await ask(first, '/login/ada')
      assert.equal(cookies.length, 1)
      await shown({ born: true, grown: true, count: 4, user: 'ada' })
      await shown({}, before)

      await ask(third, '/later')
      await ask(second, '/count')
      await shown({ born: true, grown: true, count: 5, user: 'ada', later: true })

      const thief = visitor.copy()
      await ask(second, '/logout')
      await shown({})
      await shown({}, thief)
    })
  }
}
