'use strict'

const assert = require('node:assert/strict')
const { EventEmitter } = require('node:events')
const { test } = require('node:test')
const { inherits } = require('node:util')

const handstamp = require('..')
const { onEachStore } = require('./support/native-stores')
const { PlainStore } = require('./support/plain-store')
const { idOf } = require('./support/signature')
const { DEFAULTS, site } = require('./support/site')
const { called } = require('./support/waiting')

const { Cookie, Session, Store } = handstamp

test('a store is an event emitter', () => {
  assert.ok(new Store() instanceof EventEmitter)
  assert.deepEqual(Object.keys(Store.prototype).sort(), ['createSession', 'load', 'regenerate'])
})

/** A store as it was written before there were classes. */
function OldStore(options) {
  Store.call(this, options)
  this.sessions = {}
}
inherits(OldStore, Store)
OldStore.prototype.get = function (id, callback) {
  callback(null, this.sessions[id] && JSON.parse(this.sessions[id]))
}
OldStore.prototype.set = function (id, session, callback) {
  this.sessions[id] = JSON.stringify(session)
  callback()
}
OldStore.prototype.destroy = function (id, callback) {
  delete this.sessions[id]
  callback()
}

test('a store that inherits by util.inherits and calls Store without new works', async (t) => {
  const store = new OldStore()
  const { browser } = await site(t, { store, routes: { '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1) } })
  const visitor = browser()
  assert.deepEqual([await visitor.read('/'), await visitor.read('/')], [1, 2])
  assert.equal(Object.keys(store.sessions).length, 1)
})

test('createSession makes a session whose cookie is a Cookie', () => {
  const req = { sessionID: 'id' }
  const data = { cookie: { originalMaxAge: 5000, expires: '2030-01-01T00:00:00.000Z', path: '/shop' }, name: 'Ann' }
  const session = new Store().createSession(req, data)
  assert.equal(req.session, session)
  assert.ok(session instanceof Session)
  assert.ok(session.cookie instanceof Cookie)
  assert.deepEqual([session.id, session.name, session.cookie.path], ['id', 'Ann', '/shop'])
  assert.equal(session.cookie.expires.toISOString(), '2030-01-01T00:00:00.000Z')
  assert.equal(session.cookie.originalMaxAge, 5000)
})

test('createSession throws when there is no cookie', () => {
  assert.throws(() => new Store().createSession({}, { name: 'Ann' }), /Cannot read prop/)
})

test('stored data without a cookie is an error of the request', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, { store, routes: { '/': (req) => (req.session.seen = true) } })
  const visitor = browser()
  const id = idOf((await visitor.get('/')).cookies[0])
  store.sessions.set(id, '{"name":"Ann"}')
  const { status, text } = await visitor.get('/')
  assert.equal(status, 500)
  assert.match(text, /Cannot read prop/)
})

test('load reads a session without a request', async () => {
  const store = new PlainStore()
  store.sessions.set('known', '{"cookie":{},"name":"Ann"}')
  const session = await called((done) => store.load('known', done))
  assert.deepEqual([session.id, session.name], ['known', 'Ann'])
  assert.equal(await called((done) => store.load('unknown', done)), undefined)
  store.fail('get', new Error('the disk is gone'))
  await assert.rejects(called((done) => store.load('known', done)), new Error('the disk is gone'))
})

test('a session without a middleware reaches its store', async () => {
  const store = new PlainStore()
  const session = new Session({ sessionID: 'known', sessionStore: store })
  Object.assign(session, { cookie: new Cookie(), name: 'Ann' })
  await session.save()
  assert.equal(store.sessions.get('known'), '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"name":"Ann"}')
  store.sessions.set('known', '{"cookie":{},"name":"Bea"}')
  await session.reload()
  assert.equal(session.req.session.name, 'Bea')
  await session.destroy()
  assert.equal(session.req.session, undefined)
  await assert.rejects(session.reload(), new Error('failed to load session'))
  store.fail('get', new Error('the disk is gone'))
  await assert.rejects(session.reload(), new Error('the disk is gone'))
  store.generate = (req) => (req.session = 'a new one')
  await session.regenerate()
  assert.equal(session.req.session, 'a new one')
  await assert.rejects(session.rotate(), new Error('session.rotate needs the request that the session belongs to'))
})

test('a session that was loaded can be changed and saved', async () => {
  const store = new PlainStore()
  store.sessions.set('known', '{"cookie":{},"name":"Ann","n":1}')
  const session = await called((done) => store.load('known', done))
  assert.equal(session.update('n', (n) => n + 1), 2)
  await session.save()
  assert.equal(JSON.parse(store.sessions.get('known')).n, 2)
})

test('regenerate gives a new session also when the old one can not be destroyed', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, {
    store,
    routes: {
      '/': (req) => (req.session.name = 'Ann'),
      '/regenerate': async (req) => {
        const before = req.sessionID
        const error = await new Promise((done) => req.session.regenerate(done))
        return [error?.message ?? null, req.sessionID === before, req.session.name ?? null]
      }
    }
  })
  const visitor = browser()
  await visitor.get('/')
  assert.deepEqual(await visitor.read('/regenerate'), [null, false, null])
  store.fail('destroy', new Error('the disk is gone'))
  assert.deepEqual(await visitor.read('/regenerate'), ['the disk is gone', false, null])
})

