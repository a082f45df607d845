'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const session = require('..')
const { onEachStore } = require('./support/native-stores')
const { DEFAULTS, site } = require('./support/site')

/** A site that leaves and takes messages. */
async function visited(t, options) {
  const { browser, sessions } = await site(t, {
    routes: {
      '/leave': (req) => {
        const [, kind, message] = req.url.split('?')
        sessions.flash(req, kind, message)
        return 'left'
      },
      '/take': (req) => sessions.flashes(req, req.url.split('?')[1]),
      '/shadow': (req) => (req.session.update = 'data'),
      '/keys': (req) => Object.keys(req.session)
    },
    ...options
  })
  return browser()
}

onEachStore('messages wait for a later page, and are taken once', async (t, open) => {
  const visitor = await visited(t, { store: open() })
  for (const path of ['/leave?error?one', '/leave?error?two', '/leave?info?three']) await visitor.get(path)
  assert.deepEqual(await visitor.read('/take?error'), ['one', 'two'])
  assert.deepEqual(await visitor.read('/take?error'), [])
  assert.deepEqual(await visitor.read('/take?constructor'), [])
  assert.deepEqual(await visitor.read('/take?info'), ['three'])
  assert.deepEqual(await visitor.read('/keys'), ['cookie'])
})

onEachStore('parallel requests lose no message', async (t, open) => {
  const visitor = await visited(t, { store: open() })
  await visitor.get('/leave?info?first')
  const messages = Array.from({ length: 20 }, (_, at) => `message${at}`)
  await Promise.all(messages.map((message) => visitor.get(`/leave?info?${message}`)))
  assert.deepEqual((await visitor.read('/take?info')).sort(), ['first', ...messages].sort())
})

onEachStore('messages wait in a session that has data named update, too', async (t, open) => {
  const visitor = await visited(t, { store: open() })
  assert.equal(await visitor.read('/shadow'), 'data')
  assert.equal(await visitor.read('/leave?info?one'), 'left')
  assert.deepEqual(await visitor.read('/take?info'), ['one'])
  assert.deepEqual(await visitor.read('/keys'), ['cookie', 'update'])
})

test('without a session there are no messages, and none can be left', () => {
  const sessions = session(DEFAULTS)
  assert.deepEqual(sessions.flashes({ headers: {} }, 'info'), [])
  assert.throws(() => sessions.flash({ headers: {} }, 'info', 'hello'), new Error('sessions.flash needs a request that has a session'))
})
