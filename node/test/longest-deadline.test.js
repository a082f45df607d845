'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { PlainStore } = require('./support/plain-store')
const { site } = require('./support/site')

test('a store deadline that no timer can wait for is the longest that one can', async (t) => {
  const warnings = []
  const note = ({ name }) => warnings.push(name)
  process.on('warning', note)
  t.after(() => process.off('warning', note))
  const store = new PlainStore()
  const { browser } = await site(t, { store, storeDeadline: 2 ** 40, routes: { '/': (req) => (req.session.n = (req.session.n ?? 0) + 1) } })
  const visitor = browser()
  assert.equal(await visitor.read('/'), 1)
  const { reached, release } = store.hold('get')
  const second = visitor.read('/')
  await reached
  // A timer that is told to wait for too long warns, and fires at once.
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
  release()
  assert.equal(await second, 2)
})
