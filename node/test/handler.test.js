'use strict'

// A handler that is given to the middleware as `next`: plain `http`, without a framework.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const session = require('..')
const { PlainStore } = require('./support/plain-store')
const { DEFAULTS, site } = require('./support/site')

/** A store in JavaScript that calls back before it returns. */
class PromptStore extends PlainStore {
  answer(_method, _id, callback = () => {}, act) {
    callback(null, act())
  }
}

const SITES = {
  MemoryStore: () => ({ store: new session.MemoryStore() }),
  'MemoryStore, found before the handler begins': () => ({ store: new session.MemoryStore(), rolling: true }),
  'a store in JavaScript that answers at once': () => ({ store: new PromptStore() })
}

for (const [how, options] of Object.entries(SITES)) {
  for (const who of ['a new visitor', 'one who has a session']) {
    test(`${how}: a handler that throws for ${who} is called once, and who called it gets the error`, async (t) => {
      const given = options()
      const sessions = session({ ...DEFAULTS, ...given })
      const seen = []
      const throwing = (req, res) => sessions(req, res, () => {
        seen.push(req.session.name ?? null)
        throw new Error('the handler failed')
      })
      const { browser, errors } = await site(t, {
        ...given,
        before: [(req, res, next) => (req.url === '/throws' ? throwing(req, res) : next())],
        routes: { '/': (req) => (req.session.name = 'Ann') }
      })
      const visitor = browser()
      if (who !== 'a new visitor') await visitor.get('/')
      const { status, text } = await visitor.get('/throws')
      assert.deepEqual([status, text, errors.length], [500, 'the handler failed', 1])
      assert.deepEqual(seen, [who === 'a new visitor' ? null : 'Ann'])
    })
  }
}
