'use strict'

// What `npm pack` makes is installed into empty folders, without a network, and used from there by processes of
// its own.

const assert = require('node:assert')
const { execFile } = require('node:child_process')
const { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { basename, join } = require('node:path')
const { after, before, test } = require('node:test')
const { promisify } = require('node:util')

const run = promisify(execFile)

const root = join(__dirname, '..')
const packages = join(root, 'node_modules')
const work = mkdtempSync(join(tmpdir(), 'handstamp-package-'))

let packed
let binary
let own
let alias

before(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], { cwd: root })
  packed = JSON.parse(stdout)[0]
  binary = packed.files.map(({ path }) => path).find((path) => path.endsWith('.node'))
  own = await install('own', 'handstamp')
  alias = await install('alias', 'express-session')
})

after(() => rmSync(work, { recursive: true, force: true }))

test('the package holds the code, its types, the licences and this platform\'s binary, and nothing else', () => {
  const files = packed.files.map(({ path }) => path)
  const known = [/^dist\/[\w-]+\.js$/, /^session\/\w+\.js$/, /^types\/index\.d\.ts$/, /^handstamp\.[\w-]+\.node$/]
  const rest = files.filter((path) => !known.some((pattern) => pattern.test(path)))
  assert.deepStrictEqual(rest.sort(), ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'index.mjs', 'package.json'])
  for (const pattern of known) assert.ok(files.some((path) => pattern.test(path)), String(pattern))
})

