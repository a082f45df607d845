'use strict'

const assert = require('node:assert/strict')
const { EventEmitter } = require('node:events')
const { test } = require('node:test')

const session = require('..')
const { PlainStore } = require('./support/plain-store')
const { idOf } = require('./support/signature')
const { DEFAULTS, site } = require('./support/site')
const { deprecationsOf } = require('./support/warnings')

const REFUSED = [
  [{ genid: 'id' }, TypeError, 'genid option must be a function'],
  [{ unset: 'remove' }, TypeError, 'unset option must be "destroy" or "keep"'],
  [{ secret: [] }, TypeError, 'secret option array must contain one or more strings'],
  [{ store: {} }, TypeError, 'store.on is not a function'],
  ...Object.entries({ storeDeadline: 1, absoluteTimeout: 1, rotationGrace: 0 }).flatMap(([name, least]) =>
    [least - 1, NaN, Infinity, '5000', null].map((value) => [
      { [name]: value }, TypeError, `${name} option must be a number of milliseconds, at least ${least}`
    ])
  ),
  [{ maxSessionsPerUser: -1 }, Error, 'maxSessionsPerUser must be a number that is not negative'],
  [{ maxSessionsPerUser: 0 }, Error, 'maxSessionsPerUser must be at least 1']
]

for (const [options, kind, message] of REFUSED) {
  const [[name, value]] = Object.entries(options)
  test(`${name}: ${value === null || typeof value !== 'object' ? String(value) : JSON.stringify(value)} is refused: ${message}`, () => {
    assert.throws(() => session({ ...DEFAULTS, ...options }), (error) => error instanceof kind && error.message.includes(message))
  })
}

test('a secret that is neither text nor bytes nor a key is refused by the first request', async (t) => {
  const { browser } = await site(t, { secret: { text: 'no' }, routes: {} })
  const { status, text } = await browser().get('/')
  assert.equal(status, 500)
  assert.equal(text, 'secret option must be a string, a Buffer or a KeyObject, or an array of them')
})

test('options that are left out are told once each, and have their old defaults', async (t) => {
  const deprecations = deprecationsOf(t)
  const { browser, store } = await site(t, {
    resave: undefined, saveUninitialized: undefined, store: new PlainStore(), routes: { '/': () => 'hello' }
  })
  assert.deepEqual(deprecations, [
    'undefined resave option; provide resave option',
    'undefined saveUninitialized option; provide saveUninitialized option'
  ])
  const visitor = browser()
  const { cookies } = await visitor.get('/')
  assert.match(cookies[0], /^connect\.sid=s%3A[\w-]{32}\.[^;]+; Path=\/; HttpOnly$/)
  await visitor.get('/')
  assert.deepEqual(store.calls.map((call) => call.split(' ')[0]), ['set', 'get', 'set'])
})

test('session() has defaults for everything but a secret', () => {
  const middleware = session()
  let told
  middleware({ url: '/', headers: {} }, {}, (error) => (told = error))
  assert.equal(told.message, 'secret option required for sessions')
})

