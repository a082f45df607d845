'use strict'

// The stores in servers: what happens while a server is away, and what they leave behind.

const assert = require('node:assert/strict')
const { once } = require('node:events')
const { test } = require('node:test')

const express = require('express')
const mysql = require('mysql2/promise')
const pg = require('pg')
const redis = require('redis')

const { MySqlStore, PostgresStore, RedisStore } = require('..')
const session = require('..')
const { Browser } = require('./support/browser')
const { SERVERS, closing, newName, onEachServer } = require('./support/native-stores')
const { urlOf } = require('./support/places')
const { KINDS, share, sharedServers, sharedUrl } = require('./support/servers')
const { DEFAULTS, site } = require('./support/site')
const { heard, until } = require('./support/waiting')

share(...Object.values(KINDS).flatMap((name) => [`${name}-proxy`, `${name}-socket`]))
share('redis-user', 'redis-tls', 'postgres-tls', 'mariadb-tls', 'pgbouncer', 'cluster', 'sentinel')

const UNAVAILABLE = 'ERR_HANDSTAMP_STORE_UNAVAILABLE'
const TIMEOUT = 'ERR_HANDSTAMP_STORE_TIMEOUT'

const routes = {
  '/new': (req) => (req.session.name = 'Ann'),
  '/read': (req) => req.session.name ?? null,
  '/write': (req) => (req.session.visits = (req.session.visits ?? 0) + 1)
}

/** Counts what a store has told. */
function told(store) {
  const events = []
  store.on('connect', (...rest) => events.push(['connect', ...rest]))
  store.on('disconnect', (...rest) => events.push(['disconnect', ...rest]))
  return events
}

const named = (events) => events.map(([event]) => event)

for (const [kind, server] of Object.entries(KINDS)) {
  const open = (t, url, options = {}) => closing(t, SERVERS[kind](url, newName(), options))

  test(`${kind}: while its server is away, requests that need their session fail, and afterwards all is well`, async (t) => {
    const servers = await sharedServers()
    const store = open(t, servers.urls[server])
    const events = told(store)
    await heard(store, 'connect')
    const { browser, errors } = await site(t, { store, routes })
    const visitor = browser()
    await visitor.get('/new')

    const lost = heard(store, 'disconnect')
    await servers.tell(`kill ${server}`)
    for (const path of ['/read', '/write']) {
      const start = Date.now()
      const { status, cookies } = await visitor.get(path)
      assert.deepEqual([status, cookies], [500, []])
      assert.ok(Date.now() - start < 6000, 'it does not hang')
    }
    for (const error of errors) assert.deepEqual([error.code, error.status], [UNAVAILABLE, 503])
    const [reason] = await lost
    assert.ok(reason instanceof Error)
    assert.match(reason.message, /\S/)
    // Who has no session needs no store.
    assert.equal((await browser().get('/read')).status, 200)

    const found = heard(store, 'connect')
    await servers.tell(`start ${server}`)
    // Some stores find out when they are asked.
    await until(async () => (await visitor.get('/new')).status === 200)
    await found
    assert.equal(await visitor.read('/read'), 'Ann')
    assert.deepEqual(named(events), ['connect', 'disconnect', 'connect'])
  })

  test(`${kind}: a server that comes later than the application is used as soon as it is there`, async (t) => {
    const servers = await sharedServers()
    await servers.tell(`kill ${server}`)
    const store = open(t, servers.urls[server])
    const events = told(store)
    await heard(store, 'disconnect')
    const { browser, errors } = await site(t, { store, routes })
    assert.equal((await browser().get('/new')).status, 500)
    assert.deepEqual([errors[0].code, errors[0].status], [UNAVAILABLE, 503])
    await servers.tell(`start ${server}`)
    const visitor = browser()
    await until(async () => (await visitor.get('/new')).status === 200)
    assert.equal(await visitor.read('/read'), 'Ann')
    assert.deepEqual(named(events), ['disconnect', 'connect'])
  })

  test(`${kind}: a server that does not answer makes no request wait for longer than storeDeadline`, async (t) => {
    const servers = await sharedServers()
    const store = open(t, servers.urls[`${server}-proxy`])
    const { browser, errors } = await site(t, { store, routes, storeDeadline: 300 })
    const visitor = browser()
    await until(async () => (await visitor.get('/new')).status === 200)
    errors.length = 0
    await servers.tell(`black-hole ${server}-proxy`)
    for (const path of ['/read', '/write']) {
      const start = Date.now()
      assert.equal((await visitor.get(path)).status, 500)
      assert.ok(Date.now() - start < 3000, 'it does not hang')
    }
    for (const { code, status } of errors) assert.deepEqual([code, status], [TIMEOUT, 503])
    await servers.tell(`heal ${server}-proxy`)
    await until(async () => (await visitor.get('/read')).status === 200)
    assert.equal(await visitor.read('/read'), 'Ann')
  })

  test(`${kind}: Express answers 503 while the server is away`, async (t) => {
    const servers = await sharedServers()
    const store = open(t, servers.urls[server])
    await heard(store, 'connect')
    const app = express()
    // Else it would print the error.
    app.set('env', 'test')
    app.use(session({ ...DEFAULTS, store }))
    app.get('/', (req, res) => res.json(req.session.visits = (req.session.visits ?? 0) + 1))
    const listening = app.listen(0, '127.0.0.1')
    t.after(() => listening.close())
    await once(listening, 'listening')
    const visitor = new Browser(listening.address().port)
    assert.deepEqual([await visitor.read('/'), await visitor.read('/')], [1, 2])
    await servers.tell(`kill ${server}`)
    const { status } = await visitor.get('/')
    await servers.tell(`start ${server}`)
    assert.equal(status, 503)
  })
}

