'use strict'

// The strict profile's rules beyond the dialogues: stores written in JavaScript, answers in pieces.

const assert = require('node:assert/strict')
const { randomBytes } = require('node:crypto')
const { test } = require('node:test')
const { setImmediate } = require('node:timers/promises')
const express = require('express-session')

const { MemoryStore, strict } = require('..')
const { addon } = require('../dist/native')
const { PlainStore } = require('./support/plain-store')
const { closing } = require('./support/native-stores')
const { site } = require('./support/site')
const { warningsOf } = require('./support/warnings')

const SECRET = randomBytes(32).toString('base64')
const https = { headers: { 'x-forwarded-proto': 'https' } }
const START = Date.parse('2026-11-01T12:00:00Z')

const ROUTES = {
  '/': (req) => (req.session.seen = true),
  '/read': (req) => req.session.seen ?? null,
  '/static': () => 'hello',
  '/regenerate': (req) => req.session.regenerate().then(() => 'empty'),
  '/rotate': (req) => req.session.rotate().then(() => 'rotated'),
  '/remember': (req) => (req.session.cookie.maxAge = 60_000),
  '/touch': (req) => void req.session.touch() ?? 'touched',
  '/pieces': (req, res) => {
    req.session.touch()
    res.write('"piece')
    res.end(' by piece"')
  }
}

const strictly = (t, store, { routes, ...options } = {}) =>
  site(t, { profile: strict, secret: SECRET, proxy: true, store, routes: { ...ROUTES, ...routes }, ...options })

test('a store in JavaScript hears nothing of visitors of whom nothing is known', async (t) => {
  const store = new PlainStore()
  const { browser } = await strictly(t, store)
  const visitor = browser()
  for (const path of ['/static', '/read', '/rotate', '/remember', '/touch']) {
    assert.deepEqual((await visitor.get(path, https)).cookies, [], path)
  }
  assert.deepEqual(store.calls, [])
})

test('a session in a JavaScript store that nobody looks at is read and left alone', async (t) => {
  const store = new PlainStore()
  const { browser } = await strictly(t, store)
  const visitor = browser()
  await visitor.get('/', https)
  store.calls = []
  await visitor.get('/static', https)
  assert.deepEqual(store.calls.map((call) => call.split(' ')[0]), ['get'])
})

test('a cookie with an age slides over a JavaScript store when a twentieth of the age is over', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START })
  const { browser } = await strictly(t, new express.MemoryStore(), { cookie: { maxAge: 100_000 } })
  const visitor = browser()
  const cookiesAfter = async (seconds, path) => {
    t.mock.timers.setTime(Date.now() + seconds * 1000)
    return (await visitor.get(path, https)).cookies.map((cookie) => /; (Max-Age=\d+)/.exec(cookie)[1])
  }
  assert.deepEqual(await cookiesAfter(0, '/'), ['Max-Age=100'])
  assert.deepEqual(await cookiesAfter(4, '/read'), [])
  assert.deepEqual(await cookiesAfter(2, '/read'), ['Max-Age=100'])
  assert.deepEqual(await cookiesAfter(1, '/touch'), ['Max-Age=100'])
})

test('that a store in JavaScript knows no absolute limit is told', async (t) => {
  const warnings = warningsOf(t)
  strict({ secret: SECRET, store: closing(t, new MemoryStore()) })
  strict({ secret: SECRET, store: new PlainStore() })
  await setImmediate()
  assert.equal(warnings.length, 1)
  assert.match(warnings[0], /^HANDSTAMP_ABSOLUTE_TIMEOUT: absoluteTimeout, which the strict profile has, needs a store of handstamp/)
})

test('the id of a session is rotated in a store that was made for express-session, too', async (t) => {
  const { browser } = await strictly(t, new express.MemoryStore())
  const visitor = browser()
  await visitor.get('/', https)
  const thief = visitor.copy()
  const { cookies } = await visitor.get('/rotate', https)
  assert.match(cookies[0], /^__Host-session=s%3A/)
  assert.equal(await visitor.read('/read', https), true)
  assert.equal(await thief.read('/read', https), null)
})

test('a session that is regenerated and stays empty is ended, and its cookie removed', async (t) => {
  const store = new PlainStore()
  const { browser } = await strictly(t, store)
  const visitor = browser()
  await visitor.get('/', https)
  const { cookies } = await visitor.get('/regenerate', https)
  assert.equal(cookies[0], '__Host-session=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax')
  assert.equal(store.sessions.size, 0)
})

test('what is left for a visitor who signs in and out at once is a session of its own', async (t) => {
  const inAndOut = async (req) => {
    await sessions.login(req, 'ann')
    const id = req.sessionID
    await sessions.logout(req)
    sessions.flash(req, 'info', 'bye')
    return [sessions.userOf(req), sessions.isNew(req), req.sessionID !== id]
  }
  const { browser, sessions } = await strictly(t, closing(t, new MemoryStore()), { cookie: { maxAge: 100_000 }, routes: { '/in-and-out': inAndOut } })
  const { value, cookies } = await browser().get('/in-and-out', https)
  assert.deepEqual(value, [null, true, true])
  assert.match(cookies[0], /; Max-Age=100; /)
})

test('a session that is deleted unseen is ended, if the options say so', async (t) => {
  const store = new PlainStore()
  const routes = { '/delete': (req) => delete req.session }
  const { browser } = await strictly(t, store, { unset: 'destroy', routes })
  const visitor = browser()
  await visitor.get('/', https)
  const { cookies } = await visitor.get('/delete', https)
  assert.match(cookies[0], /^__Host-session=; Max-Age=0; /)
  assert.equal(store.sessions.size, 0)
})

test('a cookie that leaves before its session is saved has its whole age', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: START })
  addon.setClock(START)
  t.after(() => addon.setClock(null))
  const { browser } = await strictly(t, closing(t, new MemoryStore()), { cookie: { maxAge: 100_000 } })
  const visitor = browser()
  await visitor.get('/', https)
  t.mock.timers.setTime(START + 10_000)
  addon.setClock(START + 10_000)
  assert.match((await visitor.get('/pieces', https)).cookies[0], /; Max-Age=100; /)
})
