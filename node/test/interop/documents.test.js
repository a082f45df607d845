'use strict'

// What is in a session comes back as it was, whoever wrote it.

const assert = require('node:assert/strict')
const path = require('node:path')
const { test } = require('node:test')

const Database = require('better-sqlite3')
const express = require('express')
const fc = require('fast-check')
const request = require('supertest')

const { REMOTE } = require('../support/native-stores')
const { folder, handstamp, listen, sessionCookie, sqliteStore } = require('./helpers')
const { data, spelled, value } = require('./json')

/** Runs a property a fixed number of times. HANDSTAMP_SEED plays one run again. */
async function check(t, property, numRuns = 100) {
  const seed = Number(process.env.HANDSTAMP_SEED ?? Date.now() % 2 ** 31)
  t.diagnostic(`HANDSTAMP_SEED=${seed}`)
  await fc.assert(property, { numRuns, seed })
}

/** Whoever visits brings what is to be done with the session; the answer is what came of it, and the cookie. */
async function start(t, store, options) {
  let act
  let result
  const sessions = handstamp({ secret: 'keyboard cat', resave: false, saveUninitialized: false, store, ...options })
  const app = express()
  app.use(sessions)
  app.use(async (req, res) => {
    result = await act(req.session, req, sessions)
    res.end()
  })
  const server = await listen(t, app)
  return async (cookie, todo) => {
    act = todo
    const response = await request(server).get('/').set('Cookie', cookie ?? '').expect(200)
    return { result, cookie: sessionCookie(response) }
  }
}

const STORES = {
  MemoryStore: () => new handstamp.MemoryStore(),
  SqliteStore: (t) => sqliteStore(t),
  ...Object.fromEntries(Object.entries(REMOTE).map(([store, opener]) => [store, async (t) => (await opener(t))()]))
}

for (const [name, open] of Object.entries(STORES)) {
  test(`${name}: any value comes back as JSON has it, also after other changes`, async (t) => {
    const visit = await start(t, await open(t))
    await check(t, fc.asyncProperty(value, value, async (kept, other) => {
      const { cookie } = await visit(undefined, (session) => void (session.kept = kept))
      await visit(cookie, (session) => void (session.other = other))
      const { result } = await visit(cookie, ({ kept, other }) => JSON.stringify({ kept, other }))
      assert.equal(result, JSON.stringify({ kept, other }))
    }))
  })

  test(`${name}: values stay under any name that is not one of a method`, async (t) => {
    const taken = (name) => name in handstamp.Session.prototype || ['cookie', 'id', 'req'].includes(name)
    const visit = await start(t, await open(t))
    await check(t, fc.asyncProperty(data, async (data) => {
      for (const name of Object.keys(data).filter(taken)) delete data[name]
      const { cookie } = await visit(undefined, (session) => void Object.assign(session, { always: 1 }, data))
      const { result } = await visit(cookie, ({ cookie, ...data }) => JSON.stringify(data))
      assert.equal(result, JSON.stringify({ always: 1, ...data }))
    }))
  })

  test(`${name}: an update computes from any value and keeps any value`, async (t) => {
    const visit = await start(t, await open(t))
    await check(t, fc.asyncProperty(value, value, async (before, after) => {
      const { cookie } = await visit(undefined, (session) => void (session.key = before))
      const { result: seen } = await visit(cookie, (session) => {
        let seen
        session.update('key', (value) => {
          seen = JSON.stringify(value)
          return after
        })
        return seen
      })
      const { result } = await visit(cookie, ({ key }) => JSON.stringify(key))
      assert.deepEqual([seen, result], [before, after].map((value) => JSON.stringify(value)))
    }))
  })

  test(`${name}: data may be nested as deeply as JavaScript can write it`, async (t) => {
    const visit = await start(t, await open(t))
    const deep = '['.repeat(1000) + ']'.repeat(1000)
    const { cookie } = await visit(undefined, (session) => void (session.deep = JSON.parse(deep)))
    await visit(cookie, (session) => void (session.other = 1))
    const { result } = await visit(cookie, (session) => JSON.stringify(session.deep))
    assert.equal(result, deep)
  })
}

