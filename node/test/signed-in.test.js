'use strict'

const assert = require('node:assert/strict')

const { onEachStore } = require('./support/native-stores')
const { site } = require('./support/site')

/** A visitor who has signed in, on a site with one route that says who is after `act`. */
async function userAfter(t, store, act) {
  const { browser, sessions, errors } = await site(t, {
    store,
    routes: {
      '/login': async (req) => {
        await sessions.login(req, 'alice')
        return sessions.userOf(req)
      },
      '/act': async (req) => {
        const before = sessions.userOf(req)
        await act(req)
        return [before, sessions.userOf(req)]
      }
    }
  })
  const visitor = browser()
  assert.equal(await visitor.read('/login'), 'alice')
  const users = await visitor.read('/act')
  assert.deepEqual(errors, [])
  return users
}

onEachStore('nobody is signed in any more once the request has ended the session', async (t, open) => {
  assert.deepEqual(await userAfter(t, open(), (req) => req.session.destroy()), ['alice', null])
})

onEachStore('nobody is signed in to the new session that regenerate makes', async (t, open) => {
  assert.deepEqual(await userAfter(t, open(), (req) => req.session.regenerate()), ['alice', null])
})

onEachStore('nobody is signed in to a session that the request has put away', async (t, open) => {
  assert.deepEqual(await userAfter(t, open(), (req) => { req.session = null }), ['alice', null])
  assert.deepEqual(await userAfter(t, open(), (req) => { delete req.session }), ['alice', null])
})

onEachStore('a user stays signed in when the session gets another id', async (t, open) => {
  assert.deepEqual(await userAfter(t, open(), (req) => req.session.rotate()), ['alice', 'alice'])
})

onEachStore('to ask for the sessions of nobody is a mistake that is named', async (t, open) => {
  const { sessions } = await site(t, { store: open(), routes: {} })
  for (const [name, act] of Object.entries({
    forUser: () => sessions.forUser(null),
    revoke: () => sessions.revoke(undefined, 'an id'),
    revokeAll: () => sessions.revokeAll(7)
  })) {
    await assert.rejects(act, { name: 'TypeError', message: `sessions.${name} needs the user as a string that is not empty` })
  }
})