test('every file that the package names is in it', () => {
  const { main, types, exports } = require('../package.json')
  const files = new Set(packed.files.map(({ path }) => path))
  const named = [main, types, ...Object.values(exports['.'])].map((path) => path.replace(/^\.\//, ''))
  for (const path of named) assert.ok(files.has(path), path)
})

test('it serves sessions from an empty folder, by require', async () => {
  assert.deepStrictEqual(await runs(own, 'app.cjs', `
    const session = require('handstamp')
    ${SERVE}
    serve(session)
  `), [1, 2])
})

test('it is a function of express-session\'s shape, with ours behind', async () => {
  assert.deepStrictEqual(await runs(own, 'app.cjs', `
    const session = require('handstamp')
    tell([typeof session, session.name, session.length, Object.keys(session)])
  `), ['function', 'session', 1, ['Store', 'Cookie', 'Session', 'MemoryStore', 'MySqlStore', 'PostgresStore', 'RedisStore', 'SqliteStore', 'strict']])
})

test('it serves sessions from an empty folder, by import and by names', async () => {
  assert.deepStrictEqual(await runs(own, 'app.mjs', `
    import session, { Store, Cookie, Session, MemoryStore, MySqlStore, PostgresStore, RedisStore, SqliteStore, strict } from 'handstamp'
    ${SERVE}
    if (new MemoryStore() instanceof Store && [Cookie, Session, MySqlStore, PostgresStore, RedisStore, SqliteStore, strict].every((one) => typeof one === 'function')) serve(session)
  `), [1, 2])
})

test('import and require give the same function', async () => {
  assert.deepStrictEqual(await runs(own, 'app.mjs', `
    import { createRequire } from 'node:module'
    import * as names from 'handstamp'
    const session = createRequire(import.meta.url)('handstamp')
    tell([names.default === session, Object.keys(session).every((name) => names[name] === session[name])])
  `), [true, true])
})

test('it takes express-session\'s name, and stores find their base there', async () => {
  write(alias, 'node_modules/a-store/index.mjs', `
    import { Store } from 'express-session'
    export class AStore extends Store {
      sessions = new Map()
      get(id, done) { setImmediate(done, null, JSON.parse(this.sessions.get(id) ?? 'null')) }
      set(id, session, done) { this.sessions.set(id, JSON.stringify(session)); setImmediate(done) }
      destroy(id, done) { this.sessions.delete(id); setImmediate(done) }
    }
  `)
  write(alias, 'node_modules/a-store/package.json', '{ "name": "a-store", "exports": "./index.mjs" }')
  assert.deepStrictEqual(await runs(alias, 'app.mjs', `
    import session from 'express-session'
    import { AStore } from 'a-store'
    ${SERVE}
    serve(session, new AStore())
  `), [1, 2])
})

test('as express-session it has what that has inside', async () => {
  assert.deepStrictEqual(await runs(alias, 'app.cjs', `
    const session = require('express-session')
    tell([
      require('express-session/session/cookie') === session.Cookie,
      require('express-session/session/memory') === session.MemoryStore,
      require('express-session/session/session.js') === session.Session,
      require('express-session/session/store.js') === session.Store
    ])
  `), [true, true, true, true])
})

test('beside express-session it serves from a store that is made for that', async () => {
  const app = copy(own, 'beside')
  for (const name of ['express-session', 'memorystore']) symlinkSync(join(packages, name), join(app, 'node_modules', name), 'dir')
  assert.deepStrictEqual(await runs(app, 'app.cjs', `
    const session = require('handstamp')
    const other = require('express-session')
    const Memory = require('memorystore')(other)
    ${SERVE}
    if (session !== other) serve(session, new Memory())
  `), [1, 2])
})

test('the binary may come as a package of its own', async () => {
  const app = copy(own, 'platform')
  const platform = basename(binary, '.node').replace('.', '-')
  mkdirSync(join(app, 'node_modules', platform))
  renameSync(join(app, 'node_modules/handstamp', binary), join(app, 'node_modules', platform, binary))
  write(app, `node_modules/${platform}/package.json`, JSON.stringify({ name: platform, main: binary }))
  assert.deepStrictEqual(await runs(app, 'app.cjs', `
    const session = require('handstamp')
    ${SERVE}
    serve(session)
  `), [1, 2])
})

test('without a binary it says for which platform, and what to do', async () => {
  const app = copy(own, 'no-binary')
  rmSync(join(app, 'node_modules/handstamp', binary))
  const platform = basename(binary, '.node').replace('.', '-')
  const [message, cause] = await runs(app, 'app.cjs', `
    try {
      require('handstamp')
    } catch (error) {
      tell([error.message, error.cause.code])
    }
  `)
  assert.match(message, new RegExp(`^handstamp has no binary for this platform \\(${platform.replace('handstamp-', '')}\\)`))
  assert.match(message, new RegExp(`the package ${platform} can`))
  assert.match(message, /npm run build:native/)
  assert.strictEqual(cause, 'MODULE_NOT_FOUND')
})

test('each platform gets a package that is installed there only', async () => {
  const folder = join(work, 'platforms')
  mkdirSync(folder)
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  cpSync(join(root, 'README.md'), join(folder, 'README.md'))
  await run(join(packages, '.bin/napi'), ['create-npm-dirs'], { cwd: folder })
  const made = readdirSync(join(folder, 'npm')).sort()
  const all = made.map((name) => JSON.parse(readFileSync(join(folder, 'npm', name, 'package.json'), 'utf8')))
  assert.deepStrictEqual(all.map(({ name, os, cpu, libc }) => [name, os[0], cpu[0], libc?.[0]]), [
    ['handstamp-darwin-arm64', 'darwin', 'arm64', undefined],
    ['handstamp-darwin-x64', 'darwin', 'x64', undefined],
    ['handstamp-linux-arm64-gnu', 'linux', 'arm64', 'glibc'],
    ['handstamp-linux-arm64-musl', 'linux', 'arm64', 'musl'],
    ['handstamp-linux-x64-gnu', 'linux', 'x64', 'glibc'],
    ['handstamp-linux-x64-musl', 'linux', 'x64', 'musl'],
    ['handstamp-win32-x64-msvc', 'win32', 'x64', undefined]
  ])
  assert.ok(all.every(({ license, version }) => license === 'MIT OR Apache-2.0' && version === packed.version))
})

/** A new folder with the package by this name. Its dependencies come from our own folder: there is no network. */
async function install(name, as) {
  const folder = join(work, name)
  mkdirSync(folder)
  const dependencies = Object.fromEntries(['debug', 'depd', 'ms'].map((name) => [name, `file:${join(packages, name)}`]))
  dependencies[as] = `file:${join(work, packed.filename)}`
  write(folder, 'package.json', JSON.stringify({ private: true, dependencies }))
  await run('npm', ['install', '--offline', '--install-links', '--no-audit', '--no-fund'], { cwd: folder })
  return folder
}

function copy(folder, name) {
  cpSync(folder, join(work, name), { recursive: true })
  return join(work, name)
}

/** Runs a program that may `tell` one value, which is the result. */
async function runs(folder, file, program) {
  write(folder, file, `${program}\nfunction tell(value) { console.log(JSON.stringify(value)) }\n`)
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder })
  assert.strictEqual(stderr, '')
  return JSON.parse(stdout)
}

function write(folder, file, text) {
  mkdirSync(join(folder, file, '..'), { recursive: true })
  writeFileSync(join(folder, file), text)
}

// Visits a counter twice with one browser.
const SERVE = `
  async function serve(session, store) {
    const { createServer } = await import('node:http')
    const sessions = session({ secret: 'a secret of this test', resave: false, saveUninitialized: false, store })
    const server = createServer((req, res) => sessions(req, res, () => {
      req.session.views = (req.session.views ?? 0) + 1
      res.end(String(req.session.views))
    }))
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
    const url = 'http://127.0.0.1:' + server.address().port
    const first = await fetch(url)
    const second = await fetch(url, { headers: { cookie: first.headers.get('set-cookie').split(';')[0] } })
    tell([Number(await first.text()), Number(await second.text())])
    server.close()
    server.closeAllConnections()
  }
`