test("without a secret that of cookie-parser counts, and the option's absence is deprecated", async (t) => {
  const deprecations = deprecationsOf(t)
  const { browser } = await site(t, {
    secret: undefined, before: [(req, _res, next) => { req.secret = 'from cookie-parser'; next() }],
    routes: { '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1) }
  })
  assert.deepEqual(deprecations, ['req.secret; provide secret option'])
  const visitor = browser()
  assert.deepEqual([await visitor.read('/'), await visitor.read('/')], [1, 2])
})

for (const option of ['name', 'key']) {
  test(`${option} names the cookie`, async (t) => {
    const { browser } = await site(t, { [option]: 'visit', routes: { '/': (req) => (req.session.seen = true) } })
    assert.match((await browser().get('/')).cookies[0], /^visit=/)
  })
}

for (const [how, genid] of [['text', (req) => `id-of-${req.method}`], ['a promise', async (req) => `id-of-${req.method}`]]) {
  test(`genid may return ${how}`, async (t) => {
    const { browser } = await site(t, {
      genid, store: new PlainStore(),
      routes: {
        '/': (req) => (req.session.seen = true),
        '/regenerate': async (req) => {
          await req.session.regenerate()
          return (req.session.seen = req.sessionID)
        },
        '/rotate': async (req) => {
          await req.session.rotate()
          return req.sessionID
        }
      }
    })
    const { cookies: [cookie] } = await browser().get('/')
    assert.equal(idOf(cookie), 'id-of-GET')
    assert.equal(await browser().read('/regenerate'), 'id-of-GET')
    assert.equal(await browser().read('/rotate'), 'id-of-GET')
  })
}

for (const [how, genid] of [['throws', () => { throw new Error('no ids today') }], ['rejects', async () => { throw new Error('no ids today') }]]) {
  test(`a genid that ${how} is an error of the request, and of what asks for an id`, async (t) => {
    let isBroken = true
    const { browser } = await site(t, {
      genid: (req) => (isBroken ? genid(req) : 'an-id'),
      store: new PlainStore(),
      routes: {
        '/': (req) => (req.session.seen = true),
        '/regenerate': (req) => req.session.regenerate().then(() => 'new', (error) => error.message),
        '/rotate': (req) => req.session.rotate().then(() => 'new', (error) => error.message)
      }
    })
    const visitor = browser()
    const { status, text } = await visitor.get('/')
    assert.deepEqual([status, text], [500, 'no ids today'])
    isBroken = false
    await visitor.get('/')
    isBroken = true
    assert.equal(await visitor.read('/rotate'), 'no ids today')
    if (how === 'rejects') assert.equal(await visitor.read('/regenerate'), 'no ids today')
  })
}

test('an empty id is an error of a rotation', async (t) => {
  let id = 'an-id'
  const { browser } = await site(t, {
    genid: () => id,
    routes: {
      '/': (req) => (req.session.seen = true),
      '/rotate': (req) => {
        id = ''
        return req.session.rotate().then(() => 'rotated', (error) => error.message)
      }
    }
  })
  const visitor = browser()
  await visitor.get('/')
  assert.equal(await visitor.read('/rotate'), 'genid must return an id: a string that is not empty')
  assert.equal(await visitor.read('/'), true)
})

test('a session whose id is no text is neither stored nor sent', async (t) => {
  const { browser, store, errors } = await site(t, {
    genid: () => ({ id: 1 }), store: new PlainStore(), routes: { '/': (req) => (req.session.seen = true) }
  })
  const { status, cookies } = await browser().get('/')
  assert.deepEqual([status, cookies, store.calls, errors], [200, [], [], []])
})

test('a cookie function is asked once for each request', async (t) => {
  let calls = 0
  const { browser } = await site(t, {
    cookie: (req) => (calls++, { domain: req.headers['x-tenant'] }),
    routes: { '/': (req) => (req.session.seen = true) }
  })
  assert.match((await browser().get('/', { headers: { 'x-tenant': 'one.example' } })).cookies[0], /; Domain=one\.example;/)
  assert.match((await browser().get('/', { headers: { 'x-tenant': 'two.example' } })).cookies[0], /; Domain=two\.example;/)
  assert.equal(calls, 2)
})

test("'auto' follows the connection, also from a cookie function", async (t) => {
  const auto = { secure: 'auto', sameSite: 'auto' }
  for (const cookie of [auto, () => auto]) {
    const { browser } = await site(t, { cookie, proxy: true, routes: { '/': (req) => (req.session.seen = true) } })
    assert.match((await browser().get('/')).cookies[0], /; Path=\/; HttpOnly; SameSite=Lax$/)
    const headers = { 'x-forwarded-proto': 'https' }
    assert.match((await browser().get('/', { headers })).cookies[0], /; Path=\/; HttpOnly; Secure; SameSite=None$/)
  }
})

for (const made of [undefined, null, 'text']) {
  test(`a cookie function that returns ${made} is an error of the request`, async (t) => {
    const { browser } = await site(t, { cookie: () => made, routes: {} })
    const { status, text } = await browser().get('/')
    assert.deepEqual([status, text], [500, 'cookie option function must return an object'])
  })
}

test('the middleware has the name and the arity of a middleware', () => {
  assert.deepEqual([session.name, session.length], ['session', 1])
  const middleware = session(DEFAULTS)
  assert.deepEqual([middleware.name, middleware.length], ['session', 3])
})

test('a store needs no more than events and its methods', async (t) => {
  const store = Object.assign(new EventEmitter(), {
    get: (_id, callback) => callback(),
    set: (_id, _session, callback) => callback(),
    destroy: (_id, callback) => callback()
  })
  const { browser } = await site(t, { store, routes: { '/': (req) => (req.session.seen = true) } })
  assert.equal((await browser().get('/')).cookies.length, 1)
})
