'use strict'

// Kinds of secrets, rotation, and the secret given by the request.

const crypto = require('node:crypto')
const { requireFromPackage } = require('../library')

const BUMP = [['set', 'n', 1]]
const CHANGE = [['set', 'n', 2]]
const SEED = () => ({ seeded: { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n: 1 } })

const signedBy = (secret, program = []) => ({ cookie: (_, kit) => kit.cookie('seeded', secret), do: program })
const requestSecret = secret => () => (req, res, next) => { req.secret = secret; next() }

const KINDS = {
  'a string': 'keyboard cat',
  'a string beyond ASCII': 'ünïcode 猫',
  'a Buffer': Buffer.from('keyboard cat'),
  'a Uint8Array': new Uint8Array(Buffer.from('keyboard cat')),
  'a KeyObject': crypto.createSecretKey(Buffer.from('keyboard cat')),
  'a list of one': ['keyboard cat'],
  'a list of three': ['keyboard cat', 'old cat', 'older cat'],
  'a list of kinds': [Buffer.from('keyboard cat'), 'old cat', crypto.createSecretKey(Buffer.from('older cat'))],
  'a list whose first is empty': ['', 'old cat'],
  'a number': 7,
  'an object': {},
  'true': true,
  'a list with null': [null]
}

module.exports = [
  ...Object.entries(KINDS).map(([name, secret]) => ({
    name,
    options: { secret },
    stores: ['sync'],
    seed: SEED,
    steps: [BUMP, [], signedBy('keyboard cat'), signedBy('old cat'), signedBy('older cat'), signedBy('second cat')]
  })),
  ...['rolling', 'plain', 'with a lifetime'].map(kind => ({
    name: `a cookie of an old secret, ${kind}`,
    options: {
      secret: ['keyboard cat', 'old cat'],
      rolling: kind === 'rolling',
      cookie: kind === 'with a lifetime' ? { maxAge: 60_000 } : {}
    },
    seed: SEED,
    stores: ['sync', 'deferred'],
    steps: [signedBy('old cat'), signedBy('old cat', CHANGE), signedBy('keyboard cat')]
  })),
  {
    name: 'the list is held by reference: a new first secret signs at once',
    options: kit => ({ secret: kit.secrets = ['old cat'] }),
    stores: ['sync'],
    steps: [
      BUMP,
      { jar: 'b', prepare: kit => kit.secrets.unshift('keyboard cat'), do: BUMP },
      { jar: 'b' }
    ]
  },
  {
    name: 'the list is held by reference: a removed secret verifies no more',
    options: kit => ({ secret: kit.secrets = ['keyboard cat', 'old cat'] }),
    stores: ['sync'],
    seed: SEED,
    steps: [
      { ...signedBy('keyboard cat'), jar: 'a' },
      { ...signedBy('old cat'), prepare: kit => kit.secrets.pop() },
      { ...signedBy('keyboard cat'), jar: 'c' }
    ]
  },
  {
    name: 'the list is held by reference: replaced in place',
    options: kit => ({ secret: kit.secrets = ['keyboard cat'] }),
    stores: ['sync'],
    steps: [BUMP, { prepare: kit => { kit.secrets[0] = 'second cat' }, do: CHANGE }, []]
  },
  {
    name: 'the list emptied later',
    options: kit => ({ secret: kit.secrets = ['keyboard cat'] }),
    stores: ['sync'],
    hosts: ['express5'],
    steps: [BUMP, { prepare: kit => { kit.secrets.length = 0 } }]
  },
  {
    name: 'no secret at all',
    options: { secret: undefined },
    steps: [BUMP, { cookie: (_, kit) => kit.cookie('seeded') }]
  },
  {
    name: 'an empty string is no secret',
    options: { secret: '' },
    stores: ['sync'],
    steps: [BUMP]
  },
  {
    name: 'req.secret is used when there is no option',
    options: { secret: undefined },
    before: [requestSecret('request cat')],
    seed: SEED,
    steps: [BUMP, [], signedBy('request cat'), signedBy('keyboard cat')]
  },
  {
    name: 'req.secret is not used when there is an option',
    before: [requestSecret('request cat')],
    seed: SEED,
    steps: [BUMP, [], signedBy('request cat')]
  },
  {
    name: 'req.secret from cookie-parser',
    options: { secret: undefined },
    before: [() => requireFromPackage('cookie-parser')('parser cat')],
    seed: SEED,
    steps: [BUMP, [], signedBy('parser cat'), signedBy('keyboard cat')]
  },
  {
    name: 'a missing secret is deprecated',
    options: { secret: undefined },
    fresh: true,
    stores: ['sync'],
    hosts: ['express5'],
    before: [requestSecret('request cat')],
    steps: [BUMP]
  }
]
