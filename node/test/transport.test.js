'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const session = require('..')
const { signed } = require('./support/signature')
const { DEFAULTS, site } = require('./support/site')

const routes = {
  '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1),
  '/destroy': (req) => req.session.destroy().then(() => 'gone')
}

const WAYS = [
  ['bearer', 'session-token', (token) => ({ authorization: `Bearer ${token}` })],
  ['x-auth-token', 'x-auth-token', (token) => ({ 'x-auth-token': token })]
]

for (const [way, answer, sent] of WAYS) {
  test(`a credential may come and go by ${way}, without cookies`, async (t) => {
    const { browser } = await site(t, { transports: [way], routes })
    const { headers: { [answer]: token }, cookies } = await browser().get('/')
    assert.match(token, /^s:[\w-]{32}\./)
    assert.deepEqual(cookies, [])
    assert.equal(await browser().read('/', { headers: sent(token) }), 2)
    assert.equal(await browser().read('/', { headers: sent(signed('forged', 'guessed')) }), 1)
    const gone = await browser().get('/destroy', { headers: sent(token) })
    assert.equal(gone.headers[answer], '')
    assert.equal(await browser().read('/', { headers: sent(token) }), 1)
  })
}

test('of several ways the one by which a credential came is the one by which it goes', async (t) => {
  const secret = ['new']
  const { browser } = await site(t, { transports: ['cookie', 'bearer'], secret, routes })
  const visitor = browser()
  const first = await visitor.get('/')
  assert.equal(first.cookies.length, 1)
  const token = decodeURIComponent(visitor.cookies.get('connect.sid'))
  secret.unshift('newer')
  const bearer = await browser().get('/', { headers: { authorization: `bearer ${token}` } })
  assert.deepEqual([bearer.value, bearer.cookies], [2, []])
  assert.match(bearer.headers['session-token'], /^s:/)
  const cookie = await visitor.get('/')
  assert.deepEqual([cookie.value, cookie.cookies.length, cookie.headers['session-token']], [3, 1, undefined])
})

test('a credential that is no longer good decides the way of the next one, tokens of others do not', async (t) => {
  const { browser } = await site(t, { transports: ['cookie', 'bearer'], routes })
  const ended = await browser().get('/', { headers: { authorization: `Bearer ${signed('ended', 'guessed')}` } })
  assert.match(ended.headers['session-token'], /^s:/)
  const other = await browser().get('/', { headers: { authorization: "Bearer another application's", cookie: 'other=1' } })
  assert.equal(other.cookies.length, 1)
})

const REFUSED = [
  [[], 'must be an array such as'], ['bearer', 'must be an array such as'],
  [['set-cookie'], 'must hold'], [['Authorization'], 'must hold'], [['two words'], 'must hold'], [[7], 'must hold']
]

for (const [transports, message] of REFUSED) {
  test(`transports: ${JSON.stringify(transports)} is refused`, () => {
    assert.throws(() => session({ ...DEFAULTS, transports }), (error) => error instanceof TypeError && error.message.includes(message))
  })
}
