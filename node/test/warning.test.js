'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { site } = require('./support/site')
const { warningsOf } = require('./support/warnings')

const CAUSES = [
  ['a proxy that is not trusted', { headers: { 'x-forwarded-proto': 'https' } }, /X-Forwarded-Proto says https: set `app\.set\('trust proxy', 1\)`/],
  ['plain HTTP', {}, /use HTTPS, or `cookie: \{ secure: 'auto' \}`/]
]

for (const [cause, request, advice] of CAUSES) {
  test(`that a Secure cookie is not sent because of ${cause} is told once`, async (t) => {
    const warnings = warningsOf(t)
    const { browser } = await site(t, { cookie: { secure: true }, routes: { '/': (req) => (req.session.seen = true) } })
    for (let visit = 0; visit < 3; visit++) assert.deepEqual((await browser().get('/', request)).cookies, [])
    assert.equal(warnings.length, 1)
    assert.match(warnings[0], /^HANDSTAMP_INSECURE: the session cookie is Secure but the connection is not, so it is not sent; /)
    assert.match(warnings[0], advice)
  })
}

test('a Secure cookie that is sent is no reason to warn', async (t) => {
  const warnings = warningsOf(t)
  const { browser } = await site(t, { cookie: { secure: true }, proxy: true, routes: { '/': (req) => (req.session.seen = true) } })
  assert.equal((await browser().get('/', { headers: { 'x-forwarded-proto': 'https' } })).cookies.length, 1)
  assert.deepEqual(warnings, [])
})
