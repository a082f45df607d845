'use strict'

// One visitor of two running applications that share a store: one on express-session, one on ours.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const express = require('express')

const application = require('./apps/notes')
const { expressSession, handstamp, sessionCookie, visitor, visitors } = require('./helpers')
const plainStore = require('./plain-store')
const { BESIDE_OURS, EXPIRING, NATIVE, SERVED, STORES } = require('./stores')

const OPTIONS = { secret: ['keyboard cat', 'old'], resave: false, saveUninitialized: false }
const MAX_AGE = { cookie: { maxAge: 60_000, sameSite: 'lax' } }

const SIDES = { theirs: expressSession, ours: handstamp }

/** Both applications over one store. That of `last` is made last: what it leaves on a store that they share counts. */
async function start(t, open, last, options = {}) {
  const store = await open(t)
  const sides = last === 'ours' ? ['theirs', 'ours'] : ['ours', 'theirs']
  const sessions = sides.map((side) => [side, SIDES[side]({ ...OPTIONS, ...options, store: store.make(SIDES[side]) })])
  const [browser, stranger] = await visitors(t, application(Object.fromEntries(sessions)), 2)
  return { ...store, browser, stranger }
}

const put = (browser, side, key, value) => browser.put(`/${side}/${key}`).type('json').send(JSON.stringify(value)).expect(204)
const idOf = (response) => decodeURIComponent(sessionCookie(response).split('=')[1]).slice(2).split('.')[0]

for (const [name, open] of Object.entries(STORES)) {
  for (const [one, other] of [['theirs', 'ours'], ['ours', 'theirs']]) {
    const both = (title, run) => test(`${name}: ${title} (${one}, then ${other})`, run)

    for (const options of [{}, MAX_AGE]) {
      const kind = options.cookie ? 'lasting' : 'browser'
      both(`a ${kind} session is read and updated on either side`, async (t) => {
        const { browser } = await start(t, open, one, options)
        await put(browser, one, 'user', { name: 'Zoë', roles: ['a', 'b'] })
        const response = await browser.get(`/${other}/`).expect(200, { user: { name: 'Zoë', roles: ['a', 'b'] } })
        assert.equal(response.headers['set-cookie'], undefined)
        await put(browser, other, 'cart', [1, 2.5])
        await put(browser, one, 'more', 'x'.repeat(500))
        for (const side of [one, other, one]) {
          await browser.get(`/${side}/`).expect(200, { user: { name: 'Zoë', roles: ['a', 'b'] }, cart: [1, 2.5], more: 'x'.repeat(500) })
        }
      })
    }

    both('a session saved and read again in one request is the same one', async (t) => {
      const { browser } = await start(t, open, one)
      await put(browser, one, 'user', 'ada')
      await browser.post(`/${other}/save`).expect(200, { user: 'ada', saved: true })
      await browser.get(`/${one}/`).expect(200, { user: 'ada', saved: true })
    })

    both('a session destroyed on one side is gone on the other', async (t) => {
      const { browser, stranger } = await start(t, open, one)
      const cookie = sessionCookie(await put(browser, one, 'user', 'ada'))
      await browser.post(`/${other}/destroy`).expect(204)
      for (const side of [one, other]) await stranger.get(`/${side}/`).set('Cookie', cookie).expect(200, {})
    })

    both('a session begun anew on one side goes on on the other', async (t) => {
      const { browser, stranger } = await start(t, open, one)
      const cookie = sessionCookie(await put(browser, one, 'user', 'ada'))
      const renewed = sessionCookie(await browser.post(`/${other}/regenerate`).expect(204))
      assert.ok(renewed && renewed !== cookie)
      await browser.get(`/${one}/`).expect(200, { begun: 'regenerate' })
      for (const side of [one, other]) await stranger.get(`/${side}/`).set('Cookie', cookie).expect(200, {})
    })

    both('the cookie keeps what it was given at first', async (t) => {
      const { browser } = await start(t, open, one, MAX_AGE)
      await put(browser, one, 'user', 'ada')
      const { headers } = await put(browser, other, 'user', 'bob')
      assert.match(headers['set-cookie'][0], /; Path=\/; Expires=[^;]+ GMT; HttpOnly; SameSite=Lax$/)
    })
  }
}

for (const [name, open] of Object.entries({ ...EXPIRING, ...SERVED, ...BESIDE_OURS })) {
  for (const [one, other] of [['theirs', 'ours'], ['ours', 'theirs']]) {
    test(`${name}: reading on one side prolongs what the other has begun (${one}, then ${other})`, async (t) => {
      const { browser, age, expiry } = await start(t, open, one, MAX_AGE)
      const id = idOf(await put(browser, one, 'user', 'ada'))
      await age?.(id, 10_000)
      const before = await expiry(id)
      await laterThan(before, 60_000)
      await browser.get(`/${other}/`).expect(200, { user: 'ada' })
      const after = await expiry(id)
      assert.ok(after > before)
      // Those of servers count whole seconds.
      assert.ok(after <= new Date(Date.now() + 60_000 + (age ? 1000 : 0)))
    })
  }
}

for (const [name, open] of Object.entries({ ...EXPIRING, ...SERVED, ...BESIDE_OURS, ...NATIVE })) {
  for (const [one, other] of [['theirs', 'ours'], ['ours', 'theirs']]) {
    test(`${name}: a session that has expired is missing on both sides (${one}, then ${other})`, async (t) => {
      const { browser, stranger } = await start(t, open, one)
      const cookie = sessionCookie(await put(browser, one, 'user', 'ada'))
      await browser.get(`/${other}/`).expect(200, { user: 'ada' })
      await browser.post(`/${other}/age/-5000`).expect(204)
      for (const side of [one, other]) await stranger.get(`/${side}/`).set('Cookie', cookie).expect(200, {})
    })
  }
}

test('a store made for express-session gives sessions with our methods', async (t) => {
  const app = express()
  app.use(handstamp({ ...OPTIONS, store: new (plainStore(expressSession))() }))
  app.get('/', async (req, res) => {
    const visits = req.session.update('visits', (visits = 0) => visits + 1)
    await req.session.save()
    await req.session.reload()
    res.json([visits, req.session.visits, req.session instanceof handstamp.Session])
  })
  const browser = await visitor(t, app)
  await browser.get('/').expect(200, [1, 1, true])
  await browser.get('/').expect(200, [2, 2, true])
})

for (const [maker, session] of Object.entries({ 'express-session': expressSession, handstamp })) {
  test(`regenerate waits for a genid that is a promise, with a store made for ${maker}`, async (t) => {
    const app = express()
    let count = 0
    const genid = () => new Promise((resolve) => setImmediate(resolve, `id-${++count}`))
    app.use(handstamp({ ...OPTIONS, genid, store: new (plainStore(session))() }))
    app.get('/', (req, res) => req.session.regenerate(() => {
      req.session.user = 'ada'
      res.json(req.sessionID)
    }))
    app.get('/user', (req, res) => res.json(req.session.user ?? null))
    const browser = await visitor(t, app)
    await browser.get('/').expect(200, '"id-2"')
    await browser.get('/user').expect(200, '"ada"')
  })
}

/** Waits for the clock's next millisecond, at most. */
async function laterThan(expires, age) {
  while (Date.now() + age <= expires) await new Promise(setImmediate)
}
