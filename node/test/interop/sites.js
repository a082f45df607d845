'use strict'

// Sites over one place, which a visitor may use by turns or at the same time: Express with the package that has kept
// the sessions so far, Express with ours, and axum with ours (crates/handstamp-drills/examples/shared.rs). They answer
// the same paths:
//
// | path | what it does |
// |---|---|
// | `GET /` | shows what is in the session |
// | `POST /:key` | sets this key to true |
// | `POST /count` | adds 1 to `count` |
// | `POST /login/:user`, `POST /logout` | signs in, with a new id and all that was there, and out |
// | `POST /slow/:change` | changes `nothing`, the `count` or this key, but waits at the gate after it has read the session |
// | `GET /gate/:count` | answers as soon as so many requests wait at the gate |
// | `POST /gate` | lets them through; whoever comes after that waits again |
// | `GET /users/:user` | on ours, the sessions of this user |
// | `POST /users/:user/:session` | on ours, ends one of them |

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')

const express = require('express')

const { Browser } = require('../support/browser')
const { SERVERS, closing } = require('../support/native-stores')
const { program } = require('../support/servers')
const { called, deferred } = require('../support/waiting')
const { expressSession, handstamp, listen } = require('./helpers')

const SECRET = 'keyboard cat'
const OPTIONS = { secret: SECRET, resave: false, saveUninitialized: false }

/** Each starts a site over what was opened, and gives its port. */
const STARTS = {
  theirs: (t, opened) => theirs(t, opened),
  resaving: (t, opened) => theirs(t, opened, { resave: true }),

  node: (t, { place: { kind, url, name } }) => (
    inNode(t, handstamp({ ...OPTIONS, store: closing(t, SERVERS[kind](url, name, {})) }), DOORS.ours)
  ),

  rust: async (t, { place: { url, name } }) => {
    const child = spawn(program('HANDSTAMP_SHARED', 'examples', 'shared'), [url, name, SECRET], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.after(() => child.stdin.end())
    const [port] = await once(child.stdout, 'data')
    return Number(port)
  }
}

/** The usual ones, by their names in titles. */
const SITES = { theirs: 'theirs', node: 'ours in Node', rust: 'ours in Rust' }

/** Starts these sites over a place that one of `SERVED` opens, and gives what that has given and a visitor. */
async function start(t, open, sides = Object.keys(SITES)) {
  const opened = await open(t)
  const ports = {}
  for (const side of sides) ports[side] = await STARTS[side](t, opened)
  return { ...opened, visitor: new Visitor(ports) }
}

function theirs(t, { make }, options) {
  return inNode(t, expressSession({ ...OPTIONS, ...options, store: make(expressSession) }), DOORS.theirs)
}

async function inNode(t, sessions, doors) {
  return (await listen(t, application(sessions, doors))).address().port
}

function application(sessions, { login, logout }) {
  const gate = new Gate()
  const app = express()
  app.get('/gate/:count', (req, res) => gate.arrivals(Number(req.params.count)).then(() => res.end()))
  app.post('/gate', (_req, res) => {
    gate.open()
    res.end()
  })
  app.get('/users/:user', async (req, res) => res.json((await sessions.forUser(req.params.user)).map(({ id }) => id)))
  app.post('/users/:user/:session', async (req, res) => res.json(await sessions.revoke(req.params.user, req.params.session)))
  app.use(sessions)
  // Theirs see what ours notes of a session, and carry it along.
  app.get('/', ({ session: { cookie, __handstamp, ...data } }, res) => res.json(data))
  app.post('/login/:user', async (req, res) => {
    await login(req, req.params.user, sessions)
    req.session.user = req.params.user
    res.end()
  })
  app.post('/logout', async (req, res) => {
    await logout(req, sessions)
    res.end()
  })
  app.post('/slow/:change', async (req, res) => {
    await gate.pass()
    change(req.session, req.params.change)
    res.end()
  })
  app.post('/:change', (req, res) => {
    change(req.session, req.params.change)
    res.end()
  })
  return app
}

function change(session, what) {
  if (what === 'nothing') return
  if (what !== 'count') session[what] = true
  else if (session.update) session.update('count', (count = 0) => count + 1)
  else session.count = (session.count ?? 0) + 1
}

/** How each library signs in and out. */
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

/** Where slow requests wait. It opens once for each time that they have gathered. */
class Gate {
  #waiting = []
  #watching = []

  pass() {
    const { promise, resolve } = deferred()
    this.#waiting.push(resolve)
    this.#tell()
    return promise
  }

  arrivals(count) {
    const { promise, resolve } = deferred()
    this.#watching.push({ count, resolve })
    this.#tell()
    return promise
  }

  open() {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #tell() {
    for (const { count, resolve } of this.#watching) if (this.#waiting.length >= count) resolve()
  }
}

/** A browser that goes from one site to another. */
class Visitor extends Browser {
  constructor(ports) {
    super()
    this.ports = ports
  }

  copy() {
    return Object.assign(new Visitor(this.ports), { cookies: new Map(this.cookies) })
  }

  async ask(side, path, method = 'GET') {
    const answer = await this.#at(side).get(path, { method })
    assert.equal(answer.status, 200, `${method} ${path} at ${side}: ${answer.text}`)
    return answer
  }

  post(side, path) {
    return this.ask(side, path, 'POST')
  }

  async shows(side, expected) {
    assert.deepEqual((await this.ask(side, '/')).value, expected, `at ${side}`)
  }

  /**
   * Slow requests that have all read the session when this is done. What comes of it lets them make their changes, and
   * gives the answers.
   */
  async read(side, ...changes) {
    const answers = Promise.all(changes.map((change) => this.post(side, `/slow/${change}`)))
    const early = answers.then(() => assert.fail('they have not waited'))
    await Promise.race([this.ask(side, `/gate/${changes.length}`), early])
    return async () => {
      await this.post(side, '/gate')
      return answers
    }
  }

  #at(side) {
    this.port = this.ports[side]
    return this
  }
}

module.exports = { SITES, start }
