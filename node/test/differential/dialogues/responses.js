'use strict'

// The forms in which a handler answers, and what the client gets.

const { EXPRESS } = require('../ways')

const SET = ['set', 'n', 1]
const both = (name, answer, more) => [
  { name, steps: [[SET, ...answer], answer, [['set', 'n', 2], ...answer]], stores: ['sync', 'deferred'], ...more }
]

const FORMS = {
  'end()': [['end']],
  'end(text)': [['end', 'hello']],
  'end(empty text)': [['end', '']],
  'end(one letter)': [['end', 'x']],
  'end(text, encoding)': [['end', '68656c6c6f', 'hex']],
  'end(text, latin1)': [['end', 'é', 'latin1']],
  'end(text beyond ASCII)': [['end', 'ünïcode 猫']],
  'end(buffer)': [['end', Buffer.from([0, 1, 254, 255])]],
  'end(empty buffer)': [['end', Buffer.alloc(0)]],
  'end(typed array)': [['end', new Uint8Array([104, 105])]],
  'end(null)': [['end', null]],
  'end(undefined)': [['end', undefined]],
  'end(large text)': [['end', 'x'.repeat(200_000)]],
  'end(text) with Content-Length': [['header', 'Content-Length', 5], ['end', 'hello']],
  'end(letters beyond ASCII) with Content-Length': [['header', 'Content-Length', 2], ['end', 'é']],
  'end(one letter) with Content-Length': [['header', 'Content-Length', '1'], ['end', 'x']],
  'end() with Content-Length 0': [['header', 'Content-Length', 0], ['end']],
  'write, end()': [['write', 'hello'], ['end']],
  'write, end(text)': [['write', 'hel'], ['end', 'lo']],
  'write twice, end(text)': [['write', 'h'], ['write', 'el'], ['end', 'lo']],
  'write with Content-Length, end(text)': [['header', 'Content-Length', 5], ['write', 'hel'], ['end', 'lo']],
  'write with Content-Length, end()': [['header', 'Content-Length', 5], ['write', 'hello'], ['end']],
  'writeHead(status), end': [['writeHead', 201], ['end', 'made']],
  'writeHead(status, message), end': [['writeHead', 202, 'Fine'], ['end', 'x']],
  'writeHead(status, headers), end': [['writeHead', 200, { 'X-Test': 'yes', 'Content-Type': 'text/plain' }], ['end', 'x']],
  'writeHead(status, message, headers), end': [['writeHead', 200, 'OK', { 'X-Test': 'yes' }], ['end', 'x']],
  'writeHead(status, flat list), end': [['writeHead', 200, ['X-Test', 'yes', 'X-Other', 'no']], ['end', 'x']],
  'writeHead(status, list of pairs), end': [['writeHead', 200, [['X-Test', 'yes'], ['X-Other', 'no']]], ['end', 'x']],
  'writeHead(status, odd list)': [['writeHead', 200, ['X-Test']], ['end', 'x']],
  'writeHead with Content-Length, end': [['writeHead', 200, { 'Content-Length': 5 }], ['end', 'hello']],
  'writeHead(status, empty headers)': [['writeHead', 200, {}], ['end', 'x']],
  'writeHead of a wrong status': [['writeHead', 99], ['end', 'x']],
  'statusCode 201': [['status', 201], ['end', 'x']],
  '204 without content': [['status', 204], ['end']],
  '304 not modified': [['status', 304], ['end']],
  '204 with content': [['status', 204], ['end', 'ignored']],
  '205': [['status', 205], ['end']],
  '500 by the handler': [['status', 500], ['end', 'sorry']],
  'flushHeaders, then end': [({ res }) => res.flushHeaders(), ['end', 'x']],
  'Transfer-Encoding set by the handler': [['header', 'Transfer-Encoding', 'chunked'], ['end', 'x']],
  'Connection: close set by the handler': [['header', 'Connection', 'close'], ['end', 'x']],
  'next turn, then end': [['turn'], ['end', 'x']]
}

