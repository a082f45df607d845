'use strict'

// The examples of docs/express.md and of the README files, run as they stand there. A comment above a block says
// how: `run: NAME` is an application or routes of one, `before: routes` is what routes go on from, `file: NAME` is
// a program of its own that prints its ports.

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { createInterface } = require('node:readline')
const { after, before, test } = require('node:test')

const { differences } = require('./differential/differences')
const { Browser } = require('./support/browser')

const root = join(__dirname, '..')
const work = mkdtempSync(join(tmpdir(), 'handstamp-examples-'))
const SECRET = 'an eternally secret string of the examples'

before(() => {
  mkdirSync(join(work, 'node_modules'))
  symlinkSync(root, join(work, 'node_modules/handstamp'), 'dir')
  symlinkSync(join(root, 'node_modules/express'), join(work, 'node_modules/express'), 'dir')
  process.env.SESSION_SECRET = SECRET
  process.chdir(work)
})

after(() => {
  process.chdir(root)
  rmSync(work, { recursive: true, force: true })
})

/** What a visitor sees of each example. */
const checks = {
  'a counter': async (browser) => {
    assert.equal((await browser.get('/')).text, 'visit 1')
    assert.equal((await browser.get('/')).text, 'visit 2')
  },

  promises: async (browser) => {
    const { status, headers } = await browser.get('/theme', { method: 'POST' })
    assert.deepEqual([status, headers.location], [302, '/'])
    assert.equal(browser.cookies.size, 1)
  },

  counting: async (browser) => {
    assert.deepEqual(await browser.read('/cart', { method: 'POST' }), ['tea'])
    await Promise.all(Array.from({ length: 20 }, () => browser.get('/cart', { method: 'POST' })))
    assert.equal((await browser.read('/cart', { method: 'POST' })).length, 22)
  },

  'signing in': async (browser) => {
    assert.equal((await browser.get('/')).text, 'hello, stranger')
    assert.equal((await login(browser, 'nobody')).status, 401)
    assert.equal((await login(browser, 'alice')).status, 302)
    assert.equal((await browser.get('/')).text, 'hello, alice')
    const copy = browser.copy()
    await browser.get('/logout', { method: 'POST' })
    assert.equal(browser.cookies.size, 0)
    assert.equal((await copy.get('/')).text, 'hello, stranger')
  },

  devices: async (browser) => {
    const [one, other, third] = [browser, new Browser(browser.port), new Browser(browser.port)]
    assert.equal((await one.get('/devices')).status, 401)
    for (const each of [one, other, third]) await login(each, 'bob')
    const devices = await one.read('/devices')
    assert.equal(devices.length, 3)
    const current = (await other.read('/devices')).find(({ isThisOne }) => isThisOne)
    assert.equal((await one.get(`/devices/${current.id}/end`, { method: 'POST' })).status, 204)
    assert.equal((await one.get(`/devices/${current.id}/end`, { method: 'POST' })).status, 404)
    assert.equal((await one.get('/password', { method: 'POST' })).status, 204)
    assert.deepEqual((await one.read('/devices')).map(({ isThisOne }) => isThisOne), [true])
    assert.equal((await third.get('/')).text, 'hello, stranger')
  },

  messages: async (browser) => {
    assert.equal((await browser.get('/profile', { method: 'POST' })).headers.location, '/')
    assert.deepEqual(await browser.read('/'), ['Saved.'])
    assert.deepEqual(await browser.read('/'), [])
  },

  strict: async (browser) => {
    const { cookies } = await browser.get('/', { headers: { 'x-forwarded-proto': 'https' } })
    assert.match(cookies[0], /^__Host-session=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  },

  threads: ([one, other]) => visitsBoth(one, other),
  'a cluster': ([one, other]) => visitsBoth(one, other)
}

const blocks = ['docs/express.md', 'README.md', 'node/README.md'].flatMap(blocksOf)
const preface = blocks.find(({ kind }) => kind === 'before').code
const routes = blocks.find(({ name }) => name === 'signing in').code

for (const { kind, name, code, file } of blocks.filter(({ kind }) => kind !== 'before')) {
  test(`${file}: ${name}`, async (t) => {
    const check = checks[name]
    if (kind === 'file') return check(await runs(t, name, code))
    await check(await serves(t, name, code))
  })
}

test('every check has its example', () => {
  assert.deepEqual([...new Set(blocks.map(({ name }) => name))].sort(), [...Object.keys(checks), 'routes'].sort())
})

test('every JavaScript example that can be run is', () => {
  const text = readFileSync(join(root, '../docs/express.md'), 'utf8')
  const idle = [...text.matchAll(/^(.*)\n```js\n([^]*?)\n```/gm)].filter(([, above]) => !above.startsWith('<!-- '))
  assert.deepEqual(idle.map(([, , code]) => code.split('\n')[0]), ['session({'])
})

test('every difference that the differential suite expects is in the docs, and no other by its name', () => {
  const text = readFileSync(join(root, '../docs/express.md'), 'utf8')
  const told = [...text.matchAll(/<!-- ([a-z-]+) -->/g)].map(([, id]) => id)
  assert.deepEqual(told.sort(), differences.map(({ id }) => id).sort())
})

function blocksOf(file) {
  const text = readFileSync(join(root, '..', file), 'utf8')
  return [...text.matchAll(/<!-- (run|before|file): (.+) -->\n```js\n([^]*?)\n```/g)].map(([, kind, name, code]) => ({ kind, name, code, file }))
}

/** A browser at an application, or at one that these routes belong to. */
async function serves(t, name, code) {
  const whole = code.includes('require(') ? code : `${preface}\n${name === 'devices' ? routes : ''}\n${code}`
  const app = evaluated(whole.replace(/^app\.listen\(.*\)$/m, ''))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  })
  return new Browser(server.address().port)
}

/** The `app` of a program, which finds its packages and leaves its files in our folder. */
function evaluated(program) {
  return new Function('require', 'findUser', `${program}\nreturn app`)(createRequire(join(work, 'app.js')), findUser)
}

async function findUser(name) {
  return name === 'nobody' ? undefined : { id: name }
}

async function login(browser, name) {
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
  const body = new URLSearchParams({ name, password: 'secret' })
  const response = await fetch(`http://127.0.0.1:${browser.port}/login`, { method: 'POST', body, headers: { cookie }, redirect: 'manual' })
  for (const cookie of response.headers.getSetCookie()) browser.store(cookie)
  return response
}

/** Starts a program and waits for the ports that its two halves listen on. */
async function runs(t, name, code) {
  const file = join(work, `${name.replace(' ', '-')}.js`)
  writeFileSync(file, code)
  const env = { ...process.env, PORT: '0' }
  delete env.NODE_TEST_CONTEXT
  const child = spawn(process.execPath, [file], { cwd: work, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.after(() => {
    child.kill('SIGTERM')
    return ended
  })
  const ports = []
  for await (const line of createInterface(child.stdout)) {
    if (ports.push(Number(line)) === 2) break
  }
  return ports
}

/** One visitor, counted by both halves. */
async function visitsBoth(one, other) {
  const browser = new Browser(one)
  assert.equal((await browser.get('/')).text, 'visit 1')
  for (const port of [other, one, other, one]) {
    browser.port = port
    await browser.get('/')
  }
  assert.equal((await browser.get('/')).text, 'visit 6')
}