/** The other connections that a server has: whether each came over the network or by a Unix socket. */
const CONNECTIONS = {
  RedisStore: async (t, url) => {
    const client = redis.createClient({ url })
    await client.connect()
    t.after(() => client.close())
    const own = await client.clientId()
    return async () => (await client.clientList()).filter(({ id }) => id !== own).map(({ addr }) => (addr.endsWith('.sock:0') ? 'socket' : 'network'))
  },
  PostgresStore: async (t, url) => {
    const client = new pg.Client(url)
    await client.connect()
    t.after(() => client.end())
    const query = "SELECT client_addr FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    return async () => (await client.query(query)).rows.map(({ client_addr: address }) => (address === null ? 'socket' : 'network'))
  },
  MySqlStore: async (t, url) => {
    const client = await mysql.createConnection(url)
    t.after(() => client.end())
    const query = "SELECT host FROM information_schema.processlist WHERE user = 'root' AND id <> connection_id()"
    // Those of the network have a port.
    return async () => (await client.query(query))[0].map(({ host }) => (host === 'localhost' ? 'socket' : 'network'))
  }
}

for (const [kind, connectionsOf] of Object.entries(CONNECTIONS)) {
  for (const [way, entrance] of [['network', ''], ['socket', '-socket']]) {
    test(`${kind}: a store that reaches its server by the ${way} ends its connections when it is closed`, async (t) => {
      const { urls } = await sharedServers()
      const server = KINDS[kind]
      const connections = await connectionsOf(t, urls[server])
      await until(async () => (await connections()).length === 0)
      const store = SERVERS[kind](urls[server + entrance], newName(), {})
      await Promise.all(Array.from({ length: 20 }, (_, at) => store.set(`id-${at}`, { cookie: {}, name: 'Ann' })))
      assert.equal((await store.get('id-7')).name, 'Ann')
      assert.deepEqual(new Set(await connections()), new Set([way]))
      store.close()
      await until(async () => (await connections()).length === 0)
    })
  }
}

test('a password that the server does not take is told, and stays hidden', async (t) => {
  const { urls } = await sharedServers()
  const url = new URL(urls['redis-user'])
  url.password = 'not-the-password'
  const store = closing(t, new RedisStore(url.href))
  const [reason] = await heard(store, 'disconnect')
  await assert.rejects(store.get('an-id'), (error) => {
    assert.equal(error.code, 'ERR_HANDSTAMP_STORE_REFUSED', error.message)
    for (const { message, stack } of [reason, error]) assert.doesNotMatch(message + stack, /not-the-password/)
    return true
  })
})

test('RedisStore speaks TLS, with an authority of one\'s own', async (t) => {
  const { urls } = await sharedServers()
  await works(closing(t, new RedisStore({ url: urls['redis-tls'], caFile: urls['redis-tls-authority'] })))
})

test('PostgresStore speaks TLS, with an authority of one\'s own, and works behind PgBouncer', async (t) => {
  const { urls } = await sharedServers()
  for (const options of [{ url: urls['postgres-tls'], caFile: urls['postgres-tls-authority'] }, { url: urls.pgbouncer, pgbouncer: true }]) {
    await works(closing(t, new PostgresStore({ ...options, createTableIfMissing: true })))
  }
})