test('while a store says that it is disconnected requests go on without a session', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, { store, routes: { '/': (req) => typeof req.session } })
  store.emit('disconnect')
  assert.equal(await browser().read('/'), 'undefined')
  store.emit('connect')
  assert.equal(await browser().read('/'), 'object')
})

test('an error ENOENT of get means that there is no session', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, { store, routes: { '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1) } })
  const visitor = browser()
  const before = idOf((await visitor.get('/')).cookies[0])
  store.fail('get', Object.assign(new Error('no such file'), { code: 'ENOENT' }))
  const { status, cookies, value } = await visitor.get('/')
  assert.deepEqual([status, value], [200, 1])
  assert.notEqual(idOf(cookies[0]), before)
})

for (const method of ['get', 'set', 'touch', 'destroy']) {
  test(`${method} that fails is an error of the request`, async (t) => {
    const store = new PlainStore()
    const { browser } = await site(t, {
      store,
      unset: 'destroy',
      routes: {
        '/new': (req) => (req.session.n = 1),
        '/get': () => 'hello',
        '/set': (req) => (req.session.n = 2),
        '/touch': () => 'hello',
        '/destroy': (req) => {
          req.session = null
          return 'hello'
        }
      }
    })
    const visitor = browser()
    await visitor.get('/new')
    store.fail(method, new Error('the disk is gone'))
    const { status, text, cookies } = await visitor.get(`/${method}`)
    assert.deepEqual([status, text, cookies], [500, 'the disk is gone', []])
  })
}

test('save, reload, destroy and regenerate take a callback and return the session then', async (t) => {
  const { browser } = await site(t, {
    store: new PlainStore(),
    routes: {
      '/': async (req) => {
        const { session } = req
        const results = []
        for (const method of ['save', 'reload', 'regenerate', 'destroy']) {
          const current = req.session
          await called((done) => results.push(current[method](done) === current))
        }
        return [results, typeof session, typeof req.session]
      }
    }
  })
  assert.deepEqual(await browser().read('/'), [[true, true, true, true], 'object', 'undefined'])
})

test('touch and resetMaxAge return the session', async (t) => {
  const { browser } = await site(t, {
    routes: { '/': (req) => [req.session.touch() === req.session, req.session.resetMaxAge() === req.session] }
  })
  assert.deepEqual(await browser().read('/'), [true, true])
})

test('stored data can not take the place of a method of express-session', () => {
  const data = { cookie: {}, save: 1, id: 2, req: 3, rotate: 'data', update: 'data' }
  const session = new Store().createSession({ sessionID: 'known' }, data)
  assert.deepEqual([typeof session.save, session.id, session.rotate, session.update], ['function', 'known', 'data', 'data'])
  assert.deepEqual(Object.keys(session), ['cookie', 'rotate', 'update'])
})

test('a store that throws throws at whoever saves', async (t) => {
  const store = new PlainStore()
  store.set = () => {
    throw new Error('the disk is gone')
  }
  const { browser } = await site(t, {
    store,
    routes: {
      '/': (req) => {
        try {
          req.session.save(() => {})
        } catch (error) {
          return error.message
        }
      }
    }
  })
  assert.equal(await browser().read('/'), 'the disk is gone')
})

onEachStore('a generate that an application puts on a store runs for new visitors and when they regenerate', async (t, open) => {
  const store = open()
  const { browser } = await site(t, {
    store,
    routes: {
      '/': (req) => req.session.tenant ?? null,
      '/regenerate': async (req) => {
        delete req.session.tenant
        await req.session.regenerate()
        return req.session.tenant ?? null
      }
    }
  })
  const { generate } = store
  store.generate = (req) => {
    generate.call(store, req)
    req.session.tenant = 'one'
  }
  const visitor = browser()
  const { value, cookies } = await visitor.get('/')
  assert.deepEqual([value, cookies.length], ['one', 1])
  assert.equal(await visitor.read('/regenerate'), 'one')
})

onEachStore('generate makes a session outside of a request, with the cookie of the options', (_t, open) => {
  const store = open()
  handstamp({ ...DEFAULTS, store, genid: () => 'an-id', cookie: { path: '/shop', maxAge: 5000 } })
  const req = { headers: {} }
  store.generate(req)
  assert.ok(req.session instanceof Session)
  assert.deepEqual([req.sessionID, req.session.id], ['an-id', 'an-id'])
  assert.deepEqual([req.session.cookie.path, req.session.cookie.originalMaxAge], ['/shop', 5000])
})
