'use strict'

const assert = require('node:assert/strict')
const { createSecretKey } = require('node:crypto')
const { test } = require('node:test')
const cookieParser = require('cookie-parser')

const { PlainStore } = require('./support/plain-store')
const { signed } = require('./support/signature')
const { site } = require('./support/site')
const { deprecationsOf } = require('./support/warnings')

const CAT = 'keyboard cat'

/** A site whose visitors `apple` and `pear` are known. It answers the name of who comes. */
function known(t, options = {}) {
  const store = new PlainStore()
  for (const id of ['apple', 'pear', '%', '/foo', 'a.b.c', 'ünï']) store.sessions.set(id, JSON.stringify({ cookie: {}, id: 0, name: id }))
  return site(t, { secret: CAT, store, routes: { '/': (req) => req.session.name ?? null }, ...options })
}

const cookie = (...values) => ({ headers: { cookie: values.map((value) => `connect.sid=${value}`).join('; ') } })
const encoded = (id, secret = CAT) => encodeURIComponent(signed(id, secret))

const VECTORS = [
  [CAT, 'apple', 's%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU'],
  [CAT, '%', 's%3A%25.kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa%2FOTZ01g'],
  [CAT, '/foo', 's%3A%2Ffoo.paEKBtAHbV5s1IB8B2zPnzAgYmmnRPIqObW4VRYj%2FMQ'],
  ['k', 'a.b.c', 's%3Aa.b.c.KknhlmRnAWEJEoNMlO85fIMohjxbBPVoeAIqIsEoMg4']
]

for (const [secret, id, value] of VECTORS) {
  test(`the credential of ${id} is that of express-session`, async (t) => {
    const { browser } = await known(t, { secret, genid: () => id, rolling: true })
    const visit = await browser().get('/', cookie(value))
    assert.equal(visit.value, id)
    assert.equal(visit.cookies[0], `connect.sid=${value}; Path=/; HttpOnly`)
  })
}

test('a credential may be quoted, and need not be percent-encoded', async (t) => {
  const { browser } = await known(t)
  for (const value of [`"${encoded('apple')}"`, `"${signed('apple', CAT)}"`, signed('apple', CAT), encoded('apple').replaceAll('%3A', '%3a')]) {
    assert.equal(await browser().read('/', cookie(value)), 'apple', value)
  }
})

test('ids may be any text', async (t) => {
  const { browser } = await known(t)
  assert.equal(await browser().read('/', cookie(encoded('ünï'))), 'ünï')
})

const FORGED = [
  ['signed by another secret', encoded('apple', 'guessed')],
  ['unsigned', 'apple'],
  ['unsigned, with the prefix', 's%3Aapple'],
  ['with an empty signature', 's%3Aapple.'],
  ['with a signature that is cut', encoded('apple').slice(0, -1)],
  ['with a signature that goes on', `${encoded('apple')}A`],
  ['without the prefix', encoded('apple').slice(4)],
  ['of another id', encoded('pear').replace('pear', 'apple')],
  ['percent-encoded badly', `%${encoded('apple')}`],
  ['empty', '']
]

for (const [how, value] of FORGED) {
  test(`a credential ${how} is none, and its id is never asked for`, async (t) => {
    const { browser, store } = await known(t)
    const { status, value: name } = await browser().get('/', cookie(value))
    assert.deepEqual([status, name, store.calls], [200, null, []])
  })
}

test('a bad duplicate does not hide a good credential, wherever it stands', async (t) => {
  const { browser } = await known(t)
  const bad = encoded('apple', 'guessed')
  assert.equal(await browser().read('/', cookie(bad, encoded('apple'))), 'apple')
  assert.equal(await browser().read('/', cookie(encoded('apple'), bad)), 'apple')
  assert.equal(await browser().read('/', cookie(encoded('unknown'), encoded('apple'))), 'apple')
})

test('of two good duplicates the first counts', async (t) => {
  const { browser, store } = await known(t)
  assert.equal(await browser().read('/', cookie(encoded('pear'), encoded('apple'))), 'pear')
  assert.deepEqual(store.calls, ['get pear', 'touch pear'])
})

test('cookies of other names do not matter', async (t) => {
  const { browser } = await known(t)
  const headers = { cookie: `other=1; xconnect.sid=${encoded('pear')}; connect.sid=${encoded('apple')}; =; broken` }
  assert.equal(await browser().read('/', { headers }), 'apple')
})

