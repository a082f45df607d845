'use strict'

// The application's own ids.

const SET = ['set', 'n', 1]
const ONE = { stores: ['sync'], hosts: ['express5', 'http'] }

const VALUES = {
  'a word': 'word',
  'a word with dots': 'a.b.c',
  'a percent sign': '%',
  'a path': '/foo',
  'letters beyond ASCII': 'ünï',
  'an empty string': '',
  'undefined': undefined,
  'null': null,
  'a number': 7,
  'an object': {},
  'false': false
}

module.exports = [
  ...Object.entries(VALUES).map(([name, value]) => ({
    name: `genid gives ${name}`,
    ...ONE,
    options: { genid: () => value },
    steps: [[SET], []]
  })),
  {
    name: 'genid gets the request, once per id',
    options: kit => {
      let count = 0
      return { genid: req => { kit.note(`genid(${req.url})`); return `made-${++count}` } }
    },
    steps: [[SET], [], [['regenerate']], { cookie: false, url: '/new' }]
  },
  {
    name: 'genid may read what earlier middlewares have set',
    ...ONE,
    before: [() => (req, res, next) => { req.tenant = 'north'; next() }],
    options: { genid: req => `${req.tenant}-1` },
    steps: [[SET], []]
  },
  {
    name: 'genid that throws',
    ...ONE,
    options: { genid: () => { throw new Error('no more ids') } },
    steps: [[SET], { cookie: (_, kit) => kit.cookie('unknown') }]
  },
  {
    name: 'genid that promises',
    ...ONE,
    options: { genid: async () => 'promised' },
    steps: [[SET], []]
  },
  {
    name: 'req.sessionID changed by the handler',
    ...ONE,
    steps: [[SET, ['id', 'mine']], [['id', 'other'], ['set', 'n', 2]]]
  },
  {
    name: 'req.sessionID made bogus by the handler',
    ...ONE,
    steps: [[SET, ['id', undefined]], [SET, ['id', { odd: true }]], [SET, ['id', 7]]]
  },
  {
    name: 'ids are 32 letters of the URL alphabet and differ',
    script: kit => {
      const seen = new Set()
      const middleware = kit.middleware()
      for (let i = 0; i < 100; i++) {
        const req = { headers: {}, url: '/' }
        middleware(req, {}, () => {})
        seen.add(req.sessionID)
      }
      kit.note(`${seen.size} ${[...seen].every(id => /^[\w-]{32}$/.test(id))}`)
    }
  }
]
