'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const session = require('..')
const { addon } = require('../dist/native')
const { onEachStore } = require('./support/native-stores')
const { PlainStore } = require('./support/plain-store')
const { idOf } = require('./support/signature')
const { DEFAULTS, site } = require('./support/site')

/** A site where visitors sign in and out. */
async function club(t, options) {
  const visited = await site(t, {
    routes: {
      '/': (req) => (req.session.cart = 'apples'),
      '/data': (req) => ({ user: sessions.userOf(req), ...req.session, cookie: undefined }),
      '/login': async (req) => {
        const [, user] = req.url.split('?')
        await sessions.login(req, user)
        return { user: sessions.userOf(req), id: req.sessionID, same: req.session.id === req.sessionID }
      },
      '/logout': async (req) => {
        await sessions.logout(req)
        return { user: sessions.userOf(req), ...req.session, cookie: undefined }
      },
      '/logout-and-write': async (req) => {
        await sessions.logout(req)
        return (req.session.bye = true)
      },
      '/id': (req) => sessions.idOf(req),
      '/end-others': (req) => sessions.revokeAll('ann', { except: req })
    },
    ...options
  })
  const { sessions } = visited
  return visited
}

onEachStore('a login keeps the data and gives a new id; the old one shows nothing to anybody', async (t, open) => {
  const { browser } = await club(t, { store: open() })
  const visitor = browser()
  const before = idOf((await visitor.get('/')).cookies[0])
  const thief = visitor.copy()
  const { value, cookies } = await visitor.get('/login?ann')
  assert.deepEqual(value, { user: 'ann', id: idOf(cookies[0]), same: true })
  assert.notEqual(value.id, before)
  assert.deepEqual(await visitor.read('/data'), { user: 'ann', cart: 'apples' })
  const stolen = await thief.get('/data')
  assert.deepEqual([stolen.status, stolen.value, stolen.cookies], [200, { user: null }, []])
})

onEachStore('a first visit may sign in at once', async (t, open) => {
  const { browser } = await club(t, { store: open() })
  const visitor = browser()
  const { cookies, value } = await visitor.get('/login?ann')
  assert.deepEqual([cookies.length, idOf(cookies[0])], [1, value.id])
  assert.deepEqual(await visitor.read('/data'), { user: 'ann' })
})

onEachStore('a login of the same user keeps the data, that of another one drops them', async (t, open) => {
  const { browser } = await club(t, { store: open() })
  const visitor = browser()
  for (const path of ['/', '/login?ann', '/login?ann']) await visitor.get(path)
  assert.deepEqual(await visitor.read('/data'), { user: 'ann', cart: 'apples' })
  await visitor.get('/login?bea')
  assert.deepEqual(await visitor.read('/data'), { user: 'bea' })
})

const FAILURES = {
  throws: () => { throw new Error('the disk is gone') },
  rejects: async () => { throw new Error('the disk is gone') }
}

for (const [how, fail] of Object.entries(FAILURES)) {
  onEachStore(`a login over another user's session whose commit ${how} leaves that user's data`, async (t, open) => {
    const { browser } = await club(t, { store: open() })
    const visitor = browser()
    for (const path of ['/', '/login?ann']) await visitor.get(path)
    t.mock.method(addon.Engine.prototype, 'commit', fail, { times: 1 })
    const { status, text, cookies } = await visitor.get('/login?bea')
    assert.deepEqual([status, text, cookies], [500, 'the disk is gone', []])
    assert.deepEqual(await visitor.read('/data'), { user: 'ann', cart: 'apples' })
  })
}

onEachStore('a logout ends the session; the next one is stored when something is put into it', async (t, open) => {
  const store = open()
  const { browser } = await club(t, { store })
  const visitor = browser()
  for (const path of ['/', '/login?ann']) await visitor.get(path)
  const thief = visitor.copy()
  const { value, cookies } = await visitor.get('/logout')
  assert.deepEqual(value, { user: null })
  assert.match(cookies[0], /^connect\.sid=; Path=\/; Expires=Thu, 01 Jan 1970/)
  assert.equal(cookies.length, 1)
  assert.deepEqual(await thief.read('/data'), { user: null })
  assert.deepEqual(await store.all(), {})
  assert.equal((await visitor.get('/logout')).status, 200)
  await visitor.get('/logout-and-write')
  assert.deepEqual(await visitor.read('/data'), { user: null, bye: true })
})