test('what an old secret has signed is accepted and signed anew', async (t) => {
  const { browser } = await known(t, { secret: ['new', 'older', 'oldest'] })
  for (const secret of ['older', 'oldest']) {
    const { value, cookies } = await browser().get('/', cookie(encoded('apple', secret)))
    assert.equal(value, 'apple')
    assert.deepEqual(cookies, [`connect.sid=${encoded('apple', 'new')}; Path=/; HttpOnly`])
  }
  assert.deepEqual((await browser().get('/', cookie(encoded('apple', 'new')))).cookies, [])
})

test('a session of an old secret is read among others', async (t) => {
  const { browser } = await known(t, { secret: ['new', 'old'] })
  const { value, cookies } = await browser().get('/', cookie(encoded('unknown', 'old'), encoded('apple', 'old'), encoded('apple', 'new')))
  assert.equal(value, 'apple')
  assert.deepEqual(cookies, [`connect.sid=${encoded('apple', 'new')}; Path=/; HttpOnly`])
})

test('an array of secrets that is changed in place counts from the next request on', async (t) => {
  const secret = ['first']
  const { browser } = await known(t, { secret })
  const visitor = browser()
  const visit = () => visitor.get('/', cookie(encoded('apple', 'first')))
  assert.deepEqual([(await visit()).value, (await visit()).cookies], ['apple', []])
  secret.unshift('second')
  assert.deepEqual((await visit()).cookies, [`connect.sid=${encoded('apple', 'second')}; Path=/; HttpOnly`])
  secret.pop()
  assert.equal((await visit()).value, null)
  secret[0] = 'first'
  assert.equal((await visit()).value, 'apple')
})

const SECRETS = [
  ['a Buffer', Buffer.from('bytes')],
  ['a part of a larger buffer', new Uint8Array(Buffer.from('some bytes')).subarray(5)],
  ['a KeyObject', createSecretKey(Buffer.from('bytes'))]
]

for (const [what, secret] of SECRETS) {
  test(`a secret may be ${what}, alone or in an array`, async (t) => {
    for (const given of [secret, [secret]]) {
      const { browser } = await known(t, { secret: given })
      assert.equal(await browser().read('/', cookie(encoded('apple', 'bytes'))), 'apple')
    }
  })
}

/** As a layer that has taken the header away. */
const withoutHeader = (set) => (req, _res, next) => {
  delete req.headers.cookie
  set(req)
  next()
}

test("cookie-parser's signed cookies are taken where there is no header, and that is deprecated", async (t) => {
  const deprecations = deprecationsOf(t)
  const { browser } = await known(t, { before: [cookieParser(CAT), withoutHeader(() => {})] })
  assert.equal(await browser().read('/', cookie(encoded('apple'))), 'apple')
  assert.deepEqual(deprecations, ['cookie should be available in req.headers.cookie'])
})

test("cookie-parser's plain cookies are verified", async (t) => {
  const deprecations = deprecationsOf(t)
  const plain = (value) => [withoutHeader((req) => (req.cookies = { 'connect.sid': value }))]
  const visit = async (value, options) => (await known(t, { before: plain(value), ...options })).browser().read('/')
  assert.equal(await visit(signed('apple', CAT)), 'apple')
  assert.equal(await visit(signed('apple', 'old'), { secret: [CAT, 'old'] }), 'apple')
  assert.deepEqual(new Set(deprecations), new Set(['cookie should be available in req.headers.cookie']))
  const told = deprecations.length
  for (const value of [signed('apple', 'guessed'), 'apple', undefined, ['s:apple']]) assert.equal(await visit(value), null)
  assert.equal(deprecations.length, told)
})

test('a request without headers has no credential', async (t) => {
  const { browser } = await known(t, { before: [(req, _res, next) => {
    Object.defineProperty(req, 'headers', { value: undefined })
    next()
  }] })
  assert.equal(await browser().read('/', cookie(encoded('apple'))), null)
})

test("a client's id is never taken over", async (t) => {
  const { browser } = await known(t, { routes: { '/': (req) => (req.session.mine = req.sessionID) } })
  const { value, cookies } = await browser().get('/', cookie(encoded('unknown')))
  assert.notEqual(value, 'unknown')
  assert.equal(cookies.length, 1)
})
