'use strict'

// How long sessions live on the stores of the engine, and what a request costs that changes nothing.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { SqliteStore } = require('..')
const { addon } = require('../dist/native')
const { closing, folder, onEachStore } = require('./support/native-stores')
const { idOf } = require('./support/signature')
const { site } = require('./support/site')
const { execute, query } = require('./support/sqlite')
const { until } = require('./support/waiting')

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/** A site and a visitor who has a session. */
async function visited(t, { routes, ...options }) {
  const { browser, errors } = await site(t, {
    routes: {
      '/new': (req) => (req.session.name = 'Ann'),
      '/read': (req) => req.session.name ?? null,
      '/unread': () => 'hello',
      '/cookie': (req) => req.session.cookie.originalMaxAge,
      ...routes
    },
    ...options
  })
  const visitor = browser()
  const id = idOf((await visitor.get('/new')).cookies[0])
  return { errors, id, visitor }
}

/** How long a session has, as the store knows it. */
const left = async (store, id) => (await store.engine({}).load(id)).remaining
const about = (actual, expected) => assert.ok(Math.abs(actual - expected) < 60_000, `${actual} is not about ${expected}`)

onEachStore('requests that change nothing write nothing while the session has most of its time left', async (t, open) => {
  const { visitor } = await visited(t, { store: open() })
  const writes = ['touch', 'commit', 'create'].map((method) => t.mock.method(addon.Engine.prototype, method))
  for (const path of ['/read', '/unread', '/read']) assert.equal((await visitor.get(path)).status, 200)
  assert.deepEqual(writes.map(({ mock }) => mock.callCount()), [0, 0, 0])
})

onEachStore('a session that nobody reads is not parsed', async (t, open) => {
  const { visitor } = await visited(t, { store: open() })
  const parse = t.mock.method(JSON, 'parse')
  // The browser of the tests reads the answer by the same function.
  const isOurs = ({ arguments: [text], stack }) => String(text).includes('"Ann"') && stack.stack.includes('/dist/')
  const parsed = () => parse.mock.calls.filter(isOurs).length
  await visitor.get('/unread')
  assert.equal(parsed(), 0)
  await visitor.get('/read')
  assert.equal(parsed(), 1)
})

onEachStore('a session that is used lives on, one that is not used ends', async (t, open) => {
  const ttl = 2000
  const store = open({ ttl })
  const used = await visited(t, { store })
  const unused = await visited(t, { store })
  const start = Date.now()
  await until(async () => {
    assert.equal(await used.visitor.read('/read'), 'Ann')
    return (await store.get(unused.id)) === null
  })
  const lived = Date.now() - start
  // Some count whole seconds, and no session ends too early.
  assert.ok(lived > 0.9 * ttl && lived < ttl + 1500, `it lived for ${lived} ms`)
  assert.equal(await unused.visitor.read('/read'), null)
  await until(async () => {
    assert.equal(await used.visitor.read('/read'), 'Ann')
    return Date.now() > start + 2 * ttl
  })
})

onEachStore('a session ends after absoluteTimeout, however much it is used', async (t, open) => {
  const start = Date.now()
  const { visitor } = await visited(t, { store: open(), absoluteTimeout: 1000 })
  assert.equal(await visitor.read('/read'), 'Ann')
  await until(async () => (await visitor.read('/read')) === null)
  assert.ok(Date.now() - start >= 1000)
})

onEachStore('the life of one session, set on its cookie, stays with it', async (t, open) => {
  const store = open()
  const { visitor, id } = await visited(t, {
    store,
    routes: {
      '/remember': (req) => (req.session.cookie.maxAge = 30 * DAY),
      '/rotate': (req) => req.session.rotate().then(() => req.sessionID),
      '/forget': (req) => String((req.session.cookie.maxAge = null))
    }
  })
  about(await left(store, id), DAY)
  await visitor.get('/remember')
  about(await left(store, id), 30 * DAY)
  assert.equal(await visitor.read('/cookie'), 30 * DAY)
  const next = await visitor.read('/rotate')
  about(await left(store, next), 30 * DAY)
  assert.equal(await visitor.read('/cookie'), 30 * DAY)
  await visitor.get('/forget')
  about(await left(store, next), DAY)
  assert.equal(await visitor.read('/cookie'), null)
})

onEachStore("the cookie's maxAge is the session's life, ttl that of sessions without one", async (t, open) => {
  const store = open({ ttl: 2 * HOUR })
  const { id } = await visited(t, { store })
  about(await left(store, id), 2 * HOUR)
  const persistent = await visited(t, { store, cookie: { maxAge: 3 * HOUR } })
  about(await left(store, persistent.id), 3 * HOUR)
})

test('SqliteStore: a touch is written when a twentieth of the idle time has gone', async (t) => {
  const file = `${folder(t)}/sessions.db`
  const store = closing(t, new SqliteStore({ path: file }))
  const { visitor, id } = await visited(t, { store })
  const row = () => query(file, 'SELECT cast(revision AS TEXT) AS revision, expires FROM sessions')[0]
  const before = row()
  for (const path of ['/read', '/unread']) await visitor.get(path)
  assert.deepEqual(row(), before)
  for (const path of ['/read', '/unread']) {
    execute(file, `UPDATE sessions SET expires = expires - ${0.06 * DAY}, revision = revision + 1`)
    const aged = row()
    await visitor.get(path)
    assert.ok(row().expires > aged.expires + 0.05 * DAY, path)
  }
  about(await left(store, id), DAY)
})

onEachStore('resave and rolling on a session that is not changed do not lose what another request has written', async (t, open) => {
  for (const option of ['resave', 'rolling']) {
    const { visitor } = await visited(t, {
      store: open(), [option]: true,
      routes: {
        '/rename': (req) => (req.session.name = 'Bea'),
        '/slow': async (req) => {
          const { name } = req.session
          await visitor.get('/rename')
          return name
        }
      }
    })
    assert.equal(await visitor.read('/slow'), 'Ann')
    assert.equal(await visitor.read('/read'), 'Bea', option)
  }
})

onEachStore('a touch that comes too late ends in a response without a cookie', async (t, open) => {
  const store = open({ ttl: 1000 })
  const { visitor, id } = await visited(t, {
    store,
    routes: {
      '/end': async (req) => {
        await store.destroy(req.sessionID)
        return 'ended'
      }
    }
  })
  await until(async () => (await store.engine({ ttl: 1000 }).load(id)).due)
  const touch = t.mock.method(addon.Engine.prototype, 'touch')
  const { status, cookies, value } = await visitor.get('/end')
  assert.deepEqual([status, cookies, value, touch.mock.callCount()], [200, [], 'ended', 1])
  assert.equal(await store.get(id), null)
})
