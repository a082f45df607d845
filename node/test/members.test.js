'use strict'

// The members of a stored session are parsed one by one. To the application they are properties like any other.

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { inspect } = require('node:util')

const { addon } = require('../dist/native')
const { closing, onEachStore } = require('./support/native-stores')
const { PlainStore } = require('./support/plain-store')
const { site } = require('./support/site')
const session = require('..')

const USER = { name: 'Ann', tags: ['a', 'b'] }
const DATA = { user: USER, n: 1, text: 'é\u2028\n"', none: null, list: [1, { a: true }] }

/** A visitor whose session holds `data`; `look(handler)` makes one request and returns what the handler does. */
async function visited(t, store, data = DATA, options = {}) {
  let handler
  const routes = {
    '/new': (req) => Object.keys(Object.assign(req.session, data)).length,
    '/': async (req, res) => (await handler(req, res), null),
    '/data': (req) => ({ ...req.session, cookie: undefined })
  }
  const { browser, errors } = await site(t, { store, routes, ...options })
  const visitor = browser()
  await visitor.get('/new')
  const look = async (act) => {
    let outcome
    handler = async (req, res) => {
      outcome = await act(req, res)
    }
    const { status } = await visitor.get('/')
    return { outcome, status }
  }
  return { errors, look: async (act) => (await look(act)).outcome, status: async (act) => (await look(act)).status, stored: () => visitor.read('/data') }
}

onEachStore('a stored session is an object like any other', async (t, open) => {
  const { look } = await visited(t, open())
  await look(({ session }) => {
    const names = ['cookie', ...Object.keys(DATA)]
    assert.deepEqual(Object.keys(session), names)
    assert.deepEqual(Object.entries(session).slice(1), Object.entries(DATA))
    assert.ok('user' in session && Object.hasOwn(session, 'user') && session.propertyIsEnumerable('n'))
    assert.equal(session.user, session.user)
    const all = []
    for (const name in session) all.push(name)
    assert.deepEqual(all, names)
    assert.deepEqual({ ...session, cookie: 0 }, { cookie: 0, ...DATA })
    assert.deepEqual(JSON.parse(JSON.stringify(session)), { ...DATA, cookie: JSON.parse(JSON.stringify(session.cookie)) })
    assert.deepEqual(structuredClone({ ...session, cookie: 0 }), { ...DATA, cookie: 0 })
  })
})

onEachStore('a session shows its values, also those that nobody has looked at', async (t, open) => {
  const { look, stored } = await visited(t, open(), { user: USER, n: 1 })
  await look(({ session }) => {
    session.n = 2
    Object.defineProperty(session, 'fixed', { value: 3, enumerable: true })
    assert.match(inspect(session), /^Session \{\n  cookie: .*user: \{ name: 'Ann', tags: \[ 'a', 'b' \] \},\n  n: 2,\n  fixed: 3\n\}$/s)
    assert.match(inspect(session), /n: 2/)
    assert.ok(Object.getOwnPropertyDescriptor(session, 'user').writable)
    session.user.name = 'Bea'
  })
  assert.deepEqual(await stored(), { user: { ...USER, name: 'Bea' }, n: 2, fixed: 3 })
  assert.equal(inspect(new session.Session({})), 'Session {}')
})

onEachStore('looking at values changes nothing and writes nothing', async (t, open) => {
  const { look } = await visited(t, open())
  const writes = ['touch', 'commit', 'create'].map((method) => t.mock.method(addon.Engine.prototype, method))
  await look(({ session }) => [session.user.tags, session.text, session.none, session.list, session.n, inspect(session)])
  await look(({ session }) => {
    session.n = 2
    session.n = 1
    session.list = [1, { a: true }]
    session.further = undefined
  })
  assert.deepEqual(writes.map(({ mock }) => mock.callCount()), [0, 0, 0])
})

const CHANGES = {
  'a value that is set': (session) => (session.n = 2),
  'a value that is changed inside': (session) => session.list[1].more = 'é',
  'a value that is added': (session) => (session.further = [1.5]),
  'a value that is taken away': (session) => delete session.none,
  'a value that becomes undefined': (session) => (session.user = undefined),
  'a value that becomes a function': (session) => (session.user = () => 1),
  'a value that is taken away and set again': (session) => {
    delete session.n
    session.n = 3
  },
  'a value that is defined': (session) => Object.defineProperty(session, 'n', { value: 4, enumerable: true }),
  'a value that is defined with a getter': (session) => Object.defineProperty(session, 'n', { get: () => session.text, enumerable: true }),
  'a value that is no longer enumerable': (session) => Object.defineProperty(session, 'n', { value: 4, enumerable: false }),
  'a value that makes its own JSON': (session) => (session.n = { toJSON: (name) => `the ${name}` }),
  'a value that makes no JSON': (session) => (session.n = { toJSON: () => undefined }),
  'a date': (session) => (session.n = new Date(0)),
  'no number': (session) => (session.n = NaN),
  'names that need escapes': (session) => (session['"\n'] = session['\0'] = 1),
  'all at once': (session) => Object.assign(session, { user: null, n: -0, text: '\0', none: [], list: {}, further: 1 })
}

