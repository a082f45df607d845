'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { test } = require('node:test')
const { setTimeout } = require('node:timers/promises')
const { promisify } = require('node:util')

const { SqliteStore } = require('..')
const { Deadline } = require('../dist/deadline')
const { closing, folder } = require('./support/native-stores')
const { PlainStore } = require('./support/plain-store')
const { site } = require('./support/site')
const { lock } = require('./support/sqlite')

/** A site where each path makes one call of the store, and a visitor who has a session. */
async function visited(t, store) {
  const { browser, errors } = await site(t, {
    store,
    storeDeadline: 20,
    unset: 'destroy',
    routes: {
      '/new': (req) => (req.session.n = 1),
      '/get': () => 'hello',
      '/set': (req) => (req.session.n = 2),
      '/touch': () => 'hello',
      '/destroy': (req) => {
        req.session = null
        return 'hello'
      },
      '/save': async (req) => {
        req.session.n = 3
        await req.session.save()
        return 'saved'
      },
      '/regenerate': (req) => req.session.regenerate().then(() => 'new', (error) => error.message)
    }
  })
  const visitor = browser()
  await visitor.get('/new')
  return { visitor, errors }
}

/** Makes a store call back more often than it should. */
function answerTwice(store, method) {
  const single = store[method]
  store[method] = function (...rest) {
    const callback = rest.pop()
    return single.call(this, ...rest, (error, value) => {
      callback(error, value)
      callback(new Error('again'))
      callback(null, value)
    })
  }
}

for (const method of ['get', 'set', 'touch', 'destroy']) {
  test(`${method} that is never answered is an error when the deadline has passed, and a late answer changes nothing`, async (t) => {
    const store = new PlainStore()
    const { visitor, errors } = await visited(t, store)
    const { reached, release } = store.hold(method)
    const { status, text } = await visitor.get(`/${method}`)
    assert.equal(status, 500)
    assert.equal(text, `the session store did not answer ${method} within 20 ms; see the option storeDeadline`)
    assert.equal(errors[0].code, 'ERR_HANDSTAMP_STORE_TIMEOUT')
    await reached
    release()
    assert.equal((await visitor.get('/get')).status, 200)
    assert.equal(errors.length, 1)
  })

  test(`${method} that is answered twice counts once`, async (t) => {
    const store = new PlainStore()
    const { visitor, errors } = await visited(t, store)
    answerTwice(store, method)
    const { status, text } = await visitor.get(`/${method}`)
    assert.equal(status, 200, text)
    assert.deepEqual(errors, [])
  })

  test(`${method} that throws is an error of the request`, async (t) => {
    const store = new PlainStore()
    const { visitor, errors } = await visited(t, store)
    store[method] = () => {
      throw new Error('the disk is gone')
    }
    const { status, text } = await visitor.get(`/${method}`)
    assert.deepEqual([status, text, errors.length], [500, 'the disk is gone', 1])
  })
}

test('regenerate ends with an error when a store never answers destroy', async (t) => {
  const store = new PlainStore()
  const { visitor, errors } = await visited(t, store)
  store.hold('destroy')
  const { status, value } = await visitor.get('/regenerate')
  assert.deepEqual([status, value], [200, 'the session store did not answer regenerate within 20 ms; see the option storeDeadline'])
  assert.deepEqual(errors, [])
})

for (const [path, method] of [['/save', 'set'], ['/regenerate', 'destroy']]) {
  test(`a ${method} that is answered twice counts once for ${path.slice(1)}, too`, async (t) => {
    const store = new PlainStore()
    const { visitor, errors } = await visited(t, store)
    answerTwice(store, method)
    const { status, value } = await visitor.get(path)
    assert.deepEqual([status, value], [200, path === '/save' ? 'saved' : 'new'])
    assert.deepEqual(errors, [])
  })
}

test('a SQLite file that another process has locked meets the deadline', async (t) => {
  const path = `${folder(t)}/sessions.db`
  const store = closing(t, new SqliteStore({ path }))
  const { visitor, errors } = await visited(t, store)
  const release = await lock(path)
  const { status } = await visitor.get('/set')
  await release()
  assert.equal(status, 500)
  assert.equal(errors[0].code, 'ERR_HANDSTAMP_STORE_TIMEOUT')
  assert.match(errors[0].message, /deadline|in time|20/)
  assert.equal((await visitor.get('/get')).status, 200)
})

test('set ends with an error when another process has locked the SQLite file', async (t) => {
  const path = `${folder(t)}/sessions.db`
  const store = closing(t, new SqliteStore({ path, busyTimeout: 20 }))
  const release = await lock(path)
  await assert.rejects(store.set('an-id', { cookie: {} }), { code: /^ERR_HANDSTAMP_STORE_/ })
  await release()
  await store.set('an-id', { cookie: {} })
  assert.equal(await store.length(), 1)
})

test('of calls that wait together each has its own deadline', async () => {
  const late = []
  const deadline = Deadline.of(20)
  const began = performance.now()
  const note = (name) => () => late.push([name, performance.now() - began])
  deadline.await(note('first'))
  deadline.forget(deadline.await(note('answered')))
  await setTimeout(10)
  await new Promise((done) => deadline.await(() => done(note('last')())))
  assert.deepEqual(late.map(([name]) => name), ['first', 'last'])
  assert.ok(late[0][1] >= 20 && late[1][1] >= 29, String(late))
  assert.equal(Deadline.of(20), deadline)
})

test('a deadline keeps the process alive for calls that wait, and for no others', async () => {
  const script = `
    const { Deadline } = require(process.argv[1])
    const deadline = Deadline.of(2 ** 31)
    deadline.forget(deadline.await(() => {}))
    const call = deadline.await(() => {})
    setTimeout(() => { console.log('alive'); deadline.forget(call) }, 10).unref()`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, require.resolve('../dist/deadline')])
  assert.equal(stdout, 'alive\n')
})

test('what is thrown at a deadline keeps no other call waiting', async () => {
  const script = `
    const { Deadline } = require(process.argv[1])
    process.on('uncaughtException', ({ message }) => console.log(message))
    const deadline = Deadline.of(5)
    deadline.await(() => { throw new Error('first') })
    deadline.await(() => console.log('second'))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, require.resolve('../dist/deadline')])
  assert.equal(stdout, 'first\nsecond\n')
})
