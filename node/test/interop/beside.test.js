'use strict'

// Ours in the middle of a move: its stores, in Node and in Rust, beside the packages that have kept the sessions so far,
// in one place and at the same time. Ours compares before it writes, so what theirs writes is noticed and merged, and
// what is ended stays so.
//
// Theirs write whole sessions, as they have read them. So what ours writes between their reading and their writing is
// lost, and what ours ends then is there again: that is how they are, and why to move.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { idOf } = require('../support/signature')
const { SITES, start } = require('./sites')
const { SERVED } = require('./stores')

const LIMIT = { timeout: 60_000 }

const keys = (prefix, count) => Array.from({ length: count }, (_, at) => `${prefix}${at}`)
const having = (...names) => Object.fromEntries(names.map((name) => [name, true]))

/** What happens to be read and written first, second and so on, when a request of theirs and one of ours both change a session. */
const ORDERS = [
  ['theirs reads', 'theirs writes', 'ours reads', 'ours writes'],
  ['ours reads', 'ours writes', 'theirs reads', 'theirs writes'],
  ['ours reads', 'theirs reads', 'theirs writes', 'ours writes'],
  ['theirs reads', 'ours reads', 'theirs writes', 'ours writes'],
  ['ours reads', 'theirs reads', 'ours writes', 'theirs writes'],
  ['theirs reads', 'ours reads', 'ours writes', 'theirs writes']
]

/** Whether ours writes what theirs has not read and is about to write over. */
function overwrites(order) {
  const [reads, ours, writes] = ['theirs reads', 'ours writes', 'theirs writes'].map((step) => order.indexOf(step))
  return reads < ours && ours < writes
}

