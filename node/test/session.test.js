'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { PlainStore } = require('./support/plain-store')
const { onEachStore } = require('./support/native-stores')
const { site } = require('./support/site')

const anHour = 60 * 60 * 1000

test('the keys of a session are its cookie and its data', async (t) => {
  const { browser } = await site(t, {
    routes: {
      '/': (req) => {
        req.session.name = 'Ann'
        return [Object.keys(req.session), req.session.id === req.sessionID, req.session.req === req]
      }
    }
  })
  assert.deepEqual(await browser().read('/'), [['cookie', 'name'], true, true])
})

test('a cookie that the application replaces by a plain object is written and stored as it is', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, {
    store,
    routes: {
      '/': (req) => {
        req.session.cookie = { path: '/', httpOnly: true, sameSite: 'lax' }
        return (req.session.name = 'Ann')
      },
      '/destroy': async (req) => {
        await req.session.destroy()
        return 'gone'
      }
    }
  })
  const visitor = browser()
  const { cookies, status } = await visitor.get('/')
  assert.equal(status, 200)
  assert.match(cookies[0], /; Path=\/; HttpOnly; SameSite=Lax$/)
  assert.deepEqual([...store.sessions.values()], ['{"cookie":{"path":"/","httpOnly":true,"sameSite":"lax"},"name":"Ann"}'])
  assert.match((await visitor.get('/destroy')).cookies[0], /^connect\.sid=; Path=\/; Expires=Thu, 01 Jan 1970/)
})

const UNSERIALISABLE = {
  'a circle': (session) => (session.self = { session: session }),
  'a BigInt': (session) => (session.big = 1n),
  'an object whose toJSON throws': (session) => (session.bad = { toJSON: () => { throw new Error('no') } })
}

for (const [what, spoil] of Object.entries(UNSERIALISABLE)) {
  test(`data that JSON can not hold, ${what}, are an error of the request`, async (t) => {
    const { browser, errors } = await site(t, { routes: { '/': (req) => (spoil(req.session), 'hello') } })
    const { status, cookies } = await browser().get('/')
    assert.deepEqual([status, cookies, errors.length], [500, [], 1])
  })
}

for (const unset of ['keep', 'destroy']) {
  onEachStore(`with unset: '${unset}' a session that the request takes away ${unset === 'keep' ? 'is left alone' : 'ends'}`, async (t, open) => {
    const { browser } = await site(t, {
      store: open(),
      unset,
      routes: {
        '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1),
        '/null': (req) => String((req.session = null)),
        '/delete': (req) => delete req.session,
        '/delete-after-reading': (req) => req.session.visits && delete req.session
      }
    })
    for (const path of ['/null', '/delete', '/delete-after-reading']) {
      const visitor = browser()
      await visitor.get('/')
      const thief = visitor.copy()
      const { status, cookies } = await visitor.get(path)
      assert.deepEqual([status, cookies.length], [200, unset === 'keep' ? 0 : 1])
      assert.equal(await thief.read('/'), unset === 'keep' ? 2 : 1, path)
    }
  })
}

onEachStore('destroy ends the session, and the browser drops its cookie', async (t, open) => {
  const { browser } = await site(t, {
    store: open(), cookie: { maxAge: anHour, domain: 'example.com' },
    routes: {
      '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1),
      '/destroy': async (req) => {
        await req.session.destroy()
        return typeof req.session
      }
    }
  })
  const visitor = browser()
  await visitor.get('/')
  const thief = visitor.copy()
  const { value, cookies } = await visitor.get('/destroy')
  assert.equal(value, 'undefined')
  assert.equal(cookies.length, 1)
  assert.match(cookies[0], /^connect\.sid=; Domain=example\.com; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly/)
  assert.equal(await thief.read('/'), 1)
})

test('the cookie of a destroyed session stays where the application sets it itself, or keepCookie is on', async (t) => {
  const routes = {
    '/': (req) => (req.session.seen = true),
    '/destroy': async (req) => {
      await req.session.destroy()
      return 'gone'
    },
    '/clear': async (req, res) => {
      await req.session.destroy()
      res.setHeader('Set-Cookie', 'connect.sid=mine')
      return 'gone'
    }
  }
  const visit = async (path, options) => {
    const visitor = (await site(t, { routes, ...options })).browser()
    await visitor.get('/')
    return (await visitor.get(path)).cookies
  }
  assert.deepEqual(await visit('/clear'), ['connect.sid=mine'])
  assert.deepEqual(await visit('/destroy', { keepCookie: true }), [])
})

test('destroying a session that the browser does not have sends nothing', async (t) => {
  const { browser } = await site(t, { routes: { '/': async (req) => { await req.session.destroy(); return 'gone' } } })
  assert.deepEqual((await browser().get('/')).cookies, [])
})

onEachStore('changing the cookie alone saves the session and sends the cookie', async (t, open) => {
  const { browser } = await site(t, {
    store: open(),
    routes: {
      '/': (req) => (req.session.seen = true),
      '/remember': (req) => {
        req.session.cookie.maxAge = anHour
        return 'remembered'
      },
      '/age': (req) => req.session.cookie.originalMaxAge
    }
  })
  const visitor = browser()
  await visitor.get('/')
  assert.match((await visitor.get('/remember')).cookies[0], /; Expires=/)
  assert.equal(await visitor.read('/age'), anHour)
})

