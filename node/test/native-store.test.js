'use strict'

// The stores of the engine as stores: their methods, and how they are opened.

const assert = require('node:assert/strict')
const { writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { test } = require('node:test')

const { Cookie, MemoryStore, Session, SqliteStore, Store } = require('..')
const { closing, folder, onEachLocalStore, onEachStore } = require('./support/native-stores')
const { site } = require('./support/site')
const { called } = require('./support/waiting')

const HOUR = 60 * 60 * 1000
const ANN = 'a'.repeat(32)
const BEA = 'b'.repeat(32)

const session = (data, cookie = {}) => ({ cookie: new Cookie(cookie), ...data })

/** How a method is asked: by a callback, or for a promise. */
const WAYS = {
  'a callback': (store, method, ...rest) => called((done) => assert.equal(store[method](...rest, done), undefined)),
  'a promise': (store, method, ...rest) => store[method](...rest)
}

for (const [way, ask] of Object.entries(WAYS)) {
  onEachStore(`get, set, touch, destroy, all, length and clear answer by ${way}`, async (_t, open) => {
    const store = open()
    assert.ok(store instanceof Store)
    assert.equal(await ask(store, 'get', ANN), null)
    await ask(store, 'set', ANN, session({ name: 'Ann' }))
    await ask(store, 'set', BEA, session({ name: 'Bea' }, { path: '/shop' }))
    assert.equal((await ask(store, 'get', ANN)).name, 'Ann')
    assert.equal(await ask(store, 'length'), 2)
    const all = await ask(store, 'all')
    assert.deepEqual(Object.keys(all).sort(), [ANN, BEA])
    assert.deepEqual([all[BEA].name, all[BEA].cookie.path], ['Bea', '/shop'])
    await ask(store, 'touch', ANN, session({ name: 'is not stored' }, { maxAge: HOUR }))
    const touched = await ask(store, 'get', ANN)
    assert.deepEqual([touched.name, touched.cookie.originalMaxAge], ['Ann', HOUR])
    await ask(store, 'destroy', ANN)
    assert.equal(await ask(store, 'get', ANN), null)
    await ask(store, 'destroy', ANN)
    await ask(store, 'touch', ANN, session({}))
    assert.equal(await ask(store, 'length'), 1)
    await ask(store, 'clear')
    assert.equal(await ask(store, 'length'), 0)
    assert.deepEqual(await ask(store, 'all'), {})
  })
}

onEachStore('of calls begun at the same moment each gets its own answer, and one that fails spoils no other', async (_t, open) => {
  const store = open({ maxDocumentBytes: 1024 })
  const ids = Array.from({ length: 200 }, (_, at) => String(at).padStart(32, '0'))
  const large = () => store.set('c'.repeat(32), session({ text: 'x'.repeat(2000) }))
  const [refused, ...set] = await Promise.allSettled([large(), ...ids.map((id) => store.set(id, session({ id })))])
  assert.match(refused.reason?.code, /TOO_LARGE$/)
  assert.deepEqual(set.filter(({ status }) => status !== 'fulfilled'), [])
  const got = await Promise.all(ids.map((id) => store.get(id)))
  assert.deepEqual(got.map(({ id }) => id), ids)
})

onEachStore('a clock that a test has put in the place of the real one holds nothing up', async (t, open) => {
  const store = open()
  t.mock.timers.enable({ apis: ['setImmediate', 'setInterval', 'setTimeout'] })
  await store.set(ANN, session({ name: 'Ann' }))
  assert.equal((await store.get(ANN)).name, 'Ann')
})

onEachStore('set replaces what is there, also by a plain object', async (_t, open) => {
  const store = open()
  await store.set(ANN, session({ name: 'Ann', old: true }))
  await store.set(ANN, { cookie: { path: '/shop' }, name: 'Anna' })
  const { cookie, ...data } = await store.get(ANN)
  assert.deepEqual([data, cookie.path], [{ name: 'Anna' }, '/shop'])
  await store.set(BEA, { name: 'Bea' })
  assert.equal((await store.get(BEA)).name, 'Bea')
})

onEachStore('set stores a session that was destroyed anew', async (_t, open) => {
  const store = open()
  await store.set(ANN, session({ name: 'Ann' }))
  await store.destroy(ANN)
  await store.set(ANN, session({ name: 'Ann again' }))
  assert.equal((await store.get(ANN)).name, 'Ann again')
})

onEachStore('two parallel sets of an id that is new both store', async (_t, open) => {
  const store = open()
  await Promise.all(['Ann', 'Anna'].map((name) => store.set(ANN, session({ name }))))
  assert.match((await store.get(ANN)).name, /^Anna?$/)
  assert.equal(await store.length(), 1)
})

onEachStore('load makes a session outside of a request, which can be saved', async (_t, open) => {
  const store = open()
  await store.set(ANN, session({ name: 'Ann' }, { maxAge: HOUR }))
  const loaded = await called((done) => store.load(ANN, done))
  assert.ok(loaded instanceof Session && loaded.cookie instanceof Cookie)
  loaded.name = 'Anna'
  await loaded.save()
  assert.equal((await store.get(ANN)).name, 'Anna')
  await loaded.destroy()
  assert.equal(await called((done) => store.load(ANN, done)), undefined)
})

const STRANGE = ['a', '', '../../etc/passwd', 'two\nlines', '*', 'ünïcödé', '🍏', 'x'.repeat(1000), "'; DROP TABLE sessions; --"]

onEachStore('ids may be any text', async (t, open) => {
  const store = open()
  for (const id of STRANGE) {
    await store.set(id, session({ id: 'data', name: id }))
    assert.equal((await store.get(id)).name, id)
  }
  assert.equal(await store.length(), STRANGE.length)
  for (const id of STRANGE) await store.destroy(id)
  assert.equal(await store.length(), 0)
  for (const id of STRANGE.filter((id) => id !== '')) {
    const { browser, errors } = await site(t, {
      store, genid: () => id, routes: { '/': (req) => [req.sessionID === id, (req.session.visits = (req.session.visits ?? 0) + 1)] }
    })
    const visitor = browser()
    assert.deepEqual([await visitor.read('/'), await visitor.read('/')], [[true, 1], [true, 2]], `${id}: ${errors[0]}`)
  }
})

onEachStore('a closed store says so', async (t, open) => {
  const store = open()
  await store.set(ANN, session({}))
  const { browser } = await site(t, { store, routes: { '/': (req) => (req.session.seen = true) } })
  const visitor = browser()
  await visitor.get('/')
  store.close()
  store.close()
  const closed = { code: 'ERR_HANDSTAMP_CLOSED', message: 'the session store has been closed; open it again' }
  const calls = { get: [ANN], set: [ANN, session({})], touch: [ANN, session({})], destroy: [ANN], all: [], length: [], clear: [] }
  for (const [method, rest] of Object.entries(calls)) {
    for (const ask of Object.values(WAYS)) await assert.rejects(async () => ask(store, method, ...rest), closed, method)
  }
  const { status, text } = await visitor.get('/')
  assert.deepEqual([status, text], [500, closed.message])
})

test('a SQLite file keeps its sessions when it is closed and opened again', async (t) => {
  const path = join(folder(t), 'sessions.db')
  const first = new SqliteStore(path)
  await first.set(ANN, session({ name: 'Ann' }))
  first.close()
  const second = closing(t, new SqliteStore({ path, synchronous: 'normal', readers: 1, busyTimeout: 100, reapEvery: HOUR }))
  assert.equal((await second.get(ANN)).name, 'Ann')
})

test('a SQLite store needs a path', () => {
  for (const options of [undefined, null, {}, { path: 7 }]) {
    assert.throws(() => new SqliteStore(options), new TypeError('SqliteStore needs the path of its file: new SqliteStore({ path: "sessions.db" })'))
  }
})

test('a file that is no database is an error of the constructor that names the file', (t) => {
  const path = join(folder(t), 'notes.txt')
  writeFileSync(path, 'These are notes, and they are long enough to be looked at.\n'.repeat(100))
  assert.throws(() => new SqliteStore({ path }), (error) => {
    assert.equal(error.code, 'ERR_HANDSTAMP_STORE_CORRUPT')
    assert.match(error.message, /notes\.txt: the file is damaged, or is no SQLite database/)
    return true
  })
})

test('a folder that is not there is an error of the constructor that names the file', (t) => {
  const path = join(folder(t), 'missing', 'sessions.db')
  assert.throws(() => new SqliteStore({ path }), { code: 'ERR_HANDSTAMP_STORE_UNAVAILABLE', message: /sessions\.db: the folder does not exist/ })
})

const BAD = [
  ['ttl', -1, /^ttl must be a number of milliseconds$/],
  ['ttl', NaN, /^ttl must be a number of milliseconds$/],
  ['ttl', 'a day', /ttl/],
  ['maxDocumentBytes', -1, /^maxDocumentBytes must be a number that is not negative$/]
]

for (const [name, value, message] of BAD) {
  onEachLocalStore(`${name}: ${value} is refused`, (_t, open) => assert.throws(() => open({ [name]: value }), { message }))
}

test('the limits of a store are checked by name', (t) => {
  for (const name of ['maxSessions', 'maxBytes']) {
    assert.throws(() => new MemoryStore({ [name]: -1 }), { message: `${name} must be a number that is not negative` })
  }
  const path = join(folder(t), 'sessions.db')
  assert.throws(() => new SqliteStore({ path, synchronous: 'off' }), { message: 'synchronous must be "full" or "normal"' })
  assert.throws(() => new SqliteStore({ path, readers: -1 }), { message: 'readers must be a number that is not negative' })
})

test('a memory store that is full ends the session that expires soonest', async (t) => {
  const store = closing(t, new MemoryStore({ maxSessions: 2 }))
  await store.set('long', session({}, { maxAge: 2 * HOUR }))
  await store.set('short', session({}, { maxAge: HOUR }))
  await store.set('longer', session({}, { maxAge: 3 * HOUR }))
  assert.equal(await store.get('short'), null)
  assert.equal(await store.length(), 2)
})

onEachStore('a session that is too large is an error of the request', async (t, open) => {
  const { browser, errors } = await site(t, {
    store: open({ maxDocumentBytes: 1024 }), routes: { '/': (req) => (req.session.text = 'x'.repeat(2000)) }
  })
  const { status, cookies } = await browser().get('/')
  assert.deepEqual([status, cookies], [500, []])
  assert.match(errors[0].code, /TOO_LARGE$/)
})

onEachStore('set refuses a session that is too large', async (_t, open) => {
  const store = open({ maxDocumentBytes: 1024 })
  await assert.rejects(store.set(ANN, session({ text: 'x'.repeat(2000) })), { code: /TOO_LARGE$/ })
  assert.equal(await store.get(ANN), null)
})

onEachStore('methods that an application puts on a store are called', async (t, open) => {
  const store = open()
  const calls = []
  for (const method of ['get', 'set', 'touch', 'destroy']) {
    const single = store[method]
    store[method] = function (id, ...rest) {
      calls.push(method)
      return single.call(this, id, ...rest)
    }
  }
  const { browser } = await site(t, {
    store,
    routes: {
      '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1),
      '/read': (req) => req.session.visits,
      '/destroy': (req) => req.session.destroy().then(() => 'gone')
    }
  })
  const visitor = browser()
  assert.deepEqual([await visitor.read('/'), await visitor.read('/read'), await visitor.read('/')], [1, 1, 2])
  await visitor.get('/destroy')
  assert.deepEqual(calls, ['set', 'get', 'touch', 'get', 'set', 'get', 'destroy'])
  await assert.rejects(site(t, { store, routes: {} }).then(({ sessions }) => sessions.forUser('ann')), /needs a store of handstamp/)
})

for (const Base of [MemoryStore, SqliteStore]) {
  test(`${Base.name}: methods that a subclass overrides are called`, async (t) => {
    class Counting extends Base {
      reads = 0

      get(id, callback) {
        this.reads++
        return super.get(id, callback)
      }
    }
    const store = closing(t, new Counting({ path: join(folder(t), 'sessions.db') }))
    const { browser } = await site(t, { store, routes: { '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1) } })
    const visitor = browser()
    assert.deepEqual([await visitor.read('/'), await visitor.read('/')], [1, 2])
    assert.equal(store.reads, 1)
  })
}
