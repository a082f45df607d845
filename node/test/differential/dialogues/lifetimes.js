'use strict'

// Sessions that were stored earlier, with expiries that have run on since: what slides, what is sent, what is gone.

const ID = 'seeded'
const BACK = { cookie: (_, kit) => kit.cookie(ID) }
const CHANGED = { ...BACK, do: [['set', 'n', 2]] }

function stored(cookie) {
  return now => ({ [ID]: { cookie: cookie(now), n: 1 } })
}

const iso = time => new Date(time).toISOString()

const STORED = {
  'no expiry': () => ({ originalMaxAge: null, expires: null, httpOnly: true, path: '/' }),
  'a third of its minute left': now => ({ originalMaxAge: 60_000, expires: iso(now + 20_000), httpOnly: true, path: '/' }),
  'more left than its age': now => ({ originalMaxAge: 60_000, expires: iso(now + 600_000), httpOnly: true, path: '/' }),
  'an expiry but no originalMaxAge': now => ({ expires: iso(now + 20_000), httpOnly: true, path: '/' }),
  'originalMaxAge null but an expiry': now => ({ originalMaxAge: null, expires: iso(now + 20_000), path: '/' }),
  'originalMaxAge but no expiry': () => ({ originalMaxAge: 60_000, path: '/' }),
  'originalMaxAge but expiry null': () => ({ originalMaxAge: 60_000, expires: null, path: '/' }),
  'an expiry of false': () => ({ originalMaxAge: null, expires: false, path: '/' }),
  'an expiry that is no date': () => ({ originalMaxAge: 60_000, expires: 'soon', path: '/' }),
  'nothing in its cookie': () => ({}),
  'other attributes than the options': () => ({ originalMaxAge: null, expires: null, httpOnly: false, path: '/', domain: 'example.org', sameSite: 'strict', priority: 'low', partitioned: true }),
  'unknown attributes': () => ({ originalMaxAge: null, expires: null, path: '/', colour: 'blue' }),
  'secure true': () => ({ originalMaxAge: null, expires: null, secure: true, path: '/' })
}

const OPTIONS = {
  'plain': {},
  'rolling': { rolling: true },
  'resave': { resave: true },
  'a cookie of two minutes': { cookie: { maxAge: 120_000 }, rolling: true }
}

module.exports = [
  ...Object.entries(STORED).flatMap(([kind, cookie]) => Object.entries(OPTIONS).map(([name, options]) => ({
    name: `${kind}, options ${name}`,
    options,
    stores: ['sync'],
    hosts: ['express5'],
    seed: stored(cookie),
    steps: [BACK, CHANGED]
  }))),
  {
    name: 'an expired session that the store still gives is used',
    stores: ['sync', 'deferred'],
    seed: stored(now => ({ originalMaxAge: 60_000, expires: iso(now - 20_000), path: '/' })),
    steps: [BACK, CHANGED]
  },
  {
    name: 'an expired session is not given by the MemoryStore',
    stores: ['memory'],
    seed: stored(now => ({ originalMaxAge: 60_000, expires: iso(now - 20_000), path: '/' })),
    steps: [BACK, CHANGED]
  },
  {
    name: 'maxAge is the time left',
    stores: ['sync'],
    seed: stored(now => ({ originalMaxAge: 60_000, expires: iso(now + 20_000), path: '/' })),
    steps: [{
      ...BACK,
      do: [({ req, kit }) => kit.note(`${Math.round(req.session.cookie.maxAge / 1000)} s left of ${req.session.cookie.originalMaxAge}`)]
    }]
  },
  {
    name: 'touch in the handler renews what is left',
    stores: ['sync'],
    seed: stored(now => ({ originalMaxAge: 60_000, expires: iso(now + 20_000), path: '/' })),
    steps: [{ ...BACK, do: [['touch'], ['view'], ['save']] }]
  },
  {
    name: 'reload does not renew what is left',
    stores: ['sync'],
    seed: stored(now => ({ originalMaxAge: 60_000, expires: iso(now + 20_000), path: '/' })),
    steps: [{ ...BACK, do: [['touch'], ['reload'], ['view']] }]
  }
]
