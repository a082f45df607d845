'use strict'

const assert = require('node:assert/strict')
const { createSecretKey, randomBytes } = require('node:crypto')
const { test } = require('node:test')

const { strict } = require('..')
const { site } = require('./support/site')
const { until } = require('./support/waiting')

const SECRET = randomBytes(32).toString('base64')
const https = { headers: { 'x-forwarded-proto': 'https' } }

/** A strict site behind a proxy that speaks HTTPS. */
const strictly = (t, options) =>
  site(t, {
    profile: strict, secret: SECRET, proxy: true, resave: undefined, saveUninitialized: undefined,
    routes: { '/': (req) => (req.session.seen = true), '/read': (req) => req.session.seen ?? null }, ...options
  })

test('the strict cookie is for this host, over HTTPS, and not for scripts or other sites', async (t) => {
  const { browser } = await strictly(t, { resave: false, saveUninitialized: false })
  const { cookies } = await browser().get('/', https)
  assert.match(cookies[0], /^__Host-session=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  assert.deepEqual((await browser().get('/read', https)).cookies, [])
})

test('what the options say counts', async (t) => {
  const { browser } = await strictly(t, { name: 'own', cookie: { sameSite: 'strict' }, resave: false, saveUninitialized: true })
  const { cookies } = await browser().get('/read', https)
  assert.match(cookies[0], /^own=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/)
})

test('a cookie function decides alone', async (t) => {
  const { browser } = await strictly(t, { name: 'own', cookie: () => ({ priority: 'high' }), resave: false, saveUninitialized: false })
  assert.match((await browser().get('/')).cookies[0], /^own=[^;]+; Path=\/; HttpOnly; Priority=High$/)
})

test('a strict session has an end, however much it is used', async (t) => {
  const { browser } = await strictly(t, { absoluteTimeout: 50, resave: false, saveUninitialized: false })
  const visitor = browser()
  await visitor.get('/', https)
  await until(async () => (await visitor.read('/read', https)) === null)
})

const WEAK = [
  ['short', 'is shorter than 32 bytes'],
  [Buffer.alloc(31), 'is shorter than 32 bytes'],
  ['keyboard cat, and more so that it is long enough', 'is one from documentation, which everyone knows'],
  ['please-change-me-please-change-me-please', 'is one from documentation, which everyone knows'],
  ['this_is_your_secret_this_is_your_secret', 'is one from documentation, which everyone knows']
]

for (const [secret, problem] of WEAK) {
  test(`a secret that ${problem} is refused, also as one of several: ${String(secret).slice(0, 12)}`, () => {
    const refused = new TypeError(`the secret option ${problem}; make one with \`openssl rand -base64 32\``)
    assert.throws(() => strict({ secret }), refused)
    assert.throws(() => strict({ secret: [SECRET, secret] }), refused)
  })
}

test('good secrets are texts, bytes and keys', () => {
  for (const secret of [SECRET, randomBytes(32), createSecretKey(randomBytes(32)), [SECRET, randomBytes(32)]]) {
    assert.equal(typeof strict({ secret }), 'function')
  }
})

test('without a secret there is no strict profile', () => {
  for (const options of [undefined, {}, { secret: '' }, { secret: null }]) {
    assert.throws(() => strict(options), /^TypeError: the secret option is missing; make one with /)
  }
})

const CONTRADICTIONS = [
  [{ cookie: { domain: 'example.com' } }, /__Host-… must be Secure, have the path \/ and no domain/],
  [{ cookie: { secure: false } }, /__Host-… must be Secure/],
  [{ cookie: { path: '/shop' } }, /__Host-… must be Secure/],
  [{ name: '__Host-Http-id', cookie: { httpOnly: false } }, /__Host-Http-… must be HttpOnly/],
  [{ name: '__Http-id', cookie: { httpOnly: false } }, /__Http-… must be Secure and HttpOnly/],
  [{ name: '__Secure-id', cookie: { secure: 'auto' } }, /__Secure-… must be Secure/],
  [{ name: 'id', cookie: { secure: false, sameSite: 'None' } }, /^SameSite=None needs Secure$/],
  [{ name: 'id', cookie: { secure: false, partitioned: true } }, /^Partitioned needs Secure$/]
]

for (const [options, message] of CONTRADICTIONS) {
  test(`a cookie that browsers would refuse is refused: ${JSON.stringify(options)}`, () => {
    assert.throws(() => strict({ secret: SECRET, ...options }), { name: 'TypeError', message })
  })
}

test('a strict cookie with an age says it as Max-Age, too', async (t) => {
  const { browser } = await strictly(t, { cookie: { maxAge: 60_000 }, resave: false, saveUninitialized: false })
  const { cookies } = await browser().get('/', https)
  const [, seconds] = /; Max-Age=(\d+)/.exec(cookies[0])
  assert.ok(seconds > 50 && seconds <= 60, seconds)
})

test('caches are told that an answer was made with a session', async (t) => {
  const { browser } = await strictly(t, {
    resave: false, saveUninitialized: false,
    routes: {
      '/': (req) => (req.session.seen = true),
      '/static': () => 'hello',
      '/own': (req, res) => {
        res.setHeader('Cache-Control', 'private, max-age=60')
        res.setHeader('Vary', 'Accept, cookie')
        return req.session.seen
      },
      '/any': (req, res) => {
        res.setHeader('Vary', '*')
        return req.session.seen
      }
    }
  })
  const visitor = browser()
  const told = async (path) => {
    const { headers } = await visitor.get(path, https)
    return [headers['cache-control'], headers.vary]
  }
  assert.deepEqual(await told('/'), ['no-store', 'Cookie'])
  assert.deepEqual(await told('/static'), [undefined, undefined])
  assert.deepEqual(await told('/own'), ['private, max-age=60', 'Accept, cookie'])
  assert.deepEqual(await told('/any'), ['no-store', '*'])
})
