'use strict'

// Saves that are under way while the handler goes on, and saves of sessions that are over.

const assert = require('node:assert/strict')

const { onEachStore } = require('./support/native-stores')
const { site } = require('./support/site')

const anHour = 60 * 60 * 1000

/** `handler(req, between, sessions)` is called for `/`; `between(path)` is another request of this visitor. */
async function visited(t, store, handler) {
  const { browser, errors, sessions } = await site(t, {
    store,
    routes: {
      '/new': (req) => Object.assign(req.session, { n: 1 }).n,
      '/add': (req) => req.session.update('n', (n) => n + 1),
      '/other': (req) => (req.session.other = true),
      '/destroy': (req) => req.session.destroy().then(() => 'gone'),
      '/age': (req) => req.session.cookie.originalMaxAge,
      '/data': (req) => ({ ...req.session, cookie: undefined }),
      '/': (req) => handler(req, (path) => visitor.copy().read(path), sessions)
    }
  })
  const visitor = browser()
  await visitor.get('/new')
  return { browser, errors, visitor }
}

const BEGINNINGS = {
  regenerates: (req) => req.session.regenerate(),
  'signs in': (req, sessions) => sessions.login(req, 'ann')
}

for (const [what, begin] of Object.entries(BEGINNINGS)) {
  onEachStore(`who saves a session that another request has ended and then ${what} gets a new one`, async (t, open) => {
    const { visitor } = await visited(t, open(), async (req, between, sessions) => {
      req.session.n = 2
      await between('/destroy')
      await req.session.save()
      await begin(req, sessions)
      return (req.session.user = 'ann')
    })
    const { status, cookies } = await visitor.get('/')
    assert.deepEqual([status, cookies.length], [200, 1])
    assert.equal((await visitor.read('/data')).user, 'ann')
  })
}

onEachStore('a save of the session that regenerate has ended leaves the new one alone', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req) => {
    const before = req.session
    await before.regenerate()
    req.session.user = 'ann'
    await before.save()
    return 'hello'
  })
  const { status, cookies } = await visitor.get('/')
  assert.deepEqual([status, cookies.length], [200, 1])
  assert.deepEqual(await visitor.read('/data'), { user: 'ann' })
})

onEachStore('two saves of a new session that are under way at once keep all', async (t, open) => {
  const { browser, errors } = await visited(t, open(), async (req) => {
    req.session.a = 1
    req.session.save()
    req.session.b = 2
    await req.session.save()
    return 'hello'
  })
  const visitor = browser()
  const { status, cookies } = await visitor.get('/')
  assert.deepEqual([status, cookies.length], [200, 1], errors[0]?.stack)
  assert.deepEqual(await visitor.read('/data'), { a: 1, b: 2 })
})

onEachStore('data that are changed while a save is under way are saved in the end, beside what another request has saved', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.n = 2
    await between('/other')
    const saved = req.session.save()
    Object.assign(req.session, { n: 3, late: true })
    await saved
    return 'hello'
  })
  await visitor.get('/')
  assert.deepEqual(await visitor.read('/data'), { n: 3, other: true, late: true })
})

onEachStore('an age of the cookie that is set while a save is under way is saved in the end, and sent', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req) => {
    req.session.n = 2
    const saved = req.session.save()
    req.session.cookie.maxAge = anHour
    await saved
    return 'hello'
  })
  assert.match((await visitor.get('/')).cookies[0], /; Expires=/)
  assert.equal(await visitor.read('/age'), anHour)
})

onEachStore('an update while a save is under way runs again when another request was faster', async (t, open) => {
  const { visitor } = await visited(t, open(), async (req, between) => {
    req.session.first = true
    const saved = req.session.save()
    req.session.update('n', (n) => n + 10)
    await saved
    await between('/add')
    return 'hello'
  })
  await visitor.get('/')
  assert.deepEqual(await visitor.read('/data'), { n: 12, first: true })
})

for (const [key, what] of [['late', 'a new key'], ['n', 'a key that another request has changed']]) {
  onEachStore(`what JSON can not hold, set under ${what} while a save is under way, is an error of the request`, async (t, open) => {
    const { errors, visitor } = await visited(t, open(), async (req, between) => {
      req.session.first = true
      await between('/add')
      const saved = req.session.save()
      req.session[key] = 1n
      await saved
      return 'hello'
    })
    const { status, text } = await visitor.get('/')
    assert.deepEqual([status, text, errors.length], [500, 'Do not know how to serialize a BigInt', 1])
    assert.deepEqual(await visitor.read('/data'), { n: 2, first: true })
  })
}

onEachStore('what JSON can not hold, set under a computed key while its save waits for another one, is an error of the request', async (t, open) => {
  const { errors, visitor } = await visited(t, open(), async ({ session }) => {
    session.first = true
    const saves = [session.save()]
    session.update('n', (n) => n + 1)
    saves.push(session.save())
    session.n = 1n
    await Promise.allSettled(saves)
    return 'hello'
  })
  const { status, text } = await visitor.get('/')
  assert.deepEqual([status, text, errors.length], [500, 'Do not know how to serialize a BigInt', 1])
  assert.equal((await visitor.read('/data')).first, true)
})