for (const [what, change] of Object.entries(CHANGES)) {
  onEachStore(`${what} is stored as JSON.stringify has it`, async (t, open) => {
    const { look, stored } = await visited(t, open())
    const expected = await look(({ session }) => {
      change(session)
      return JSON.parse(JSON.stringify({ ...session, cookie: undefined }))
    })
    assert.deepEqual(await stored(), expected)
  })
}

onEachStore('several saves of one request store all of it', async (t, open) => {
  const { look, stored } = await visited(t, open())
  await look(async ({ session }) => {
    session.n = 2
    await session.save()
    session.n = 3
    session.a = 1
    await session.save()
    delete session.a
    session.list.push(2)
  })
  assert.deepEqual(await stored(), { ...DATA, n: 3, list: [...DATA.list, 2] })
})

onEachStore('a request that changes one value leaves those of others alone, and sees them after its save', async (t, open) => {
  const store = open()
  const { look, stored } = await visited(t, store)
  await look(async (req) => {
    req.session.n = 2
    delete req.session.none
    const all = await store.all()
    const [[id, other]] = Object.entries(all)
    await store.set(id, { ...other, user: 'Bea', none: 5, more: 1 })
    await req.session.save()
    assert.deepEqual([req.session.user, req.session.more, req.session.none], ['Bea', 1, undefined])
  })
  const { none, ...rest } = DATA
  assert.deepEqual(await stored(), { ...rest, user: 'Bea', n: 2, more: 1 })
})

onEachStore('a session that was ended meanwhile is not stored again', async (t, open) => {
  const store = open()
  const { look } = await visited(t, store)
  await look(async (req) => {
    req.session.n = 2
    await store.clear()
  })
  assert.equal(await store.length(), 0)
})

onEachStore('an object behind the session, such as a proxy, works on the session', async (t, open) => {
  const { look, stored } = await visited(t, open())
  await look(({ session }) => {
    const proxy = new Proxy(session, {})
    proxy.n += 1
    assert.deepEqual([proxy.n, session.n, proxy.user.name], [2, 2, 'Ann'])
    const child = Object.create(session)
    child.text = 'its own'
    assert.deepEqual([child.text, session.text, child.n], ['its own', DATA.text, 2])
  })
  assert.deepEqual(await stored(), { ...DATA, n: 2 })
})

onEachStore('data without JSON are an error as JSON.stringify has it', async (t, open) => {
  const { errors, status } = await visited(t, open())
  assert.equal(await status(({ session }) => void (session.list[2] = session.list)), 500)
  assert.equal(await status(({ session }) => void (session.self = session)), 500)
  assert.match(errors[0].message, /^Converting circular structure to JSON/)
  assert.match(errors[1].message, /starting at object with constructor 'Session'/)
})

onEachStore('a session with a toJSON of its own is stored as that has it', async (t, open) => {
  const { look, stored } = await visited(t, open())
  await look(({ session }) => {
    Object.defineProperty(session, 'toJSON', { value: () => ({ n: 7 }) })
    session.n = 2
  })
  assert.deepEqual(await stored(), { n: 7 })
})

for (const [what, data] of Object.entries({
  'numbers as names': { 10: 'a', 9: 'b', z: 1 },
  'names with escapes': { 'a"b': 1, 'a\nb': 2 },
  'an empty name': { '': 1, a: 2 },
  'very many names': Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, at])),
  'a member toJSON': { toJSON: 1, a: 2 }
})) {
  onEachStore(`a session of ${what} is read and written as any other`, async (t, open) => {
    const { look, stored } = await visited(t, open(), data)
    assert.deepEqual(await stored(), data)
    await look(({ session }) => (session.a = 3))
    assert.deepEqual(await stored(), { ...data, a: 3 })
  })
}

test('many kinds of sessions are no burden', async (t) => {
  const store = closing(t, new session.MemoryStore())
  const { look, stored } = await visited(t, store, { n: 0 })
  for (let at = 0; at < 1100; at += 1) {
    await look(({ session }) => {
      delete session[`k${at - 1}`]
      session[`k${at}`] = at
    })
  }
  assert.deepEqual(await stored(), { n: 0, k1099: 1099 })
})

onEachStore('what others have written in other words has not changed', async (t, open) => {
  const store = open()
  const { look } = await visited(t, store)
  const [id] = Object.keys(await store.all())
  const engine = store.engine({})
  const found = await engine.load(id)
  const data = '{"a":1.0,"big":12345678901234567890,"b":[1e2, 2]}'
  await engine.commit(found, { data })
  const commit = t.mock.method(addon.Engine.prototype, 'commit')
  await look(({ session }) => [session.a, session.b, session.big])
  assert.equal(commit.mock.callCount(), 0)
  await look(({ session }) => (session.a = 2))
  assert.equal((await engine.load(id)).data, data.replace('1.0', '2'))
})

test('a createSession that an application has put on all stores sees the whole session', async (t) => {
  const store = closing(t, new session.MemoryStore())
  const { look } = await visited(t, store)
  const seen = t.mock.method(session.Store.prototype, 'createSession')
  assert.equal(await look(({ session }) => session.n), 1)
  assert.deepEqual(seen.mock.calls[0].arguments[1].user, USER)
})

test('a store of JavaScript gets whole sessions', async (t) => {
  const { look, stored } = await visited(t, new PlainStore())
  await look(({ session }) => (session.n = 2))
  assert.deepEqual(await stored(), { ...DATA, n: 2 })
})
