'use strict'

// Stores, each opened for both libraries over the same sessions: what is opened makes the store of a library. `expiry`
// tells when a session expires, `age` lets it have that much less time.

const fs = require('node:fs')
const path = require('node:path')

const { RedisStore: ConnectRedis } = require('connect-redis')
const betterSqlite = require('better-sqlite3-session-store')
const connectPgSimple = require('connect-pg-simple')
const Database = require('better-sqlite3')
const expressMySqlSession = require('express-mysql-session')
const memorystore = require('memorystore')
const mysql = require('mysql2/promise')
const pg = require('pg')
const redis = require('redis')
const sessionFile = require('session-file-store')

const { SERVERS, closing, newName } = require('../support/native-stores')
const { KINDS, sharedUrl } = require('../support/servers')
const { expressSession, folder, handstamp, sqliteStore } = require('./helpers')
const plainStore = require('./plain-store')

/** Those of npm that keep sessions here. */
const EXPIRING = {
  'better-sqlite3-session-store': async (t) => {
    const client = new Database(path.join(await folder(t), 'sessions.db'))
    t.after(() => client.close())
    return {
      make: (session) => new (withoutTimer(betterSqlite(session)))({ client }),
      expiry: (id) => new Date(client.prepare('SELECT expire FROM sessions WHERE sid = ?').pluck().get(id))
    }
  },

  'session-file-store': async (t) => {
    const directory = await folder(t)
    return {
      make: (session) => new (sessionFile(session))({ path: directory, retries: 0, reapInterval: -1, logFn() {} }),
      expiry: (id) => new Date(JSON.parse(fs.readFileSync(path.join(directory, `${id}.json`))).cookie.expires)
    }
  },

  'one memorystore, made for express-session': () => shared(new (memorystore(expressSession))({})),
  'one memorystore, made for handstamp': () => shared(new (memorystore(handstamp))({}))
}

/** connect-pg-simple's table, as its package has it. */
const PG_TABLE = fs.readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8')

/** Those of npm that keep sessions in servers. */
const SERVED = {
  'connect-redis': async (t) => {
    const [url, name] = [await sharedUrl('redis'), newName()]
    const client = redis.createClient({ url })
    await client.connect()
    t.after(() => client.close())
    const key = (id) => `${name}:${id}`
    return {
      place: { kind: 'RedisStore', url, name },
      make: () => new ConnectRedis({ client, prefix: `${name}:` }),
      expiry: async (id) => new Date(await client.pExpireTime(key(id))),
      age: async (id, milliseconds) => client.pExpire(key(id), (await client.pTTL(key(id))) - milliseconds),
      document: async (id) => JSON.parse(await client.get(key(id))),
      write: (id, document) => client.set(key(id), JSON.stringify(document), { expiration: { type: 'KEEPTTL' } })
    }
  },

  'connect-pg-simple': async (t) => {
    const [url, name] = [await sharedUrl('postgres'), newName()]
    const pool = new pg.Pool({ connectionString: url })
    t.after(() => pool.end())
    const column = async (expression, id) => (await pool.query(`SELECT ${expression} AS value FROM ${name} WHERE sid = $1`, [id])).rows[0]?.value
    const set = (assignment, ...values) => pool.query(`UPDATE ${name} SET ${assignment} WHERE sid = $1`, values)
    await pool.query(PG_TABLE.replaceAll(/"(?:session|session_pkey|IDX_session_expire)"/g, (quoted) => quoted.replace('session', name)))
    return {
      place: { kind: 'PostgresStore', url, name },
      make: (session) => new (connectPgSimple(session))({ pool, tableName: name, pruneSessionInterval: false }),
      expiry: (id) => column('expire', id),
      age: (id, milliseconds) => set("expire = expire - $2 * interval '1 millisecond'", id, milliseconds),
      document: (id) => column('sess', id),
      write: (id, document) => set('sess = $2', id, document)
    }
  },

  'express-mysql-session': async (t) => {
    const [url, name] = [await sharedUrl('mariadb'), newName()]
    const pool = mysql.createPool(url)
    t.after(() => pool.end())
    const column = async (name_, id) => (await pool.query('SELECT ?? AS value FROM ?? WHERE session_id = ?', [name_, name, id]))[0][0]?.value
    const set = (name_, value, id) => pool.query(`UPDATE ?? SET ?? = ${value} WHERE session_id = ?`, [name, name_, id])
    const make = (session, createDatabaseTable) => (
      new (expressMySqlSession(session))({ clearExpired: false, createDatabaseTable, schema: { tableName: name } }, pool)
    )
    await make(expressSession, true).onReady()
    return {
      place: { kind: 'MySqlStore', url, name },
      make: (session) => make(session, false),
      expiry: async (id) => new Date((await column('expires', id)) * 1000),
      age: (id, milliseconds) => set('expires', `expires - ${milliseconds / 1000}`, id),
      document: async (id) => JSON.parse(await column('data', id)),
      write: (id, document) => set('data', mysql.escape(JSON.stringify(document)), id)
    }
  }
}

/** The same, in one place with the store of ours that keeps sessions as they do. */
const BESIDE_OURS = Object.fromEntries(Object.entries(SERVED).map(([name, open]) => [`${name} beside ours`, async (t) => {
  const { make, place, ...tools } = await open(t)
  const own = () => closing(t, SERVERS[place.kind](place.url, place.name, {}))
  return { ...tools, make: (session) => (session === handstamp ? own() : make(session)) }
}]))

/** Ours, which express-session takes as any other. */
const NATIVE = {
  'one MemoryStore of handstamp': () => one(new handstamp.MemoryStore()),
  'one SqliteStore of handstamp': (t) => one(sqliteStore(t)),
  ...Object.fromEntries(Object.entries(SERVERS).map(([kind, make]) => [`one ${kind} of handstamp`, async (t) => (
    one(closing(t, make(await sharedUrl(KINDS[kind]), newName(), {})))
  )]))
}

/** Those that only `get`, `set` and `destroy`. */
const LASTING = {
  'a store of one\'s own': () => {
    const rows = new Map()
    return { make: (session) => new (plainStore(session))(rows) }
  },

  'one store of one\'s own, made for express-session': () => one(new (plainStore(expressSession))())
}

function one(store) {
  return { make: () => store }
}

function shared(store) {
  return { ...one(store), expiry: (id) => new Date(JSON.parse(store.store.get(id)).cookie.expires) }
}

/** The same, but for a timer that nothing can stop. */
function withoutTimer(Store) {
  return class extends Store {
    startInterval() {}
  }
}

module.exports = { BESIDE_OURS, EXPIRING, NATIVE, SERVED, STORES: { ...EXPIRING, ...SERVED, ...BESIDE_OURS, ...NATIVE, ...LASTING } }
