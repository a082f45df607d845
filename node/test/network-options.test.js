'use strict'

// The options of the stores in servers: names that users of connect-redis, connect-pg-simple and express-mysql-session
// know, checked when a store is made.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { MySqlStore, PostgresStore, RedisStore } = require('..')
const { addon } = require('../dist/native')

const redis = { url: 'redis://127.0.0.1:1' }
const postgres = { url: 'postgres://127.0.0.1:1/test' }
const mysql = { url: 'mysql://127.0.0.1:1/test' }

const own = 'the store opens connections of its own; give it the url'
const touch = 'a touch is written only when a twentieth of the time has gone'

const REFUSED = [
  ...[undefined, null, {}].flatMap((options) => [
    [RedisStore, options, 'the url of the server is missing: new RedisStore({ url: "redis://127.0.0.1:6379" })'],
    [PostgresStore, options, 'the url of the server is missing: new PostgresStore({ url: "postgres://127.0.0.1/app" })'],
    [MySqlStore, options, 'the url of the server is missing: new MySqlStore({ url: "mysql://127.0.0.1/app" })']
  ]),
  ...[[RedisStore, redis], [PostgresStore, postgres]].flatMap(([Store, given]) => [-1, NaN, '60', () => 60].map((ttl) => (
    [Store, { ...given, ttl }, 'ttl must be a number of seconds']
  ))),
  ...['expiration', 'checkExpirationInterval'].map((name) => [MySqlStore, { ...mysql, [name]: -1 }, `${name} must be a number of milliseconds`]),
  [PostgresStore, { ...postgres, pruneSessionInterval: true }, 'pruneSessionInterval must be a number of seconds'],

  [RedisStore, { url: 6379 }, 'url must be a string'],
  [RedisStore, { ...redis, prefix: 1 }, 'prefix must be a string'],
  [PostgresStore, { conString: {} }, 'conString must be a string'],
  [PostgresStore, { ...postgres, tableName: 1 }, 'tableName must be a string'],
  [PostgresStore, { ...postgres, createTableIfMissing: 'yes' }, 'createTableIfMissing must be a boolean'],
  [PostgresStore, { ...postgres, connections: '4' }, 'connections must be a number'],
  [MySqlStore, { host: 'localhost', port: '3306', database: 'app' }, 'port must be a number'],
  [MySqlStore, { ...mysql, schema: { tableName: 7 } }, 'tableName must be a string'],
  [MySqlStore, { ...mysql, schema: { columnNames: { data: 7 } } }, 'data must be a string'],
  [MySqlStore, { ...mysql, schema: { columnNames: { id: 'sid' } } }, 'there is no column id; those with a name to choose are session_id, expires, data'],

  [RedisStore, { client: {} }, `there is no option client: ${own}`],
  [RedisStore, { ...redis, disableTouch: true }, `there is no option disableTouch: ${touch}`],
  [RedisStore, { ...redis, disableTTL: true }, 'there is no option disableTTL: every session ends; a long ttl makes that late'],
  [RedisStore, { ...redis, serializer: JSON }, 'there is no option serializer: documents are JSON, so that every application reads them'],
  ...['pool', 'pgPromise', 'conObject'].map((name) => [PostgresStore, { [name]: {} }, `there is no option ${name}: ${own}`]),
  [PostgresStore, { ...postgres, disableTouch: true }, `there is no option disableTouch: ${touch}`],
  [PostgresStore, { ...postgres, errorLog: () => {} }, "there is no option errorLog: listen to the store's events 'disconnect' and 'connect'"],
  [PostgresStore, { ...postgres, pruneSessionRandomizedInterval: () => 1 }, 'there is no option pruneSessionRandomizedInterval: the interval varies by itself'],
  [MySqlStore, { ...mysql, ttl: 60 }, 'there is no option ttl: express-mysql-session calls it expiration, in milliseconds'],
  [MySqlStore, { ...mysql, disableTouch: true }, `there is no option disableTouch: ${touch}`],
  [MySqlStore, { database: 'app', ssl: {} }, 'there is no option ssl: ask for TLS in the url, mysql://…?require_ssl=true; caFile names who may vouch for the server'],
  [MySqlStore, { database: 'app', socketPath: '/run/mysqld.sock' }, 'there is no option socketPath: name the socket in the url, mysql://localhost/app?socket=/path']
]

const NESTED = [
  [{ wait: { replicas: 1 } }, 'wait: it needs both, replicas and timeout'],
  [{ wait: { replicas: '1', timeout: 100 } }, 'wait: replicas must be a number'],
  [{ nearCache: { bytes: '1 MB' } }, 'nearCache: bytes must be a number']
]
for (const [options, message] of NESTED) REFUSED.push([RedisStore, { ...redis, ...options }, message])

for (const [Store, options, message] of REFUSED) {
  test(`${Store.name} with ${show(options)} is refused: ${message}`, () => {
    assert.throws(() => new Store(options), new TypeError(`${Store.name}: ${message}`))
  })
}

test('MySqlStore takes no connection', () => {
  assert.throws(() => new MySqlStore(mysql, {}), new TypeError(`MySqlStore: it takes no connection: ${own}`))
})

