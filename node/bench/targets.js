'use strict'

// What is measured: middlewares and their stores. All have the same options.
//
// Those on a database find it by the environment: HANDSTAMP_BENCH_DATABASES is JSON, such as
// {"redis":"redis://127.0.0.1:6379","postgres":"postgres://…","mysql":"mysql://…"}. Ours and theirs share a
// database and have tables of their own.

const path = require('node:path')

const SECRET = 'q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE'

/**
 * By name: how tables call it, whose middleware it is, on which database its sessions are, and the store it
 * makes, for files in this folder or for the database with this URL.
 */
const TARGETS = {
  'theirs-memory': {
    title: 'express-session, MemoryStore',
    store: () => new (theirs().MemoryStore)()
  },
  'ours-memory': {
    title: 'handstamp, MemoryStore',
    isOurs: true,
    store: () => new (ours().MemoryStore)()
  },
  'ours-over-theirs': {
    title: "handstamp, express-session's MemoryStore",
    isOurs: true,
    store: () => new (theirs().MemoryStore)()
  },
  'theirs-sqlite-normal': {
    title: 'better-sqlite3-session-store, NORMAL (default)',
    store: folder => betterSqlite(folder, 'NORMAL')
  },
  'ours-sqlite-normal': {
    title: 'handstamp, SqliteStore, NORMAL',
    isOurs: true,
    store: folder => new (ours().SqliteStore)({ path: file(folder), synchronous: 'normal' })
  },
  'theirs-sqlite-full': {
    title: 'better-sqlite3-session-store, FULL',
    store: folder => betterSqlite(folder, 'FULL')
  },
  'ours-sqlite-full': {
    title: 'handstamp, SqliteStore, FULL (default)',
    isOurs: true,
    store: folder => new (ours().SqliteStore)({ path: file(folder), synchronous: 'full' })
  },
  'theirs-redis': {
    title: 'connect-redis 9',
    database: 'redis',
    store: url => connectRedis(url, 'theirs:')
  },
  'ours-redis': {
    title: 'handstamp, RedisStore',
    isOurs: true,
    database: 'redis',
    store: url => new (ours().RedisStore)({ url, prefix: 'ours:' })
  },
  'ours-redis-near': {
    title: 'handstamp, RedisStore, near cache',
    isOurs: true,
    database: 'redis',
    store: url => new (ours().RedisStore)({ url, prefix: 'near:', nearCache: true })
  },
  'ours-over-connect-redis': {
    title: 'handstamp, connect-redis 9',
    isOurs: true,
    database: 'redis',
    store: url => connectRedis(url, 'mixed:')
  },
  'theirs-postgres': {
    title: 'connect-pg-simple 10',
    database: 'postgres',
    store: url => new (require('connect-pg-simple')(theirs()))({ conString: url, createTableIfMissing: true })
  },
  'ours-postgres': {
    title: 'handstamp, PostgresStore',
    isOurs: true,
    database: 'postgres',
    store: url => new (ours().PostgresStore)({ url, tableName: 'ours', createTableIfMissing: true })
  },
  'theirs-mysql': {
    title: 'express-mysql-session 3',
    database: 'mysql',
    store: url => expressMySql(url),
    // Its table is made meanwhile.
    ready: store => store.onReady()
  },
  'ours-mysql': {
    title: 'handstamp, MySqlStore',
    isOurs: true,
    database: 'mysql',
    store: url => new (ours().MySqlStore)({ url, schema: { tableName: 'ours' }, createDatabaseTable: true })
  }
}

/** The middleware of a target, its store, and a promise for when that is ready. */
function middleware(name, folder) {
  const { isOurs, database, store: make, ready } = TARGETS[name]
  const session = isOurs ? ours() : theirs()
  const store = make(database ? databases()[database] : folder)
  const sessions = session({ secret: SECRET, store, resave: false, saveUninitialized: false })
  return { sessions, store, ready: ready?.(store) }
}

// A server loads what it uses, and nothing else.
const ours = () => require('..')
const theirs = () => require('express-session')

const file = folder => path.join(folder, 'sessions.db')

function betterSqlite(folder, synchronous) {
  const client = new (require('better-sqlite3'))(file(folder))
  client.pragma('journal_mode = WAL')
  client.pragma(`synchronous = ${synchronous}`)
  return new (require('better-sqlite3-session-store')(theirs()))({ client })
}

function connectRedis(url, prefix) {
  const client = require('redis').createClient({ url })
  client.connect()
  return new (require('connect-redis').RedisStore)({ client, prefix })
}

function expressMySql(url) {
  const { hostname: host, port, username: user, password, pathname } = new URL(url)
  const database = pathname.slice(1)
  return new (require('express-mysql-session')(theirs()))({ host, port, user, password, database })
}

/** The URLs of the databases. */
function databases() {
  const urls = process.env.HANDSTAMP_BENCH_DATABASES
  if (!urls) throw new Error('HANDSTAMP_BENCH_DATABASES says nothing: see targets.js')
  return JSON.parse(urls)
}

module.exports = { SECRET, TARGETS, middleware }
