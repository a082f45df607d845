'use strict'

// The session's cookie beside others.

const SET = ['set', 'n', 1]
const ONE = { stores: ['sync'], hosts: ['express5', 'http'] }

const THEIRS = {
  'a string by setHeader': [['header', 'Set-Cookie', 'a=1']],
  'a list by setHeader': [['header', 'Set-Cookie', ['a=1', 'b=2']]],
  'an empty list by setHeader': [['header', 'Set-Cookie', []]],
  'lower-case name by setHeader': [['header', 'set-cookie', 'a=1']],
  'by appendHeader': [({ res }) => { res.appendHeader('Set-Cookie', 'a=1'); res.appendHeader('Set-Cookie', 'b=2') }],
  'a string by writeHead': [['writeHead', 200, { 'Set-Cookie': 'a=1' }], ['end', 'x']],
  'a list by writeHead': [['writeHead', 200, { 'Set-Cookie': ['a=1', 'b=2'] }], ['end', 'x']],
  'a flat list by writeHead': [['writeHead', 200, ['Set-Cookie', 'a=1', 'X-Test', 'yes', 'Set-Cookie', 'b=2']], ['end', 'x']],
  'pairs by writeHead': [['writeHead', 200, [['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']]], ['end', 'x']],
  'setHeader and writeHead': [['header', 'Set-Cookie', 'a=1'], ['writeHead', 200, { 'Set-Cookie': 'b=2' }], ['end', 'x']],
  'setHeader and lower-case writeHead': [['header', 'Set-Cookie', 'a=1'], ['writeHead', 200, { 'set-cookie': 'b=2' }], ['end', 'x']],
  'of the session\'s own name': [['header', 'Set-Cookie', 'connect.sid=mine; Path=/']],
  'removed before end': [['header', 'Set-Cookie', 'a=1'], ({ res }) => res.removeHeader('Set-Cookie')],
  'by a later listener on writeHead': [({ res }) => {
    const { writeHead } = res
    res.writeHead = function (...args) { this.appendHeader('Set-Cookie', 'late=1'); return writeHead.apply(this, args) }
  }]
}

module.exports = [
  ...Object.entries(THEIRS).map(([name, program]) => ({
    name: `with another: ${name}`,
    ...ONE,
    steps: [[SET, ...program], program, { cookie: false, do: program }]
  })),
  {
    name: 'is not there yet when the handler looks',
    ...ONE,
    steps: [[SET, ({ res, kit }) => kit.note(String(res.getHeader('Set-Cookie')))]]
  },
  {
    name: 'is there when headers have been flushed',
    ...ONE,
    steps: [[SET, ({ res, kit }) => { res.flushHeaders(); kit.note(String(res.getHeader('Set-Cookie'))) }]]
  },
  {
    name: 'is seen by a listener put on writeHead before the session',
    ...ONE,
    before: [kit => (req, res, next) => {
      const { writeHead } = res
      res.writeHead = function (...args) { kit.note(`writeHead sees ${this.getHeader('Set-Cookie')}`); return writeHead.apply(this, args) }
      next()
    }],
    steps: [[SET], []]
  },
  {
    name: 'is seen by an end patched before the session',
    ...ONE,
    before: [kit => (req, res, next) => {
      const { end } = res
      res.end = function (...args) { kit.note('outer end'); return end.apply(this, args) }
      next()
    }],
    steps: [[SET], []]
  },
  {
    name: 'an end patched after the session is called first',
    ...ONE,
    layers: kit => [kit.middleware(), (req, res, next) => {
      const { end } = res
      res.end = function (...args) { kit.note('inner end'); req.session.n = 7; return end.apply(this, args) }
      next()
    }],
    steps: [[SET], []]
  },
  {
    name: 'a lower-case name of the header is kept',
    ...ONE,
    steps: [[SET, ['header', 'set-cookie', ['a=1']]]]
  },
  {
    name: 'a name and an id that need encoding',
    ...ONE,
    options: { genid: () => 'a b;ü', name: 'my-sid' },
    steps: [[SET], []]
  }
]
