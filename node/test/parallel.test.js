'use strict'

// Parallel requests of one visitor, on the stores of the engine: none loses what another has done.

const assert = require('node:assert/strict')

const { onEachStore } = require('./support/native-stores')
const { idOf } = require('./support/signature')
const { site } = require('./support/site')
const { barrier, deferred } = require('./support/waiting')

/** A site and a visitor who has a session. */
async function visited(t, { routes, ...options }) {
  const { browser, errors, sessions } = await site(t, {
    routes: { '/new': (req) => (req.session.name = 'Ann'), '/data': (req) => ({ ...req.session, cookie: undefined }), ...routes },
    ...options
  })
  const visitor = browser()
  await visitor.get('/new')
  return { browser, errors, sessions, visitor }
}

onEachStore('requests that set and remove different keys lose nothing', async (t, open) => {
  const all = barrier(12)
  const { visitor } = await visited(t, {
    store: open(),
    routes: {
      '/set': async (req) => {
        const { session } = req
        await all()
        return (session[req.url.split('?')[1]] = true)
      },
      '/remove': async (req) => {
        const { session } = req
        await all()
        return delete session.name
      }
    }
  })
  await Promise.all([visitor.get('/remove'), ...Array.from('abcdefghijk', (key) => visitor.get(`/set?${key}`))])
  assert.deepEqual(await visitor.read('/data'), Object.fromEntries(Array.from('abcdefghijk', (key) => [key, true])))
})

const ENDS = {
  destroy: (req) => req.session.destroy(),
  logout: (req, { sessions }) => sessions.logout(req),
  regenerate: (req) => req.session.regenerate(),
  revoke: (req, { sessions }) => sessions.revoke('ann', sessions.idOf(req)),
  revokeAll: (_req, { sessions }) => sessions.revokeAll('ann'),
  login: (req, { sessions }) => sessions.login(req, 'bea')
}

for (const [what, end] of Object.entries(ENDS)) {
  for (const change of ['changes it', 'updates it', 'reads it', 'never looks at it', 'saves it itself', 'rotates it']) {
    onEachStore(`a session that ${what} ends is not revived by a slow request that ${change}`, async (t, open) => {
      const [reached, released] = [deferred(), deferred()]
      const store = open()
      const shop = await visited(t, {
        store,
        routes: {
          '/login': (req) => shop.sessions.login(req, 'ann').then(() => req.sessionID),
          '/end': async (req) => {
            await end(req, shop)
            return 'ended'
          },
          '/slow': async (req) => {
            const session = change === 'never looks at it' ? undefined : req.session
            reached.resolve()
            await released.promise
            if (change === 'changes it') session.slow = true
            if (change === 'updates it') session.update('slow', () => true)
            if (change === 'saves it itself') await Object.assign(session, { slow: true }).save()
            if (change === 'rotates it') await session.rotate()
            return 'slow'
          }
        }
      })
      const { visitor, errors } = shop
      const id = await visitor.read('/login')
      const slow = visitor.copy()
      const thief = visitor.copy()
      const answer = slow.get('/slow')
      await reached.promise
      assert.equal(await visitor.read('/end'), 'ended')
      released.resolve()
      const { status, cookies, value } = await answer
      assert.deepEqual([status, cookies, value], [200, [], 'slow'], errors[0]?.stack)
      assert.equal(await store.get(id), null)
      assert.deepEqual(await thief.read('/data'), {})
    })
  }
}

onEachStore('a session that is rotated can be reached by its old id for a while, which no answer brings back', async (t, open) => {
  const [reached, released] = [barrier(20), deferred()]
  const { visitor, errors } = await visited(t, {
    store: open(), rolling: true, cookie: { maxAge: 60_000 },
    routes: {
      '/slow': async (req) => {
        const { session } = req
        reached()
        await released.promise
        session[req.url.split('?')[1]] = true
        return 'slow'
      },
      '/started': () => reached().then(() => 'all'),
      '/rotate': async (req) => {
        await req.session.rotate()
        return req.sessionID
      }
    }
  })
  const before = visitor.copy()
  const oldId = idOf([...visitor.cookies].map((pair) => pair.join('=')).join())
  const slow = Array.from({ length: 19 }, (_, at) => before.copy().get(`/slow?key${at}`))
  await before.copy().get('/started')
  const id = await visitor.read('/rotate')
  assert.notEqual(id, oldId)
  released.resolve()
  for (const { status, cookies } of await Promise.all(slow)) {
    assert.equal(status, 200, errors[0]?.stack)
    for (const cookie of cookies) assert.equal(idOf(cookie), id)
  }
  // The old id still leads there, and its browser is given the new one.
  const late = await before.get('/data')
  assert.deepEqual(late.cookies.map(idOf), [id])
  assert.deepEqual(Object.keys(late.value).sort(), ['name', ...Array.from({ length: 19 }, (_, at) => `key${at}`)].sort())
  assert.deepEqual(await visitor.read('/data'), late.value)
})

onEachStore('of two parallel updates both count when one request rotates the id, which the other one brings its browser', async (t, open) => {
  const [both, rotated] = [barrier(2), deferred()]
  const add = async ({ session }) => {
    await both()
    session.update('n', (n) => (n ?? 0) + 1)
  }
  const { visitor, errors } = await visited(t, {
    store: open(),
    routes: {
      '/update': async (req) => {
        await add(req)
        await rotated.promise
        return 'updated'
      },
      '/rotate': async (req) => {
        await add(req)
        await req.session.save()
        await req.session.rotate()
        rotated.resolve()
        return req.sessionID
      }
    }
  })
  const [updated, { status, value }] = await Promise.all([visitor.copy().get('/update'), visitor.get('/rotate')])
  assert.deepEqual([updated.status, status], [200, 200], errors[0]?.stack)
  assert.deepEqual(updated.cookies.map(idOf), [value])
  assert.deepEqual(await visitor.read('/data'), { name: 'Ann', n: 2 })
})

onEachStore('what a request adds to a session that signs in meanwhile is there, and nothing that it computed', async (t, open) => {
  const { visitor, errors, sessions } = await visited(t, {
    store: open(),
    routes: {
      '/login': async (req) => {
        req.session.name = 'Bea'
        await sessions.login(req, 'bea')
        return 'signed in'
      },
      '/slow': async ({ session }) => {
        session.added = true
        session.update('name', (name) => `${name}!`)
        assert.equal(await visitor.read('/login'), 'signed in')
        return 'slow'
      }
    }
  })
  const { status, cookies, value } = await visitor.copy().get('/slow')
  assert.deepEqual([status, cookies, value], [200, [], 'slow'], errors[0]?.stack)
  assert.deepEqual(await visitor.read('/data'), { name: 'Bea', added: true })
})