for (const [name, open] of Object.entries(SERVED)) {
  for (const ours of ['node', 'rust']) {
    const both = ['theirs', ours]

    const beside = (title, play) => test(`${name} beside ${SITES[ours]}: ${title}`, LIMIT, async (t) => {
      const { visitor, document, ...tools } = await start(t, open, [...both, 'resaving'])
      const id = idOf((await visitor.post('theirs', '/born')).cookies[0])
      const stored = async () => {
        const { cookie, __handstamp, ...data } = await document(id)
        return data
      }
      const shown = async (expected, who = visitor) => {
        for (const side of both) await who.shows(side, expected)
      }
      return play({ ...tools, visitor, id, document, stored, shown })
    })

    for (const order of ORDERS) {
      const outcome = overwrites(order) ? 'what theirs has read and written is there, and nothing else' : 'all is kept'
      beside(`${outcome}, when ${order.join(', ')}`, async ({ visitor, stored, shown }) => {
        const begun = {}
        for (const step of order) {
          const [who, does] = step.split(' ')
          if (does === 'reads') begun[who] = await visitor.read(who === 'ours' ? ours : 'theirs', who)
          else await begun[who]()
        }
        const left = overwrites(order) ? having('born', 'theirs') : having('born', 'theirs', 'ours')
        assert.deepEqual(await stored(), left)
        // Whatever was lost, ours goes on from what is there.
        await visitor.post(ours, '/later')
        await shown({ ...left, later: true })
      })
    }

    beside('what theirs writes while requests of ours are under way is kept, and so is all that those write', async ({ visitor, shown }) => {
      const [own, others] = [keys('own', 20), keys('other', 20)]
      const write = await visitor.read(ours, ...own)
      for (const key of others) await visitor.post('theirs', `/${key}`)
      await write()
      await shown(having('born', ...own, ...others))
    })

    beside('an update is computed anew when theirs has written meanwhile', async ({ visitor, shown }) => {
      const write = await visitor.read(ours, ...Array(20).fill('count'))
      await visitor.post('theirs', '/count')
      await write()
      await shown({ born: true, count: 21 })
    })

    beside('requests that have read before theirs overwrites what ours has written lose nothing of their own', async ({ visitor, shown }) => {
      const late = await visitor.read(ours, 'late', 'count')
      const overwrite = await visitor.read('theirs', 'other')
      for (const path of ['/lost', '/count', '/count']) await visitor.post(ours, path)
      await overwrite()
      await late()
      await shown({ ...having('born', 'other', 'late'), count: 1 })
    })

    beside('a request of theirs that changes nothing overwrites nothing', async ({ visitor, shown }) => {
      const finish = await visitor.read('theirs', 'nothing')
      await Promise.all([visitor.post(ours, '/own'), visitor.post(ours, '/count')])
      await finish()
      await shown({ ...having('born', 'own'), count: 1 })
    })

    beside('with resave, a request of theirs that changes nothing overwrites, too', async ({ visitor, shown }) => {
      const overwrite = await visitor.read('resaving', 'nothing')
      await visitor.post(ours, '/lost')
      await overwrite()
      await shown({ born: true })
    })

    beside('100 parallel updates on ours count to 100 in a session that theirs has begun', async ({ visitor, shown }) => {
      await Promise.all(keys('', 100).map(() => visitor.post(ours, '/count')))
      await shown({ born: true, count: 100 })
    })

    for (const change of ['nothing', 'count', 'own']) {
      beside(`a session that theirs destroys is not revived by a slow request of ours (${change})`, async ({ visitor, shown }) => {
        const [slow, thief] = [visitor.copy(), visitor.copy()]
        const finish = await slow.read(ours, change)
        await visitor.post('theirs', '/logout')
        const [{ cookies }] = await finish()
        assert.deepEqual(cookies, [])
        await shown({}, thief)
      })
    }

    beside('a session that ours ends is not revived by a slow request of theirs that changes nothing', async ({ visitor, shown }) => {
      const [slow, thief] = [visitor.copy(), visitor.copy()]
      const finish = await slow.read('theirs', 'nothing')
      await visitor.post(ours, '/logout')
      await finish()
      await shown({}, thief)
    })

    beside('a session that ours ends is there again when a slow request of theirs writes it, and can be ended again', async ({ visitor, shown }) => {
      const slow = visitor.copy()
      const write = await slow.read('theirs', 'other')
      await visitor.post(ours, '/logout')
      await write()
      await shown(having('born', 'other'), slow)
      const thief = slow.copy()
      await slow.post(ours, '/logout')
      await shown({}, thief)
    })

    beside('a user whose session is revoked while a slow request of theirs writes it is signed in again, and can be signed out again', async ({ visitor, shown }) => {
      const users = async () => (await visitor.ask(ours, '/users/ada')).value
      await visitor.post(ours, '/login/ada')
      const [session] = await users()
      const write = await visitor.read('theirs', 'other')
      assert.equal((await visitor.post(ours, `/users/ada/${session}`)).value, true)
      await shown({})
      await write()
      const back = { ...having('born', 'other'), user: 'ada' }
      await shown(back)
      // Theirs know of no lists. The next write of ours enters the session again.
      assert.deepEqual(await users(), [])
      await visitor.post(ours, '/own')
      await shown({ ...back, own: true })
      assert.deepEqual(await users(), [session])
      assert.equal((await visitor.post(ours, `/users/ada/${session}`)).value, true)
      await shown({})
    })

    beside('who signs in on ours goes on on theirs under the new id, and the old one shows nothing there', async ({ visitor, shown }) => {
      const before = visitor.copy()
      const { cookies: [cookie] } = await visitor.post(ours, '/login/ada')
      assert.ok(cookie)
      await visitor.shows('theirs', { born: true, user: 'ada' })
      await visitor.post('theirs', '/other')
      await visitor.shows(ours, { born: true, other: true, user: 'ada' })
      await shown({}, before)
      // Theirs has written the session, and it is still this user's.
      const { value: [session, ...rest] } = await visitor.ask(ours, '/users/ada')
      assert.deepEqual(rest, [])
      assert.equal((await visitor.post(ours, `/users/ada/${session}`)).value, true)
      await shown({})
    })

    beside('who signs in on ours while a slow request of theirs writes is signed in under the new id alone', async ({ visitor, shown }) => {
      const before = visitor.copy()
      const write = await before.read('theirs', 'other')
      await visitor.post(ours, '/login/ada')
      await write()
      await shown({ born: true, user: 'ada' })
      // What theirs has read and written is a visitor of whom it knew no user.
      await shown(having('born', 'other'), before)
      assert.equal((await visitor.ask(ours, '/users/ada')).value.length, 1)
    })

    beside('a session that theirs destroys is no session of its user any more', async ({ visitor }) => {
      await visitor.post(ours, '/login/ada')
      assert.equal((await visitor.ask(ours, '/users/ada')).value.length, 1)
      await visitor.post('theirs', '/logout')
      assert.deepEqual((await visitor.ask(ours, '/users/ada')).value, [])
    })

    beside('what theirs has written by hand is what ours shows, in its order and with its numbers', async ({ visitor, id, document, stored, write }) => {
      await write(id, { ...await document(id), z: 1e21, a: [null, 'ünïcödé 🍏'], 'a b': { '': 0 } })
      await visitor.post(ours, '/own')
      assert.equal(JSON.stringify(await stored()), JSON.stringify({ born: true, z: 1e21, a: [null, 'ünïcödé 🍏'], 'a b': { '': 0 }, own: true }))
    })
  }
}
