'use strict'

// Sessions among threads and processes, and processes that end.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { once } = require('node:events')
const net = require('node:net')
const { join } = require('node:path')
const { test } = require('node:test')
const { promisify } = require('node:util')
const { Worker } = require('node:worker_threads')

const { MemoryStore } = require('..')
const { count } = require('./support/counting')
const { closing, folder, newName } = require('./support/native-stores')
const { KINDS, sharedUrl } = require('./support/servers')

const SITE = join(__dirname, 'support', 'counting-site.js')

for (const kind of Object.keys(KINDS)) {
  test(`${kind}: worker threads count together and lose nothing, and one that ends takes nothing from the others`, async (t) => {
    const workerData = { kind, url: await sharedUrl(KINDS[kind]), name: newName() }
    const [first, ...workers] = [1, 2, 3].map(() => new Worker(SITE, { workerData }))
    const ends = [first, ...workers].map(async (worker) => (await once(worker, 'exit'))[0])
    const [, ...ports] = await Promise.all([first, ...workers].map(async (worker) => (await once(worker, 'message'))[0]))
    first.postMessage('end')
    assert.equal(await ends[0], 0)
    assert.equal(await count(ports, 100), 202)
    for (const worker of workers) worker.postMessage('end')
    assert.deepEqual(await Promise.all(ends), [0, 0, 0])
  })
}

test('worker threads that give the same name share their sessions', async (t) => {
  const shared = `process.test ${process.pid}`
  const workers = [1, 2].map(() => new Worker(SITE, { workerData: { shared } }))
  const ports = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]))
  assert.equal(await count(ports, 100), 202)
  assert.equal(await closing(t, new MemoryStore({ shared })).length(), 1)
  assert.equal(await closing(t, new MemoryStore()).length(), 0)
  for (const worker of workers) worker.postMessage('end')
  assert.deepEqual(await Promise.all(workers.map(async (worker) => (await once(worker, 'exit'))[0])), [0, 0])
  assert.equal(await closing(t, new MemoryStore({ shared })).length(), 1)
})

const EXITING = `
  const http = require('node:http')
  const session = require(process.argv[1])
  const [redis, postgres, mariadb] = process.argv.slice(3)
  const stores = [
    new session.MemoryStore({ shared: 'one' }), new session.SqliteStore({ path: process.argv[2] }),
    new session.RedisStore(redis), new session.PostgresStore({ url: postgres, createTableIfMissing: true }), new session.MySqlStore(mariadb)
  ]
  let left = stores.length
  for (const store of stores) {
    const sessions = session({ secret: 'a secret of the tests', resave: false, saveUninitialized: false, store })
    const server = http.createServer((req, res) => sessions(req, res, () => {
      req.session.seen = true
      res.end('hello')
    }))
    server.listen(0, '127.0.0.1', () => http.get({ port: server.address().port, agent: false }, (response) => {
      response.resume().on('end', () => {
        console.log(response.statusCode, response.headers['set-cookie'].length)
        server.close()
      })
    }))
  }
`

test('a process ends by itself when its servers are closed, although its stores are open', async (t) => {
  const urls = await Promise.all(Object.values(KINDS).map(sharedUrl))
  const script = ['-e', EXITING, join(__dirname, '..'), join(folder(t), 'sessions.db'), ...urls]
  const { stdout } = await promisify(execFile)(process.execPath, script, { timeout: 20_000 })
  assert.equal(stdout, '200 1\n'.repeat(5))
})

const UNREACHED = `
  const { RedisStore, PostgresStore, MySqlStore } = require(process.argv[1])
  const port = process.argv[2]
  for (const [Store, scheme] of [[RedisStore, 'redis'], [PostgresStore, 'postgres'], [MySqlStore, 'mysql']]) {
    const store = new Store(scheme + '://127.0.0.1:' + port + '/0')
    store.on('disconnect', () => {})
  }
`

test('stores whose servers nobody has reached keep no process alive', async () => {
  const script = ['-e', UNREACHED, join(__dirname, '..'), String(await freePort())]
  await promisify(execFile)(process.execPath, script, { timeout: 20_000 })
})

test('a process does not end while it waits for a store', async () => {
  const urls = await Promise.all(Object.values(KINDS).map(sharedUrl))
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', WAITING, join(__dirname, '..'), ...urls], { timeout: 20_000 })
  assert.equal(stdout, 'none\n'.repeat(3))
})

const WAITING = `
  const { RedisStore, PostgresStore, MySqlStore } = require(process.argv[1])
  const [redis, postgres, mysql] = process.argv.slice(2)
  for (const store of [
    new RedisStore(redis),
    new PostgresStore({ url: postgres, createTableIfMissing: true }),
    new MySqlStore(mysql)
  ]) {
    store.get('nobody').then((found) => console.log(found === null ? 'none' : 'some'))
  }
`

/** Nobody listens there. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

test('a process that exits at once has saved what it has answered', async (t) => {
  const path = join(folder(t), 'sessions.db')
  const script = `
    const { SqliteStore } = require(process.argv[1])
    const store = new SqliteStore({ path: process.argv[2] })
    if (process.argv[3] === 'write') store.set('ann', { cookie: {}, name: 'Ann' }, () => process.exit(0))
    else store.get('ann', (_error, session) => console.log(session.name))
  `
  const run = (what) => promisify(execFile)(process.execPath, ['-e', script, join(__dirname, '..'), path, what], { timeout: 20_000 })
  await run('write')
  assert.equal((await run('read')).stdout, 'Ann\n')
})
