'use strict'

// Responses that begin before the session is settled.

const { EXPRESS } = require('../ways')
const { requireFromPackage } = require('../library')

const SET = ['set', 'n', 1]
const BOTH = { hosts: ['express5', 'http'], stores: ['sync', 'deferred'] }

module.exports = [
  { name: 'a session changed before the first write', ...BOTH, steps: [[SET, ['write', 'a'], ['end', 'b']], []] },
  { name: 'a new session changed after the first write is stored without a cookie', ...BOTH, steps: [[['write', 'a'], SET, ['end', 'b']], []] },
  { name: 'an old session changed after the first write', ...BOTH, steps: [[SET], [['write', 'a'], ['set', 'n', 2], ['end', 'b']], []] },
  { name: 'an old session with a lifetime changed after the first write', ...BOTH, options: { cookie: { maxAge: 60_000 } }, steps: [[SET], [['write', 'a'], ['set', 'n', 2], ['end', 'b']]] },
  { name: 'save while streaming', ...BOTH, steps: [[SET, ['write', 'a'], ['set', 'n', 2], ['save'], ['write', 'b'], ['end']], []] },
  { name: 'regenerate while streaming', ...BOTH, steps: [[SET], [['write', 'a'], ['regenerate'], ['end', 'b']]] },
  { name: 'destroy while streaming', ...BOTH, steps: [[SET], [['write', 'a'], ['destroy'], ['end', 'b']]] },
  { name: 'reload while streaming', ...BOTH, steps: [[SET], [['write', 'a'], ['reload'], ['set', 'n', 3], ['end', 'b']]] },
  { name: 'rolling while streaming', ...BOTH, options: { rolling: true, cookie: { maxAge: 60_000 } }, steps: [[SET], [['write', 'a'], ['end', 'b']]] },
  { name: 'saveUninitialized while streaming', ...BOTH, options: { saveUninitialized: true }, steps: [[['write', 'a'], ['end', 'b']]] },
  { name: 'flushHeaders before the change', ...BOTH, steps: [[({ res }) => res.flushHeaders(), SET, ['end', 'b']]] },
  { name: 'flushHeaders after the change', ...BOTH, steps: [[SET, ({ res }) => res.flushHeaders(), ['end', 'b']]] },
  { name: 'writeHead before the change', ...BOTH, steps: [[['writeHead', 200], SET, ['end', 'b']]] },
  { name: 'many chunks', ...BOTH, steps: [[SET, ...Array.from({ length: 50 }, (_, i) => ['write', `${i},`]), ['end']], []] },
  { name: 'a large first chunk', ...BOTH, steps: [[SET, ['write', 'x'.repeat(300_000)], ['end', 'y']]] },
  {
    name: 'a stream piped into the response',
    ...BOTH,
    steps: [[SET, context => {
      context.answered = true
      require('node:stream').Readable.from(['a', 'b', 'c']).pipe(context.res)
    }], []]
  },
  {
    name: 'a body compressed',
    hosts: EXPRESS,
    stores: ['sync', 'deferred'],
    before: [() => requireFromPackage('compression')({ threshold: 0 })],
    steps: [
      [SET, ['header', 'Content-Type', 'text/plain'], ['end', 'hello']],
      [['header', 'Content-Type', 'text/plain'], ['write', 'a'], ['end', 'b']]
    ]
  },
  ...['set', 'touch', 'destroy'].map(method => ({
    name: `does anything leave before ${method} is answered, after end`,
    hosts: ['express5', 'http'],
    stores: ['deferred'],
    options: { unset: 'destroy' },
    steps: [[SET], { hold: method, do: { set: [['set', 'n', 2]], touch: [], destroy: [['null']] }[method] }]
  })),
  {
    name: 'does a redirect leave before set is answered',
    hosts: EXPRESS,
    stores: ['deferred'],
    steps: [{ hold: 'set', do: [SET, ['answer', 'redirect', '/next']] }]
  },
  {
    name: 'does the beginning of a stream leave before set is answered',
    hosts: ['http'],
    stores: ['deferred'],
    steps: [{ hold: 'set', do: [SET, ['write', 'a'], ['end', 'b']] }]
  }
]