onEachStore('the sessions of a user are listed, with their devices', async (t, open) => {
  const { browser, sessions } = await club(t, { store: open() })
  const [phone, laptop] = [browser(), browser()]
  const start = Date.now()
  await phone.get('/login?ann', { headers: { 'user-agent': 'Phone' } })
  await laptop.get('/login?ann', { headers: { 'user-agent': 'L'.repeat(600) } })
  await browser().get('/login?bea')
  const list = await sessions.forUser('ann')
  assert.deepEqual(list.map(({ device }) => device.agent).sort(), ['L'.repeat(512), 'Phone'])
  for (const { id, created, lastSeen, expires, device } of list) {
    assert.match(id, /^[0-9a-f]{16}$/)
    assert.ok(created >= start - 1 && lastSeen >= created - 1 && expires > Date.now())
    assert.equal(device.address, '127.0.0.1')
  }
  assert.deepEqual(list.map(({ id }) => id).sort(), [await phone.read('/id'), await laptop.read('/id')].sort())
  assert.deepEqual(await sessions.forUser('nobody'), [])
})

onEachStore('revoke ends one session of this user, and no other', async (t, open) => {
  const { browser, sessions } = await club(t, { store: open() })
  const [phone, laptop] = [browser(), browser()]
  for (const visitor of [phone, laptop]) await visitor.get('/login?ann')
  const id = await phone.read('/id')
  assert.equal(await sessions.revoke('bea', id), false)
  assert.equal(await sessions.revoke('ann', 'no id'), false)
  assert.equal(await sessions.revoke('ann', id), true)
  assert.equal(await sessions.revoke('ann', id), false)
  assert.deepEqual([await phone.read('/data'), await laptop.read('/data')], [{ user: null }, { user: 'ann' }])
})

onEachStore('revokeAll ends all sessions of a user, or all but that of a request', async (t, open) => {
  const { browser, sessions } = await club(t, { store: open() })
  const visitors = [browser(), browser(), browser()]
  for (const visitor of visitors) await visitor.get('/login?ann')
  const users = async () => Promise.all(visitors.map(async (visitor) => (await visitor.read('/data')).user))
  assert.equal(await visitors[1].read('/end-others'), 2)
  assert.deepEqual(await users(), [null, 'ann', null])
  assert.equal(await sessions.revokeAll('ann'), 1)
  assert.deepEqual(await users(), [null, null, null])
})

onEachStore('a user who has as many sessions as allowed loses one with the next login', async (t, open) => {
  const { browser, sessions } = await club(t, { store: open(), maxSessionsPerUser: 2 })
  const visitors = [browser(), browser(), browser()]
  for (const visitor of visitors) await visitor.get('/login?ann')
  assert.equal((await sessions.forUser('ann')).length, 2)
  assert.equal((await visitors[2].read('/data')).user, 'ann')
})

onEachStore('a login needs a user, and a request that has a session', async (t, open) => {
  const { sessions, browser } = await club(t, { store: open() })
  const { status, text } = await browser().get('/login?')
  assert.deepEqual([status, text], [500, 'sessions.login needs the user as a string that is not empty'])
  await assert.rejects(sessions.login({ headers: {} }, 7), TypeError)
  await assert.rejects(sessions.login({ headers: {} }, 'ann'), new Error('sessions.login needs a request that has a session'))
})

test('a device may be given', async (t) => {
  const visited = await site(t, {
    routes: {
      '/': async (req) => {
        await visited.sessions.login(req, 'ann', { device: { agent: 'Kiosk', address: 'hall' } })
        return (await visited.sessions.forUser('ann'))[0].device
      }
    }
  })
  assert.deepEqual(await visited.browser().read('/'), { agent: 'Kiosk', address: 'hall' })
})