test('MySqlStore speaks TLS, with an authority of one\'s own, to a user who has to', async (t) => {
  const { urls } = await sharedServers()
  const client = await mysql.createConnection(urls['mariadb-tls'])
  t.after(() => client.end())
  await client.query("CREATE USER careful IDENTIFIED BY 'a password' REQUIRE SSL")
  await client.query('GRANT ALL ON handstamp.* TO careful')
  const url = new URL(urls['mariadb-tls'])
  Object.assign(url, { username: 'careful', password: 'a password' })
  const open = (options) => closing(t, new MySqlStore({ url: url.href, ...options }))
  await assert.rejects(open().get('an-id'), { code: 'ERR_HANDSTAMP_STORE_REFUSED' })
  await works(open({ caFile: urls['mariadb-tls-authority'] }))
})

async function works(store) {
  await store.set('an-id', { cookie: {}, name: 'Ann' })
  assert.equal((await store.get('an-id')).name, 'Ann')
}

test('RedisStore keeps sessions in a Cluster and behind Sentinels', async (t) => {
  for (const server of ['cluster', 'sentinel']) {
    const store = closing(t, new RedisStore({ url: await urlOf(server), wait: { replicas: 1, timeout: 1000 } }))
    const { browser, sessions, errors } = await site(t, { store, routes: { ...routes, '/login': (req) => sessions.login(req, 'ann').then(() => true) } })
    const visitor = browser()
    for (const path of ['/new', '/login', '/write']) assert.equal((await visitor.get(path)).status, 200, errors[0]?.stack)
    assert.equal(await visitor.read('/read'), 'Ann')
    assert.equal((await sessions.forUser('ann')).length, 1)
    assert.equal(Object.keys(await store.all()).length, 1)
    assert.equal(await sessions.revokeAll('ann'), 1)
    assert.equal(await visitor.read('/read'), null)
  }
})

test('RedisStore with a near cache asks the server no more than needed, and learns of what others change', async (t) => {
  const { urls } = await sharedServers()
  const prefix = `${newName()}:`
  const [cached, other] = [{ nearCache: true }, {}].map((options) => closing(t, new RedisStore({ url: urls.redis, prefix, ...options })))
  const client = redis.createClient({ url: urls.redis })
  await client.connect()
  t.after(() => client.close())
  await cached.set('an-id', { cookie: {}, name: 'Ann' })
  const reads = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
  // Once the server tells of changes, what was read is kept.
  await until(async () => {
    const before = await reads()
    for (let read = 0; read < 5; read++) assert.equal((await cached.get('an-id')).name, 'Ann')
    return (await reads()) - before === 0
  })
  await other.set('an-id', { cookie: {}, name: 'Bea' })
  await until(async () => (await cached.get('an-id')).name === 'Bea')
  await other.destroy('an-id')
  await until(async () => (await cached.get('an-id')) === null)
})

onEachServer('ttl has the unit of the package that is replaced', async (_t, open) => {
  const { remaining } = await aMoment(open({ ttl: 60_000 }))
  assert.ok(remaining > 50_000 && remaining <= 61_000, `${remaining} ms are left`)
})

async function aMoment(store) {
  await store.set('an-id', { cookie: {} })
  return store.engine({ ttl: 60_000 }).load('an-id')
}

test('a schema, a table and columns may have any name', async (t) => {
  const [postgres, mariadb] = await Promise.all(['postgres', 'mariadb'].map(sharedUrl))
  const client = new pg.Client(postgres)
  await client.connect()
  t.after(() => client.end())
  await client.query('CREATE SCHEMA "odd ""schema"')
  const stores = [
    new PostgresStore({ url: postgres, schemaName: 'odd "schema', tableName: 'odd "table; --', createTableIfMissing: true }),
    new MySqlStore({ url: mariadb, schema: { tableName: 'odd `table; --', columnNames: { session_id: 'the `id', expires: 'the end', data: 'data?' } } })
  ]
  for (const store of stores) {
    closing(t, store)
    await store.set('an-id', { cookie: {}, name: 'Ann' })
    assert.equal((await store.get('an-id')).name, 'Ann')
    assert.equal(await store.length(), 1)
  }
})

for (const [Store, server] of [[PostgresStore, 'postgres'], [MySqlStore, 'mariadb']]) {
  test(`${Store.name}: a table that is missing, and shall not be made, is an error that names it`, async (t) => {
    const [url, name] = [await sharedUrl(server), newName()]
    const options = Store === PostgresStore ? { tableName: name } : { schema: { tableName: name }, createDatabaseTable: false }
    const store = closing(t, new Store({ url, ...options }))
    await assert.rejects(store.get('an-id'), { code: 'ERR_HANDSTAMP_STORE_REFUSED', message: new RegExp(name) })
  })
}