const EXPRESS_FORMS = {
  'send(text)': [['answer', 'send', 'hello']],
  'send(buffer)': [['answer', 'send', Buffer.from('hello')]],
  'send(object)': [['answer', 'send', { a: 1 }]],
  'send(nothing)': [['answer', 'send']],
  'json': [['answer', 'json', { a: [1, 2] }]],
  'jsonp': [['answer', 'jsonp', { a: 1 }]],
  'sendStatus': [['answer', 'sendStatus', 202]],
  'redirect': [['answer', 'redirect', '/other']],
  'redirect with a status': [['answer', 'redirect', 303, '/other']],
  'sendFile': [['answer', 'sendFile', __filename]],
  'set, type, send': [({ res }) => res.set('X-Test', 'a').type('text/html'), ['answer', 'send', '<p>']],
  'cookie, send': [({ res }) => res.cookie('theirs', 'v', { path: '/x' }), ['answer', 'send', 'x']],
  'clearCookie, send': [({ res }) => res.clearCookie('connect.sid'), ['answer', 'send', 'x']]
}

module.exports = [
  ...Object.entries(FORMS).flatMap(([name, answer]) => both(name, answer, { hosts: ['express5', 'http'] })),
  ...Object.entries(EXPRESS_FORMS).flatMap(([name, answer]) => both(name, answer, { hosts: EXPRESS })),
  ...['HEAD', 'POST', 'OPTIONS'].flatMap(method => ['end', 'write'].map(form => ({
    name: `${method} answered by ${form}`,
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [{ method, do: [SET, ...(form === 'write' ? [['write', 'hel'], ['end', 'lo']] : [['end', 'hello']])] }, { method, do: [['end', 'x']] }]
  }))),
  {
    name: 'HEAD answered by send',
    hosts: EXPRESS,
    steps: [{ method: 'HEAD', do: [SET, ['answer', 'send', 'hello']] }]
  },
  {
    name: 'a conditional request answered 304',
    hosts: EXPRESS,
    steps: [{ headers: { 'If-None-Match': '*' }, do: [SET, ['answer', 'send', 'hello']] }, { headers: { 'If-None-Match': '*' }, do: [['answer', 'send', 'hello']] }]
  },
  {
    name: 'HTTP/1.0-like: no keep-alive, body by end of connection',
    hosts: ['http'],
    stores: ['deferred'],
    steps: [[SET, ({ res }) => { res.useChunkedEncodingByDefault = false }, ['end', 'hello']]]
  },
  // With a store that answers later the original throws where nobody can catch, so only the prompt one is played.
  ...[7, {}].map(chunk => ({
    name: `end of ${JSON.stringify(chunk)}`,
    hosts: ['express5', 'http'],
    stores: ['sync'],
    steps: [[SET, ['end', chunk]], { cookie: false, do: [['end', chunk]] }]
  })),
  {
    name: 'end called twice',
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [[SET, ['end', 'one'], ['end', 'two']], [['end', 'one'], ['end', 'two']]]
  },
  {
    name: 'what end and write return',
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [
      [SET, returned('end', 'hello')],
      [returned('end', 'hello')],
      [SET, returned('end')],
      [returned('write', 'a'), returned('end', 'b'), returned('end', 'c')],
      { cookie: false, do: [returned('end', 'no session to keep')] }
    ]
  },
  {
    name: 'end(callback)',
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [[SET, ended()], [ended()]]
  },
  {
    name: 'end(text, callback)',
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [[SET, ended('hello')], [ended('hello')]]
  },
  {
    name: 'end(text, encoding, callback)',
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [[SET, ended('hello', 'utf8')], [ended('hello', 'utf8')]]
  },
  {
    name: 'finish and close come once, after the save',
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [[({ res, kit }) => res.on('finish', () => kit.note('finish')), SET, ['end', 'hello']]]
  },
  {
    name: 'state of the response right after end, nothing to save',
    hosts: ['http'],
    stores: ['sync'],
    steps: [[['end', 'x'], ({ res, kit }) => kit.note(`${res.headersSent} ${res.writableEnded} ${res.finished}`)]]
  },
  {
    name: 'setHeader after end',
    hosts: ['express5', 'http'],
    stores: ['sync', 'deferred'],
    steps: [[SET, ['end', 'x'], ({ res, kit }) => {
      try { res.setHeader('X-Late', '1') } catch (error) { kit.note(error.code) }
    }]]
  },
  {
    name: 'write after end',
    hosts: ['http'],
    stores: ['sync'],
    steps: [[SET, ({ res, kit }) => res.on('error', error => kit.note(error.code)), ['end', 'x'], ['write', 'late']]]
  }
]

function returned(method, ...args) {
  return context => {
    if (method === 'end') context.answered = true
    const value = context.res[method](...args)
    context.kit.note(`${method} returns ${value === context.res ? 'the response' : value}`)
  }
}

function ended(...args) {
  return context => {
    context.answered = true
    context.res.end(...args, () => context.kit.note('end called back'))
  }
}