test('a request without a session has no user and no id, and nothing to end', async () => {
  const sessions = session(DEFAULTS)
  const req = { headers: {} }
  assert.deepEqual([sessions.userOf(req), sessions.idOf(req)], [null, null])
  assert.equal(await sessions.logout(req), undefined)
})

test('on a store in JavaScript logout works, and what needs a list of sessions says that there is none', async (t) => {
  const store = new PlainStore()
  const { browser, sessions } = await club(t, { store })
  const visitor = browser()
  await visitor.get('/')
  const { text } = await visitor.get('/login?ann')
  const why = 'needs a store of handstamp: this one can not find the sessions of a user'
  assert.equal(text, `sessions.login ${why}`)
  for (const method of ['forUser', 'revoke', 'revokeAll']) {
    await assert.rejects(sessions[method]('ann', 'id'), new Error(`sessions.${method} ${why}`))
  }
  assert.deepEqual(await visitor.read('/logout'), { user: null })
  assert.equal(store.sessions.size, 0)
})

test('a logout whose store fails is an error, and the session stays', async (t) => {
  const store = new PlainStore()
  const { browser } = await club(t, { store })
  const visitor = browser()
  await visitor.get('/')
  store.fail('destroy', new Error('the disk is gone'))
  const { status, text } = await visitor.get('/logout')
  assert.deepEqual([status, text], [500, 'the disk is gone'])
  assert.deepEqual(await visitor.read('/data'), { user: null, cart: 'apples' })
})

test('a logout after the session is gone does nothing', async (t) => {
  const visited = await site(t, {
    routes: {
      '/': async (req) => {
        await req.session.destroy()
        await visited.sessions.logout(req)
        return 'hello'
      }
    }
  })
  assert.equal(await visited.browser().read('/'), 'hello')
})

test('ids may be promised in a login and a logout', async (t) => {
  let count = 0
  const { browser } = await club(t, { genid: async () => `an-id-that-was-promised-${count++}` })
  const visitor = browser()
  await visitor.get('/')
  assert.match((await visitor.read('/login?ann')).id, /^an-id-that-was-promised-\d$/)
  assert.deepEqual(await visitor.read('/logout'), { user: null })
})

test('an application may have data under the names of these methods', async (t) => {
  const { browser } = await site(t, {
    routes: { '/': (req) => ['login', 'logout', 'userOf', 'forUser', 'revoke'].map((name) => req.session[name] ?? null) }
  })
  assert.deepEqual(await browser().read('/'), [null, null, null, null, null])
})

onEachStore('who signs in while another request ends the session gets a new one', async (t, open) => {
  const { browser, sessions } = await site(t, {
    store: open(),
    routes: {
      '/': (req) => (req.session.cart = 'apples'),
      '/destroy': (req) => req.session.destroy().then(() => 'gone'),
      '/user': (req) => sessions.userOf(req),
      '/login': async (req) => {
        void req.session.cart
        await visitor.copy().get('/destroy')
        await sessions.login(req, 'ann')
        return sessions.userOf(req)
      }
    }
  })
  const visitor = browser()
  await visitor.get('/')
  const { value, cookies } = await visitor.get('/login')
  assert.deepEqual([value, cookies.length], ['ann', 1])
  assert.equal(await visitor.read('/user'), 'ann')
})

test('a store that is given back its own methods in the middle of a request can not sign in', async (t) => {
  const store = new session.MemoryStore()
  const { get } = store
  store.get = (...rest) => get.apply(store, rest)
  const { browser, sessions } = await site(t, {
    store,
    routes: {
      '/': async (req) => {
        delete store.get
        await sessions.login(req, 'ann')
      }
    }
  })
  assert.match((await browser().get('/')).text, /^sessions\.login needs a store of handstamp/)
})

onEachStore('a session is new until it is stored', async (t, open) => {
  const { browser, sessions } = await site(t, {
    store: open(),
    routes: { '/': (req) => sessions.isNew(req), '/save': (req) => (req.session.seen = true) }
  })
  const visitor = browser()
  assert.equal(await visitor.read('/'), true)
  await visitor.get('/save')
  assert.equal(await visitor.read('/'), false)
  assert.equal(sessions.isNew({ headers: {} }), true)
})