/** What reaches the addon; nothing is opened. */
function opened(t, method, make) {
  const open = t.mock.method(addon, method)
  make().close()
  const [settings] = open.mock.calls[0].arguments
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

test('a string is the url', (t) => {
  assert.equal(opened(t, 'openRedis', () => new RedisStore(redis.url)).url, redis.url)
  assert.equal(opened(t, 'openPostgres', () => new PostgresStore(postgres.url)).url, postgres.url)
  assert.equal(opened(t, 'openMysql', () => new MySqlStore(mysql.url)).url, mysql.url)
})

test('connect-redis: prefix and ttl mean the same, and what is off may be said to be', (t) => {
  const options = { ...redis, prefix: 'app:', ttl: 60, disableTouch: false, disableTTL: false }
  assert.deepEqual(opened(t, 'openRedis', () => new RedisStore(options)), { ...redis, prefix: 'app:' })
})

test('what only RedisStore has reaches it', (t) => {
  const open = (options) => {
    t.mock.restoreAll()
    return opened(t, 'openRedis', () => new RedisStore({ ...redis, ...options }))
  }
  assert.deepEqual(open({ wait: { replicas: 1, timeout: 100 } }), { ...redis, waitReplicas: 1, waitTimeout: 100 })
  for (const nearCache of [true, {}]) assert.deepEqual(open({ nearCache }), { ...redis, nearCache: true })
  assert.deepEqual(open({ nearCache: false }), redis)
  assert.deepEqual(open({ nearCache: { sessions: 10, bytes: 1000, staleness: 50 } }), {
    ...redis, nearCache: true, nearSessions: 10, nearBytes: 1000, nearStaleness: 50
  })
})

test('connect-pg-simple: conString, schemaName, tableName, createTableIfMissing and pruneSessionInterval mean the same', (t) => {
  const { url } = postgres
  const names = { schemaName: 'web', tableName: 'visits', createTableIfMissing: true }
  const open = (options) => opened(t, 'openPostgres', () => new PostgresStore({ conString: url, ...names, ...options }))
  assert.deepEqual(open({ pruneSessionInterval: 60 }), { url, ...names, reapEvery: 60_000 })
  t.mock.restoreAll()
  assert.deepEqual(open({ pruneSessionInterval: false, ttl: 60 }), { url, ...names, reapEvery: Infinity })
})

test('express-mysql-session: the parts of the address, names, and times mean the same', (t) => {
  const open = (options) => {
    t.mock.restoreAll()
    return opened(t, 'openMysql', () => new MySqlStore(options))
  }
  const { url, ...usual } = open({ host: '::1', port: 3307, user: 'we b', password: 'p@ss:w/rd', database: 'a b' })
  assert.equal(url, 'mysql://we%20b:p%40ss%3Aw%2Frd@[::1]:3307/a%20b')
  assert.deepEqual(usual, { createTable: true })
  assert.equal(open({ database: 'app' }).url, 'mysql://localhost:3306/app')
  assert.equal(open({ user: 'web', database: 'app' }).url, 'mysql://web@localhost:3306/app')
  const schema = { tableName: 'visits', columnNames: { session_id: 'sid', expires: 'until', data: 'document' } }
  assert.deepEqual(open({ ...mysql, schema, createDatabaseTable: false, connectionLimit: 3, checkExpirationInterval: 1000 }), {
    ...mysql, createTable: false, connections: 3, reapEvery: 1000, tableName: 'visits', idColumn: 'sid', expiresColumn: 'until', dataColumn: 'document'
  })
  assert.equal(open({ ...mysql, clearExpired: false }).reapEvery, Infinity)
})

const SECRETS = [
  [RedisStore, { url: 'redis://user:hidden@127.0.0.1:1/no-number' }],
  [RedisStore, { url: 'rediss//user:hidden@127.0.0.1' }],
  [RedisStore, { url: 'http://user:hidden@127.0.0.1' }],
  [PostgresStore, { url: 'postgres://user:hidden@127.0.0.1:port/app' }],
  [PostgresStore, { url: 'http://user:hidden@127.0.0.1/app' }],
  [PostgresStore, { url: 'postgres://user:hidden@127.0.0.1/app?sslmode=perhaps' }],
  [MySqlStore, { url: 'mysql://user:hidden@127.0.0.1:port/app' }],
  [MySqlStore, { url: 'http://user:hidden@127.0.0.1/app' }],
  [MySqlStore, { url: 'mysql://user:hidden@127.0.0.1' }]
]

for (const [Store, options] of SECRETS) {
  test(`${Store.name}: ${options.url.replace('hidden', '…')} is refused at once, and the password stays hidden`, () => {
    assert.throws(() => new Store(options), (error) => {
      assert.equal(error.code, 'ERR_HANDSTAMP_STORE_REFUSED', error.message)
      assert.doesNotMatch(error.stack, /hidden/)
      return true
    })
  })
}

const MISSING = { caFile: '/no/such/file.pem' }

for (const [Store, url] of [[RedisStore, 'rediss://127.0.0.1:1'], [PostgresStore, 'postgres://127.0.0.1:1/app?sslmode=require'], [MySqlStore, mysql.url]]) {
  test(`${Store.name}: a file of certificates that is not there is refused at once, by its name`, () => {
    assert.throws(() => new Store({ url, ...MISSING }), { code: 'ERR_HANDSTAMP_STORE_REFUSED', message: /\/no\/such\/file\.pem/ })
  })
}

function show(options) {
  return JSON.stringify(options, (_key, value) => (value === JSON || typeof value === 'function' || Number.isNaN(value) ? String(value) : value))
}
