'use strict'

// `session.update` and saves, with another request in between: the handler itself visits the site.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { addon } = require('../dist/native')
const { onEachStore } = require('./support/native-stores')
const { PlainStore } = require('./support/plain-store')
const { site } = require('./support/site')
const { warningsOf } = require('./support/warnings')

/** `handler(req, between)` is called for `/`; `between(path)` is another request of this visitor. */
async function visited(t, store, handler) {
  const { browser, errors } = await site(t, {
    store,
    routes: {
      '/new': (req) => Object.assign(req.session, { n: 1, name: 'Ann' }).n,
      '/add': (req) => req.session.update('n', (n) => (n ?? 0) + 1),
      '/other': (req) => (req.session.other = true),
      '/rename': (req) => (req.session.name = 'Bea'),
      '/remove': (req) => delete req.session.n,
      '/data': (req) => ({ ...req.session, cookie: undefined }),
      '/': (req) => handler(req, (path) => visitor.read(path))
    }
  })
  const visitor = browser()
  await visitor.get('/new')
  return { visitor, errors }
}

onEachStore('update runs again when another request was faster, and the session shows all after the save', async (t, open) => {
  const seen = []
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.update('n', (n) => (seen.push(n), n + 10))
    await between('/add')
    await between('/other')
    await req.session.save()
    return { ...req.session, cookie: undefined }
  })
  assert.deepEqual(await visitor.read('/'), { n: 12, name: 'Ann', other: true })
  assert.deepEqual(seen, [1, 2])
  assert.deepEqual(await visitor.read('/data'), { n: 12, name: 'Ann', other: true })
})

onEachStore('two updates of a key are both run again', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.update('n', (n) => n * 10)
    req.session.update('n', (n) => n + 5)
    await between('/add')
    return 'hello'
  })
  await visitor.get('/')
  assert.equal((await visitor.read('/data')).n, 25)
})

onEachStore('a key that is set after its update is set', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.update('n', (n) => n + 10)
    req.session.n = 100
    await between('/add')
    return 'hello'
  })
  await visitor.get('/')
  assert.equal((await visitor.read('/data')).n, 100)
})

onEachStore('an update after a set starts from what was set', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req) => {
    req.session.update('n', (n) => n + 1)
    req.session.n = 100
    return req.session.update('n', (n) => n + 1)
  })
  assert.equal(await visitor.read('/'), 101)
  assert.equal((await visitor.read('/data')).n, 101)
})

onEachStore('update sees that another request has removed the key, and may remove it', async (t, open) => {
  const seen = []
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.update('n', (n) => (seen.push(n), undefined))
    req.session.update('name', (name) => `${name}!`)
    await between('/remove')
    await between('/rename')
    return 'hello'
  })
  await visitor.get('/')
  assert.deepEqual(await visitor.read('/data'), { name: 'Bea!' })
  assert.equal(seen[0], 1)
})

onEachStore('an update that throws when it runs again is an error of the request, and changes nothing', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.update('n', (n) => {
      if (n > 1) throw new Error('too many')
      return n + 10
    })
    await between('/add')
    return 'hello'
  })
  const { status, text } = await visitor.get('/')
  assert.deepEqual([status, text], [500, 'too many'])
  assert.equal((await visitor.read('/data')).n, 2)
})

onEachStore('an update that is to run again does nothing when the session has ended', async (t, open) => {
  const store = open()
  const { visitor, errors } = await visited(t, store, async (req, between) => {
    req.session.update('n', (n) => n + 10)
    await between('/add')
    // The save meets the other update, reads the session again, and finds none.
    const { load } = addon.Engine.prototype
    const again = t.mock.method(addon.Engine.prototype, 'load', async function (id) {
      again.mock.restore()
      await store.destroy(id)
      return load.call(this, id)
    })
    return 'hello'
  })
  const { status, cookies } = await visitor.get('/')
  assert.deepEqual([status, cookies], [200, []], errors[0]?.stack)
  assert.deepEqual(await visitor.read('/data'), {})
})

onEachStore('a request may save several times', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.n = 2
    await req.session.save()
    req.session.n = 3
    await Promise.all([req.session.save(), req.session.save()])
    await between('/other')
    req.session.n = 4
    await req.session.save()
    req.session.last = true
    return { ...req.session, cookie: undefined }
  })
  assert.deepEqual(await visitor.read('/'), { n: 4, name: 'Ann', other: true, last: true })
  assert.deepEqual(await visitor.read('/data'), { n: 4, name: 'Ann', other: true, last: true })
})

onEachStore('a value that two requests set is that of the later one', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.name = 'Cleo'
    await between('/rename')
    return 'hello'
  })
  await visitor.get('/')
  assert.equal((await visitor.read('/data')).name, 'Cleo')
})

onEachStore('reload shows what another request has changed, and drops what was not saved', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    const { session } = req
    session.name = 'Cleo'
    await between('/other')
    await session.reload()
    return [{ ...req.session, cookie: undefined }, req.session !== session]
  })
  assert.deepEqual(await visitor.read('/'), [{ n: 1, name: 'Ann', other: true }, true])
  assert.deepEqual(await visitor.read('/data'), { n: 1, name: 'Ann', other: true })
})

onEachStore('what is set after a reload is saved', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    await between('/other')
    await req.session.reload()
    req.session.update('n', (n) => n + 1)
    return (req.session.name = 'Cleo')
  })
  await visitor.get('/')
  assert.deepEqual(await visitor.read('/data'), { n: 2, name: 'Cleo', other: true })
})

onEachStore('reload of a session that has ended is an error', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req) => {
    const { session } = req
    await session.destroy()
    return session.reload().catch((error) => error.message)
  })
  assert.equal(await visitor.read('/'), 'failed to load session')
})

onEachStore('regenerate begins an empty session under a new id, which is stored when it is used', async (t, open) => {
  const store = open()
  const ids = []
  const { visitor } = await visited(t, store, async (req) => {
    ids.push(req.sessionID)
    await req.session.regenerate()
    ids.push(req.sessionID)
    return (req.session.fresh = true)
  })
  const { cookies } = await visitor.get('/')
  assert.equal(cookies.length, 1)
  assert.notEqual(ids[0], ids[1])
  assert.deepEqual(await visitor.read('/data'), { fresh: true })
  assert.equal(await store.get(ids[0]), null)
})

onEachStore('regenerate and save, as passport does it, is one session', async (t, open) => {
  const store = open()
  const { visitor } = await visited(t, store, async (req) => {
    await req.session.regenerate()
    req.session.user = 'ann'
    await req.session.save()
    return req.session.update('n', (n) => (n ?? 0) + 1)
  })
  assert.equal(await visitor.read('/'), 1)
  assert.deepEqual(await visitor.read('/data'), { user: 'ann', n: 1 })
  assert.equal(await store.length(), 1)
})

test('on a store in JavaScript update works, and says once that it can not compare', async (t) => {
  const warnings = warningsOf(t)
  const { visitor } = await visited(t, new PlainStore(), (req) => req.session.update('n', (n) => n + 1))
  assert.deepEqual([await visitor.read('/'), await visitor.read('/')], [2, 3])
  assert.equal(warnings.length, 1)
  assert.match(warnings[0], /^HANDSTAMP_UPDATE: session\.update is not safe against parallel requests on this store/)
})
