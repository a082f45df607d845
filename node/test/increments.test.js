'use strict'

// A hundred increments at once end at a hundred, on every store and wherever its sessions are, by two processes, too.

const assert = require('node:assert/strict')
const { fork } = require('node:child_process')
const { once } = require('node:events')
const { join } = require('node:path')
const { test } = require('node:test')
const { setTimeout: pause } = require('node:timers/promises')

const { MemoryStore } = require('..')
const { count } = require('./support/counting')
const { closing } = require('./support/native-stores')
const { PLACES, openAt, shareAll } = require('./support/places')
const { site } = require('./support/site')
const { barrier } = require('./support/waiting')

shareAll()

const SITE = join(__dirname, 'support', 'counting-site.js')
const LIMIT = { timeout: 60_000 }

const STORES = {
  MemoryStore: () => new MemoryStore(),
  ...Object.fromEntries(Object.entries(PLACES).map(([where, place]) => [where, async (t) => openAt(await place(t))]))
}

/** Asks for a page by a hundred requests of one visitor, each of which has `act` between reading and counting; their answers. */
async function increment(t, store, act) {
  const { browser, errors } = await site(t, {
    store: closing(t, store),
    routes: {
      '/new': (req) => (req.session.name = 'Ann'),
      '/data': (req) => ({ ...req.session, cookie: undefined }),
      '/': async (req) => {
        const before = req.session.n ?? 0
        await act()
        req.session.update('n', (n) => (n ?? 0) + 1)
        return before
      }
    }
  })
  const visitor = browser()
  await visitor.get('/new')
  const answers = await Promise.all(Array.from({ length: 100 }, () => visitor.get('/')))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]), errors[0]?.stack)
  assert.deepEqual(await visitor.read('/data'), { name: 'Ann', n: 100 })
  return answers.map(({ value }) => value)
}

for (const [where, open] of Object.entries(STORES)) {
  for (const delay of [0, 10]) {
    test(`${where}: 100 parallel updates in handlers of ${delay} ms count to 100`, LIMIT, async (t) => {
      await increment(t, await open(t), () => delay && pause(delay))
    })
  }

  test(`${where}: 100 updates of requests that have all read the same value count to 100`, LIMIT, async (t) => {
    const seen = await increment(t, await open(t), barrier(100))
    assert.deepEqual(new Set(seen), new Set([0]))
  })
}

for (const [where, place] of Object.entries(PLACES)) {
  for (const delay of [0, 10]) {
    test(`${where}: two processes count together and lose nothing, in handlers of ${delay} ms`, LIMIT, async (t) => {
      const told = JSON.stringify({ ...await place(t), delay })
      const sites = [fork(SITE, [told]), fork(SITE, [told])]
      const ports = await Promise.all(sites.map(async (site) => (await once(site, 'message'))[0]))
      assert.equal(await count(ports, 100), 202)
      for (const site of sites) site.send('end')
      const codes = await Promise.all(sites.map(async (site) => (await once(site, 'exit'))[0]))
      assert.deepEqual(codes, [0, 0])
    })
  }
}