/** A session in a file into which another writer writes, too. `foreign` puts members between the cookie and our own facts. */
async function shared(t, options) {
  const file = path.join(await folder(t), 'sessions.db')
  const visit = await start(t, sqliteStore(t, file), options)
  const { cookie } = await visit(undefined, (session) => void (session.user = 'ada'))
  const db = new Database(file)
  t.after(() => db.close())
  db.pragma('synchronous = off')
  const row = () => db.prepare('SELECT sess, revision FROM sessions').safeIntegers().get()
  const document = () => row().sess.replace(/,"__handstamp":\{[^{}]*\}\}$/, '}')
  const [, head, tail] = /^(\{"cookie":\{.*?\}),"user":"ada"(,"__handstamp":.*\})$/.exec(row().sess)
  const write = db.prepare('UPDATE sessions SET sess = ?, revision = revision + 1')
  const foreign = (members) => write.run(`${head},${members}${tail}`)
  return { visit: (todo) => visit(cookie, todo), db, document, foreign, row }
}

const reading = (session) => JSON.stringify(session)
const changing = (session) => void (session.mine = (session.mine ?? 0) + 1)

test('what another writer put into the file is not touched by reading and stays byte for byte when another key changes', async (t) => {
  const { visit, document, foreign, row } = await shared(t)
  await check(t, fc.asyncProperty(spelled, spelled, async (one, two) => {
    foreign(`"one":${one},"two":${two}`)
    const before = { row: row(), document: document() }
    await visit(reading)
    assert.deepEqual(row(), before.row)
    await visit(changing)
    assert.equal(document(), `${before.document.slice(0, -1)},"mine":1}`)
  }))
})

test('numbers that JavaScript can not hold stay as they were written', async (t) => {
  const { visit, document, foreign } = await shared(t)
  foreign('"big":9007199254740993,"price":1.50,"e":1e2,"list":[1.0,{"id":12345678901234567890}]')
  const before = document()
  await visit(changing)
  await visit(changing)
  assert.equal(document(), `${before.slice(0, -1)},"mine":2}`)
})

test('what another writer put in other words is no change that a cookie is sent for', async (t) => {
  const { visit, foreign, row } = await shared(t, { cookie: { maxAge: 60_000 } })
  foreign('"price":1.0')
  const before = row()
  assert.equal((await visit(reading)).cookie, undefined)
  assert.deepEqual(row(), before)
})

test('what another writer put under the names of methods is neither seen nor lost', async (t) => {
  const { visit, document, foreign } = await shared(t)
  foreign('"id":1.0,"save":{"x":1.50},"touch":null,"toString":"x","constructor":[],"__proto__":{"admin":true}')
  const before = document()
  const { result } = await visit((session) => [session.admin, typeof session.save, session.id.length, Object.keys(session)])
  assert.deepEqual(result, [undefined, 'function', 32, ['cookie']])
  await visit(changing)
  assert.equal(document(), `${before.slice(0, -1)},"mine":1}`)
})

test('what another writer puts under the names of methods during a request takes no method away', async (t) => {
  const { visit, document, foreign } = await shared(t)
  const { result } = await visit(async (session) => {
    session.mine = 1
    foreign('"user":"ada","save":{"x":1.50},"__proto__":{"admin":true},"theirs":2')
    await session.save()
    session.mine = 2
    await session.save()
    return [session.theirs, session.admin]
  })
  assert.deepEqual(result, [2, undefined])
  assert.match(document(), /,"save":\{"x":1\.50\},"__proto__":\{"admin":true\},"theirs":2,"mine":2\}$/)
})

test('what another writer put under the names of methods goes with the session that it was in', async (t) => {
  const { visit, foreign, db } = await shared(t)
  foreign('"id":"secret of ada"')
  await visit((session) => session.regenerate())
  assert.equal(db.prepare('SELECT count(*) FROM sessions WHERE sess LIKE ?').pluck().get('%secret of ada%'), 0)
})

test('what another writer put under the names of methods stays with its user', async (t) => {
  const { visit, foreign, db } = await shared(t)
  const owners = db.prepare('SELECT owner FROM sessions WHERE sess LIKE ?').pluck()
  foreign('"id":"secret of ada"')
  const { result } = await visit(async (session, req, sessions) => {
    await sessions.login(req, 'ada')
    const before = owners.all('%secret of ada%')
    await sessions.login(req, 'bob')
    return [before, owners.all('%secret of ada%').includes('bob')]
  })
  assert.deepEqual(result, [['ada'], false])
})
