'use strict'

// A session that nobody looks at: the memory store is asked for a touch, and for nothing else.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const session = require('..')
const { addon } = require('../dist/native')
const { site } = require('./support/site')

const routes = {
  '/new': (req) => (req.session.name = 'Ann'),
  '/idle': () => 'idle',
  '/id': (req) => req.sessionID,
  '/name': (req) => req.session.name ?? null,
  '/other': (req) => {
    req.sessionID = 'other'
    return req.sessionID
  },
  '/null': (req) => (req.session = null),
  '/delete': (req) => delete req.session
}

/** A visitor with a session, and the calls that the engine gets from now on. */
async function visited(t, options) {
  const store = new session.MemoryStore()
  const { browser } = await site(t, { store, resave: false, saveUninitialized: false, routes, ...options })
  const visitor = browser()
  await visitor.get('/new')
  const calls = []
  for (const method of ['load', 'visit', 'touch', 'commit', 'create', 'destroy']) {
    const original = addon.Engine.prototype[method]
    t.mock.method(addon.Engine.prototype, method, function (...rest) {
      calls.push(method)
      return original.apply(this, rest)
    })
  }
  return { calls, store, visitor }
}

test('a request that never looks at its session asks for a touch alone', async (t) => {
  const { calls, visitor } = await visited(t)
  const { cookies, value } = await visitor.get('/idle')
  assert.deepEqual([cookies, value, calls], [[], 'idle', ['visit']])
})

test('looking at the id finds the session, and it is still there', async (t) => {
  const { calls, visitor } = await visited(t)
  assert.equal((await visitor.read('/id')).length, 32)
  assert.equal(await visitor.read('/name'), 'Ann')
  assert.deepEqual(calls, ['load', 'load'])
})

test('an id that the application sets is the request\'s, and the session stays', async (t) => {
  const { visitor } = await visited(t)
  assert.equal(await visitor.read('/other'), 'other')
  assert.equal(await visitor.read('/name'), 'Ann')
})

test('the id of a session that is over is never the request\'s', async (t) => {
  const { store, visitor } = await visited(t)
  const before = await visitor.read('/id')
  await store.destroy(before)
  assert.notEqual(await visitor.read('/id'), before)
  assert.equal(await visitor.read('/name'), null)
})

test('an unseen session that is over begins no other one', async (t) => {
  const { calls, store, visitor } = await visited(t)
  await store.clear()
  const { cookies, status } = await visitor.get('/idle')
  assert.deepEqual([cookies, status, calls], [[], 200, ['visit']])
  assert.deepEqual(await store.all(), {})
})

for (const way of ['/null', '/delete']) {
  test(`an unseen session that is taken away by ${way} is ended, if the options say so`, async (t) => {
    const { store, visitor } = await visited(t, { unset: 'destroy' })
    await visitor.get(way)
    assert.deepEqual(await store.all(), {})
  })
}

for (const options of [{ saveUninitialized: true }, { rolling: true }, { genid: () => 'mine' }]) {
  test(`with ${Object.keys(options)} the session is found before the handler begins`, async (t) => {
    const { calls, visitor } = await visited(t, options)
    await visitor.get('/idle')
    assert.equal(calls[0], 'load')
  })
}
