'use strict'

// The old ways of handing over the cookie: req.signedCookies and req.cookies.

const { requireFromPackage } = require('../library')

const SEED = () => ({ seeded: { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n: 1 } })
const VISIT = [{ cookie: false, do: [['set', 'm', 1]] }]

// Hands over cookies as an old middleware would, with or without a header.
const handing = properties => kit => (req, res, next) => { Object.assign(req, properties(kit)); next() }
const parser = secret => () => requireFromPackage('cookie-parser')(secret)

const WAYS = {
  'signedCookies with the id': () => ({ signedCookies: { 'connect.sid': 'seeded' } }),
  'signedCookies with an unknown id': () => ({ signedCookies: { 'connect.sid': 'unknown' } }),
  'signedCookies with false, as after a bad signature': () => ({ signedCookies: { 'connect.sid': false } }),
  'signedCookies without it': () => ({ signedCookies: {} }),
  'cookies with a signed value': kit => ({ cookies: { 'connect.sid': kit.sign('seeded') } }),
  'cookies with a badly signed value': () => ({ cookies: { 'connect.sid': 's:seeded.bad' } }),
  'cookies with a plain value': () => ({ cookies: { 'connect.sid': 'seeded' } }),
  'cookies without it': () => ({ cookies: {} }),
  'both, signedCookies first': kit => ({ signedCookies: { 'connect.sid': 'seeded' }, cookies: { 'connect.sid': kit.sign('unknown') } })
}

module.exports = [
  ...Object.entries(WAYS).map(([name, properties]) => ({
    name,
    fresh: true,
    stores: ['sync'],
    seed: SEED,
    before: [handing(properties)],
    steps: VISIT
  })),
  {
    name: 'a good header wins over signedCookies',
    fresh: true,
    stores: ['sync'],
    seed: SEED,
    before: [handing(() => ({ signedCookies: { 'connect.sid': 'unknown' } }))],
    steps: [{ cookie: (_, kit) => kit.cookie('seeded') }]
  },
  {
    name: 'signedCookies helps where the header is bad',
    fresh: true,
    stores: ['sync'],
    seed: SEED,
    before: [handing(() => ({ signedCookies: { 'connect.sid': 'seeded' } }))],
    steps: [{ cookie: 'connect.sid=s:bad.bad' }]
  },
  {
    name: 'cookie-parser with the same secret before the session',
    fresh: true,
    seed: SEED,
    before: [parser('keyboard cat')],
    steps: [[['set', 'n', 1]], [], { cookie: (_, kit) => kit.cookie('seeded') }]
  },
  {
    name: 'cookie-parser with another secret before the session',
    fresh: true,
    seed: SEED,
    before: [parser('parser cat')],
    steps: [[['set', 'n', 1]], [], { cookie: (_, kit) => kit.cookie('seeded') }, { cookie: (_, kit) => kit.cookie('seeded', 'parser cat') }]
  },
  {
    name: 'cookie-parser after the session',
    seed: SEED,
    stores: ['sync'],
    layers: kit => [kit.middleware(), parser('keyboard cat')()],
    steps: [
      { cookie: (_, kit) => `${kit.cookie('seeded')}; other=1`, do: [({ req, kit }) => kit.note(JSON.stringify([req.cookies, req.signedCookies]))] }
    ]
  }
]
