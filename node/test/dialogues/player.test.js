'use strict'

// That the player of the dialogues sees what is wrong.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { Backstage } = require('./backstage')
const { ofCookie, ofToken } = require('./credential')
const { parse } = require('./format')
const { Jar } = require('./jar')
const { play } = require('./player')
const { fill } = require('./template')

const SIGNATURE = `${'s+/'.repeat(14)}A`
const anna = ofToken(`s:i.${SIGNATURE}`)

const UNMET = [
  ['an announced status', { send: 'GET /get:a', expect: { status: 201 } }, /the status is not 201/],
  ['an announced body', { send: 'GET /get:a', expect: { body: 1 } }, /the body is not 1/],
  ['a credential that nobody announced', { send: 'POST /set:a:1' }, /not as expected: none/],
  ['a credential that does not come', { send: 'GET /get:a', expect: { credential: 'new' } }, /no credential was sent/],
  ['another cookie', { send: 'POST /set:a:1', expect: { credential: 'new', set_cookie: '{cookie}' } }, /our Set-Cookie is not/],
  ['a missing header', { send: 'GET /nothing', expect: { headers: { vary: 'Cookie' } } }, /the header vary is not Cookie/],
  ['a header too many', { send: 'GET /get:a', expect: { headers: { vary: null } } }, /the header vary is not undefined/]
]

for (const [problem, step, message] of UNMET) {
  test(`a dialogue fails on ${problem}`, async (t) => {
    const dialogue = parse(JSON.stringify({ name: 'x', steps: [step] }))
    await assert.rejects(play(dialogue, new Backstage(t, 'MemoryStore')), message)
  })
}

test('fields that nobody knows are refused', () => {
  for (const json of [{ steps: [], prove: [] }, { steps: [{ expects: {} }] }, { steps: [{ expect: { statuss: 1 } }] }, { app: { idl: 1 }, steps: [] }]) {
    assert.throws(() => parse(JSON.stringify(json)), /dialogues have no field named/)
  }
})

test('placeholders are filled in', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 5000 })
  const filled = (text) => fill(text, () => anna)
  assert.equal(filled('a={cookie}; b'), `a=s%3Ai.${encodeURIComponent(SIGNATURE)}; b`)
  assert.equal(filled('{token}{id}'), `s:i.${SIGNATURE}i`)
  assert.equal(filled('{anna.cookie:lowercase}'), `s%3ai.${encodeURIComponent(SIGNATURE).replaceAll('B', 'b').replaceAll('F', 'f')}`)
  assert.equal(filled('{signature:flipped}'), `A${SIGNATURE.slice(1)}`)
  assert.equal(filled('{signature:respelled}'), `${SIGNATURE.slice(0, -1)}B`)
  assert.equal(filled('{date+60}'), 'Thu, 01 Jan 1970 00:01:05 GMT')
  for (const bad of ['{cookies}', '{cookie', '{cookie:upside}']) assert.throws(() => filled(bad), Error, bad)
})

test('a credential has one spelling', () => {
  assert.deepEqual(ofCookie(anna.cookie), anna)
  for (const bad of [anna.token, `${anna.cookie}x`, anna.cookie.toLowerCase(), '']) assert.equal(ofCookie(bad), undefined, bad)
})

/** What a browser sends to one place that was given cookies at another. */
function sent(setCookies, from, to) {
  const place = (url) => {
    const { protocol, host, pathname } = new URL(url)
    return { secure: protocol === 'https:', host, path: pathname }
  }
  const jar = new Jar()
  for (const setCookie of setCookies) jar.take(setCookie, place(from))
  return jar.header(place(to))
}

const HOME = 'https://a.test/'

test('a cookie goes where it belongs', () => {
  assert.equal(sent(['n=1'], HOME, 'https://a.test/x'), 'n=1')
  assert.equal(sent(['n=1'], HOME, 'https://b.a.test/'), undefined)
  assert.equal(sent(['n=1; Domain=a.test'], HOME, 'https://b.a.test/'), 'n=1')
  assert.equal(sent(['n=1; Path=/x'], HOME, 'https://a.test/xy'), undefined)
  assert.equal(sent(['n=1; Path=/x'], HOME, 'https://a.test/x/y'), 'n=1')
  assert.equal(sent(['n=1; Secure'], HOME, 'http://a.test/'), undefined)
})

const REFUSED = [
  ['n=1; Secure', 'http://a.test/'], ['n=1; Domain=b.test', HOME], ['n=1; SameSite=None', HOME], ['n=1; Partitioned', HOME],
  ['__Secure-n=1', HOME], ['__Host-n=1; Secure', HOME], ['__Host-n=1; Secure; Path=/; Domain=a.test', HOME],
  ['__Host-n=1; Secure; Path=/x', 'https://a.test/x'], [`n=${'x'.repeat(4096)}`, HOME]
]

test('what browsers refuse is refused', () => {
  for (const [cookie, from] of REFUSED) assert.equal(sent([cookie], from, from), undefined, cookie)
})

test('a cookie is removed by one of the same place only, and Max-Age counts for more than Expires', () => {
  assert.equal(sent(['n=1', 'n=; Max-Age=0'], HOME, HOME), undefined)
  for (const other of ['n=; Domain=a.test; Max-Age=0', 'n=; Path=/x; Max-Age=0']) assert.equal(sent(['n=1', other], HOME, HOME), 'n=1', other)
  assert.equal(sent(['n=1; Secure; Partitioned', 'n=; Secure; Max-Age=0'], HOME, HOME), 'n=1')
  const past = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'
  assert.equal(sent([`n=1; ${past}`], HOME, HOME), undefined)
  assert.equal(sent([`n=1; ${past}; Max-Age=9`], HOME, HOME), 'n=1')
})