onEachStore('a cookie that can not be written is an error of the request', async (t, open) => {
  const { browser } = await site(t, {
    store: open(),
    routes: {
      '/': (req) => {
        req.session.cookie.domain = 'a b'
        return (req.session.seen = true)
      }
    }
  })
  const { status, text, cookies } = await browser().get('/')
  assert.deepEqual([status, text, cookies], [500, 'option domain is invalid', []])
})

test('rolling sends the cookie with every response', async (t) => {
  const { browser } = await site(t, {
    rolling: true, cookie: { maxAge: anHour },
    routes: { '/': (req) => (req.session.seen = true), '/read': () => 'hello' }
  })
  const visitor = browser()
  await visitor.get('/')
  assert.equal((await visitor.get('/read')).cookies.length, 1)
})

test('what the application has saved is not saved again', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, {
    store,
    routes: {
      '/': async (req) => {
        req.session.n = 1
        await req.session.save()
        return 'saved'
      },
      '/not-awaited': (req) => {
        req.session.n = 2
        req.session.save()
        return 'saved'
      }
    }
  })
  const visitor = browser()
  await visitor.get('/')
  await visitor.get('/not-awaited')
  assert.deepEqual(store.calls.map((call) => call.split(' ')[0]), ['set', 'get', 'set', 'touch'])
})

test('a save that fails does not count: the end of the response tries again', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, {
    store,
    routes: {
      '/': async (req) => {
        req.session.n = 1
        store.fail('set', new Error('the disk is gone'))
        return req.session.save().then(() => 'saved', (error) => error.message)
      }
    }
  })
  assert.equal(await browser().read('/'), 'the disk is gone')
  assert.equal(store.sessions.size, 1)
})

test('rotate works on stores in JavaScript: the new session is there before the old one ends', async (t) => {
  const store = new PlainStore()
  const { browser } = await site(t, {
    store,
    routes: {
      '/': (req) => (req.session.name = 'Ann'),
      '/name': (req) => req.session.name ?? null,
      '/rotate': async (req) => {
        const before = req.sessionID
        await req.session.rotate()
        return [before !== req.sessionID, req.session.id === req.sessionID, req.session.name]
      },
      '/failing': (req) => {
        const before = req.sessionID
        store.fail('set', new Error('the disk is gone'))
        return req.session.rotate().catch((error) => [error.message, before === req.sessionID, before === req.session.id])
      }
    }
  })
  const visitor = browser()
  await visitor.get('/')
  store.calls = []
  const { value, cookies } = await visitor.get('/rotate')
  assert.deepEqual(value, [true, true, 'Ann'])
  assert.equal(cookies.length, 1)
  assert.deepEqual(store.calls.map((call) => call.split(' ')[0]), ['get', 'set', 'destroy'])
  assert.equal(store.sessions.size, 1)
  assert.deepEqual(await visitor.read('/failing'), ['the disk is gone', true, true])
  assert.equal(await visitor.read('/name'), 'Ann')
})

test('update returns the value, refuses a promise, and removes what it makes undefined', async (t) => {
  const { browser } = await site(t, {
    routes: {
      '/': (req) => {
        const { session } = req
        const results = [session.update('n', (n) => (n ?? 0) + 1), session.update('n', (n) => n + 1), session.n]
        session.update('n', () => undefined)
        return [...results, 'n' in session]
      },
      '/promise': (req) => {
        req.session.update('n', async () => 1)
      }
    }
  })
  assert.deepEqual(await browser().read('/'), [1, 2, 2, false])
  const { status, text } = await browser().get('/promise')
  assert.deepEqual([status, text], [500, 'session.update: the function must return the value, not a promise of it'])
})

onEachStore('an error page about data that can not be saved is an answer', async (t, open) => {
  const { browser, errors } = await site(t, {
    store: open(),
    routes: {
      '/': async (req) => {
        req.session.big = 1n
        await req.session.save()
      },
      '/repaired': async (req) => {
        req.session.big = 1n
        await req.session.save().catch(() => (req.session.big = 1))
        return 'repaired'
      },
      '/big': (req) => req.session.big ?? null
    }
  })
  const visitor = browser()
  const { status, text } = await visitor.get('/')
  assert.deepEqual([status, text, errors.length], [500, 'Do not know how to serialize a BigInt', 1])
  assert.equal(await visitor.read('/repaired'), 'repaired')
  assert.equal(await visitor.read('/big'), 1)
})

onEachStore('rotating a session that is not stored yet gives it another id', async (t, open) => {
  const store = open()
  const { browser } = await site(t, {
    store,
    routes: {
      '/': async (req) => {
        const before = req.sessionID
        await req.session.rotate()
        req.session.name = 'Ann'
        return [before, req.sessionID, req.session.id]
      }
    }
  })
  const { value: [before, after, shown], cookies } = await browser().get('/')
  assert.notEqual(before, after)
  assert.deepEqual([shown, cookies.length], [after, 1])
  assert.deepEqual(Object.keys(await store.all()), [after])
})

onEachStore('what is stored under the name of a method stays as it is', async (t, open) => {
  const store = open()
  const id = 'c'.repeat(32)
  const { browser } = await site(t, { store, genid: () => id, routes: { '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1) } })
  const visitor = browser()
  await visitor.get('/')
  await store.set(id, { cookie: {}, visits: 1, save: 'by another program' })
  assert.equal(await visitor.read('/'), 2)
  const { save, visits } = await store.get(id)
  assert.deepEqual([save, visits], ['by another program', 2])
})
