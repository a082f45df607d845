'use strict'

// One visitor of three sites over one place: what begins on one of them goes on on the others, and ends on all.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { idOf } = require('../support/signature')
const { SITES, start } = require('./sites')
const { SERVED } = require('./stores')

const ORDERS = [
  ['theirs', 'node', 'rust'], ['theirs', 'rust', 'node'], ['node', 'theirs', 'rust'],
  ['node', 'rust', 'theirs'], ['rust', 'theirs', 'node'], ['rust', 'node', 'theirs']
]
const LIMIT = { timeout: 60_000 }
const HOUR = 60 * 60 * 1000

for (const [name, open] of Object.entries(SERVED)) {
  for (const order of ORDERS) {
    test(`${name}: one visitor is served in turn by ${order.map((side) => SITES[side]).join(', ')}`, LIMIT, async (t) => {
      const { visitor } = await start(t, open)
      const shown = async (expected, who = visitor) => {
        for (const side of order) await who.shows(side, expected)
      }
      const [first, second, third] = order

      await visitor.post(first, '/born')
      await visitor.post(second, '/grown')
      for (const side of [third, first, second, third]) await visitor.post(side, '/count')
      await shown({ born: true, grown: true, count: 4 })

      const before = visitor.copy()
      const { cookies } = await visitor.post(first, '/login/ada')
      assert.equal(cookies.length, 1)
      await shown({ born: true, grown: true, count: 4, user: 'ada' })
      await shown({}, before)

      await visitor.post(third, '/later')
      await visitor.post(second, '/count')
      await shown({ born: true, grown: true, count: 5, user: 'ada', later: true })

      const thief = visitor.copy()
      await visitor.post(second, '/logout')
      await shown({})
      await shown({}, thief)
    })
  }

  for (const born of Object.keys(SITES)) {
    test(`${name}: whichever site reads a session that ${SITES[born]} has begun prolongs it`, LIMIT, async (t) => {
      const { visitor, age, expiry } = await start(t, open)
      const id = idOf((await visitor.post(born, '/born')).cookies[0])
      for (const side of Object.keys(SITES)) {
        const begun = await expiry(id)
        await age(id, 12 * HOUR)
        const aged = await expiry(id)
        assert.ok(begun - aged > 11 * HOUR)
        await visitor.shows(side, { born: true })
        const prolonged = await expiry(id)
        assert.ok(prolonged - aged > 11 * HOUR, `${side} has left it ${prolonged - aged} ms more`)
      }
    })
  }

  test(`${name}: 100 parallel updates, half of them in Node and half in Rust, count to 100 in a session that theirs has begun`, LIMIT, async (t) => {
    const { visitor } = await start(t, open)
    await visitor.post('theirs', '/born')
    const updates = Array(50).fill('count')
    const writes = await Promise.all(['node', 'rust'].map((side) => visitor.read(side, ...updates)))
    await Promise.all(writes.map((write) => write()))
    for (const side of Object.keys(SITES)) await visitor.shows(side, { born: true, count: 100 })
  })
}
