'use strict'

// The `cookie` option as a function of the request.

const BUMP = [['set', 'n', 1]]
const ONE_WAY = { stores: ['sync'], hosts: ['express5', 'http'] }

const FUNCTIONS = {
  'an empty object': () => ({}),
  'a lifetime': () => ({ maxAge: 60_000 }),
  'by the URL': req => (req.url.startsWith('/long') ? { maxAge: 600_000 } : { maxAge: 60_000 }),
  'a path': () => ({ path: '/app' }),
  'attributes': () => ({ sameSite: 'strict', priority: 'high', httpOnly: false }),
  'a bad attribute': () => ({ sameSite: 'maybe' }),
  'undefined': () => undefined,
  'null': () => null,
  'secure auto': () => ({ secure: 'auto' }),
  'sameSite auto': () => ({ sameSite: 'auto' }),
  'a thrown error': () => { throw new Error('no cookie today') }
}

module.exports = [
  ...Object.entries(FUNCTIONS).map(([name, cookie]) => ({
    name,
    options: { cookie },
    ...ONE_WAY,
    steps: [BUMP, { url: '/long/way', jar: 'b', do: BUMP }, { url: '/app/x', jar: 'c', do: BUMP }, { url: '/app/x', jar: 'c' }]
  })),
  {
    name: 'how often it is called, and with what',
    options: kit => ({ cookie: req => { kit.note(`cookie(${req.url})`); return {} } }),
    ...ONE_WAY,
    steps: [BUMP, [], [['regenerate'], ['set', 'n', 2]]]
  },
  ...['auto', true].map(secure => ({
    name: `secure ${secure} over a proxy's https`,
    options: { cookie: () => ({ secure, sameSite: secure === 'auto' ? 'auto' : 'lax' }), proxy: true },
    ...ONE_WAY,
    steps: [{ headers: { 'X-Forwarded-Proto': 'https' }, do: BUMP }, { jar: 'b', do: BUMP }]
  }))
]
