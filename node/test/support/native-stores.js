'use strict'

const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { test } = require('node:test')

const { MemoryStore, MySqlStore, PostgresStore, RedisStore, SqliteStore } = require('../..')
const { KINDS, sharedUrl } = require('./servers')

/** A folder that is gone after the test. */
function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'handstamp-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** Each gives a function that opens stores. In its options, `ttl` is milliseconds, whatever the store calls it. */
const LOCAL = {
  MemoryStore: (t) => (options) => closing(t, new MemoryStore(options)),
  SqliteStore: (t) => (options) => {
    const path = join(folder(t), 'sessions.db')
    return Object.assign(closing(t, new SqliteStore({ path, ...options })), { path })
  }
}

/** What a store in a server is made with: everything but the URL and what keeps it apart from others. */
const SERVERS = {
  RedisStore: (url, name, { ttl, ...options }) => new RedisStore({ url, prefix: `${name}:`, ttl: seconds(ttl), ...options }),
  PostgresStore: (url, name, { ttl, ...options }) => (
    new PostgresStore({ url, tableName: name, createTableIfMissing: true, ttl: seconds(ttl), ...options })
  ),
  MySqlStore: (url, name, { ttl, ...options }) => new MySqlStore({ url, schema: { tableName: name }, expiration: ttl, ...options })
}

const seconds = (milliseconds) => milliseconds && milliseconds / 1000

const remote = Object.entries(SERVERS).map(([kind, make]) => [kind, async (t) => {
  const url = await sharedUrl(KINDS[kind])
  return (options = {}) => closing(t, make(url, newName(), options))
}])
const REMOTE = Object.fromEntries(remote)

let names = 0

/** A prefix or a table that no other test of this process uses. */
const newName = () => `test_${++names}`

function closing(t, store) {
  t.after(() => store.close())
  return store
}

const onEach = (stores) => (name, act) => {
  for (const [store, opener] of Object.entries(stores)) {
    test(`${store}: ${name}`, async (t) => act(t, await opener(t)))
  }
}

/** The same test for each store of the engine; `open(options)` opens one. */
const onEachStore = onEach({ ...LOCAL, ...REMOTE })

/** For those that are in this process: no others share its clock. */
const onEachLocalStore = onEach(LOCAL)

/** For those in servers. */
const onEachServer = onEach(REMOTE)

module.exports = { REMOTE, SERVERS, closing, folder, newName, onEachLocalStore, onEachServer, onEachStore }
