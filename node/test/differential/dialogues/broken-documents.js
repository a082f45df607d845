'use strict'

// What a store may answer to get, beyond good documents.

const BACK = { cookie: (_, kit) => kit.cookie('seeded'), do: [['set', 'n', 2]] }

const ANSWERS = {
  'undefined': undefined,
  'null': null,
  'false': false,
  'an empty string': '',
  'zero': 0,
  'true': true,
  'a string': 'text',
  'an empty object': {},
  'an array': [],
  'a document without cookie': { n: 1 },
  'a document whose cookie is null': { cookie: null, n: 1 },
  'a document whose cookie is a string': { cookie: 'x', n: 1 },
  'a document whose cookie is a number': { cookie: 7, n: 1 },
  'a document whose cookie has a bad maxAge': { cookie: { maxAge: 'x' }, n: 1 }
}

module.exports = [
  ...Object.entries(ANSWERS).map(([name, answer]) => ({
    name: `get answers ${name}`,
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    // Cloned: a library may write into what it was given.
    steps: [{ ...BACK, prepare: kit => { kit.store.fail = { get: { answer: structuredClone(answer) } } }, fail: {} }]
  })),
  {
    name: 'a live object given by the store, with its expiry a Date',
    stores: ['sync'],
    hosts: ['express5'],
    steps: [{
      ...BACK,
      prepare: kit => {
        kit.store.fail = { get: { answer: { cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 20_000), path: '/' }, n: 1, live: { a: 1 } } } }
      }
    }]
  },
  {
    name: 'a document with nested and unusual values comes through whole',
    seed: () => ({ seeded: { cookie: { path: '/' }, a: null, b: [], c: {}, d: [null, { e: [[]] }], f: '', g: 1e300, passport: { user: 7 }, flash: { info: ['hi'] } } }),
    steps: [{ ...BACK, do: [] }, BACK, { ...BACK, do: [] }]
  }
]
