'use strict'

// Ours in the middle of a move: its stores beside the packages that have kept the sessions so far, in one place and at
// the same time. What those write is noticed and merged; what is ended stays so.
//
// They write whole sessions, as they have read them. So what ours writes between their reading and their writing is
// lost, and what ours ends then is there again: that is how they are, and why to move.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const express = require('express')

const { barrier, deferred } = require('../support/waiting')
const { expressSession, handstamp, sessionCookie, visitors } = require('./helpers')
const { BESIDE_OURS } = require('./stores')

const OPTIONS = { secret: 'keyboard cat', resave: false, saveUninitialized: false }

/** Two applications under /theirs and /ours. A request of /slow waits, after its session was read, for `released`. */
async function start(t, open) {
  const { make, ...tools } = await open(t)
  const gate = { reached: () => {}, released: Promise.resolve() }
  const app = express()
  const sessions = { theirs: expressSession, ours: handstamp }
  for (const [side, session] of Object.entries(sessions)) {
    sessions[side] = session({ ...OPTIONS, store: make(session) })
    app.use(`/${side}`, application(sessions[side], gate))
  }
  const [browser, stranger] = await visitors(t, app, 2)
  return { ...tools, browser, stranger, gate, sessions: sessions.ours }
}

function application(sessions, gate) {
  const app = express()
  app.use(sessions)
  app.get('/', (req, res) => {
    // Theirs see what ours notes of a session, and carry it along.
    const { cookie, __handstamp, ...data } = req.session
    res.json(data)
  })
  app.post('/set/:key', (req, res) => res.json(req.session[req.params.key] = true))
  app.post('/slow/:change', async (req, res) => {
    const { session } = req
    gate.reached()
    await gate.released
    CHANGES[req.params.change](session, req)
    res.json(true)
  })
  app.post('/destroy', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.json(true))))
  app.post('/rotate', async (req, res) => res.json(await req.session.rotate()))
  app.post('/login', async (req, res) => {
    await sessions.login(req, 'ada')
    req.session.user = 'ada'
    res.json(true)
  })
  return app
}

const CHANGES = {
  nothing: () => {},
  count: (session) => session.update('count', (count) => (count ?? 0) + 1),
  own: (session, { query }) => { session[query.key] = true }
}

const post = (browser, path) => browser.post(path).expect(200)

/** Requests that have all read their session before `meanwhile` acts, and write afterwards. */
async function during(gate, requests, meanwhile) {
  const [all, release] = [barrier(requests.length + 1), deferred()]
  gate.reached = all
  gate.released = release.promise
  const answers = requests.map((request) => request().then((response) => response))
  await all()
  gate.reached = () => {}
  gate.released = Promise.resolve()
  await meanwhile()
  release.resolve()
  return Promise.all(answers)
}

const keys = (prefix, count) => Array.from({ length: count }, (_, at) => `${prefix}${at}`)
const having = (names) => Object.fromEntries(names.map((name) => [name, true]))

for (const [name, open] of Object.entries(BESIDE_OURS)) {
  test(`${name}: what theirs writes while requests of ours are under way is kept, and so is all that those write`, async (t) => {
    const { browser, gate } = await start(t, open)
    await post(browser, '/theirs/set/born')
    const [own, others] = [keys('own', 20), keys('other', 20)]
    await during(gate, own.map((key) => () => post(browser, `/ours/slow/own?key=${key}`)), async () => {
      for (const key of others) await post(browser, `/theirs/set/${key}`)
    })
    const all = { born: true, ...having(own), ...having(others) }
    for (const side of ['ours', 'theirs']) await browser.get(`/${side}/`).expect(200, all)
  })

  test(`${name}: an update is computed anew when theirs has written meanwhile`, async (t) => {
    const { browser, gate } = await start(t, open)
    await post(browser, '/theirs/set/born')
    await during(gate, keys('', 20).map(() => () => post(browser, '/ours/slow/count')), () => post(browser, '/theirs/set/other'))
    await browser.get('/theirs/').expect(200, { born: true, other: true, count: 20 })
  })

  test(`${name}: 100 parallel updates on ours count to 100 in a session that theirs has begun`, async (t) => {
    const { browser } = await start(t, open)
    await post(browser, '/theirs/set/born')
    await Promise.all(keys('', 100).map(() => post(browser, '/ours/slow/count')))
    await browser.get('/theirs/').expect(200, { born: true, count: 100 })
  })

  for (const change of ['nothing', 'count', 'own']) {
    test(`${name}: a session that theirs destroys is not revived by a slow request of ours (${change})`, async (t) => {
      const { browser, stranger, gate } = await start(t, open)
      const cookie = sessionCookie(await post(browser, '/theirs/set/born'))
      const [response] = await during(gate, [() => post(browser, `/ours/slow/${change}?key=own`)], () => post(browser, '/theirs/destroy'))
      assert.equal(sessionCookie(response), undefined)
      for (const side of ['ours', 'theirs']) await stranger.get(`/${side}/`).set('Cookie', cookie).expect(200, {})
    })
  }

  test(`${name}: a session that ours ends is not revived by a slow request of theirs that changes nothing`, async (t) => {
    const { browser, stranger, gate } = await start(t, open)
    const cookie = sessionCookie(await post(browser, '/theirs/set/born'))
    await during(gate, [() => post(browser, '/theirs/slow/nothing')], () => post(browser, '/ours/destroy'))
    for (const side of ['ours', 'theirs']) await stranger.get(`/${side}/`).set('Cookie', cookie).expect(200, {})
  })

  test(`${name}: who signs in on ours goes on on theirs under the new id, and the old one shows nothing there`, async (t) => {
    const { browser, stranger, sessions } = await start(t, open)
    const before = sessionCookie(await post(browser, '/theirs/set/born'))
    const after = sessionCookie(await post(browser, '/ours/login'))
    assert.ok(after && after !== before)
    await browser.get('/theirs/').expect(200, { born: true, user: 'ada' })
    await post(browser, '/theirs/set/other')
    await browser.get('/ours/').expect(200, { born: true, other: true, user: 'ada' })
    for (const side of ['ours', 'theirs']) await stranger.get(`/${side}/`).set('Cookie', before).expect(200, {})
    // Theirs has written the session, and it is still this user's.
    const list = await sessions.forUser('ada')
    assert.equal(list.length, 1)
    assert.equal(await sessions.revoke('ada', list[0].id), true)
    for (const side of ['ours', 'theirs']) await browser.get(`/${side}/`).expect(200, {})
  })

  test(`${name}: a session that theirs destroys is no session of its user any more`, async (t) => {
    const { browser, sessions } = await start(t, open)
    await post(browser, '/ours/login')
    assert.equal((await sessions.forUser('ada')).length, 1)
    await post(browser, '/theirs/destroy')
    assert.deepEqual(await sessions.forUser('ada'), [])
  })

  test(`${name}: what theirs has written by hand is what ours shows, in its order and with its numbers`, async (t) => {
    const { browser, document, write } = await start(t, open)
    const cookie = sessionCookie(await post(browser, '/theirs/set/born'))
    const id = decodeURIComponent(cookie.split('=')[1]).slice(2).split('.')[0]
    const stored = await document(id)
    await write(id, { ...stored, z: 1e21, a: [null, 'ünïcödé 🍏'], 'a b': { '': 0 } })
    await post(browser, '/ours/set/own')
    const { cookie: _, __handstamp, ...data } = await document(id)
    assert.equal(JSON.stringify(data), JSON.stringify({ born: true, z: 1e21, a: [null, 'ünïcödé 🍏'], 'a b': { '': 0 }, own: true }))
  })
}
