'use strict'

// What is measured: middlewares and their stores. All have the same options.
//
// Those on a database find it by the environment: HANDSTAMP_BENCH_DATABASES is JSON, such as
// {"redis":"redis://127.0.0.1:6379","postgres":"postgres://…","mysql":"mysql://…"}. Ours and theirs share a
// database and have tables of their own, which are emptied: name databases that nobody else uses.

const path = require('node:path')

const SECRET = 'q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE'

/**
 * By name: how tables call it, whose middleware it is, on which database its sessions are and in what place
 * there (Redis: what keys begin with; others: the table), and the store it makes, for files in this folder
 * or for that place in the database with this URL.
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
    place: 'theirs:',
    store: connectRedis
  },
  'ours-redis': {
    title: 'handstamp, RedisStore',
    isOurs: true,
    database: 'redis',
    place: 'ours:',
    store: (url, prefix) => new (ours().RedisStore)({ url, prefix })
  },
  'ours-redis-near': {
    title: 'handstamp, RedisStore, near cache',
    isOurs: true,
    database: 'redis',
    place: 'near:',
    store: (url, prefix) => new (ours().RedisStore)({ url, prefix, nearCache: true })
  },
  'ours-over-connect-redis': {
    title: 'handstamp, connect-redis 9',
    isOurs: true,
    database: 'redis',
    place: 'mixed:',
    store: connectRedis
  },
  'theirs-postgres': {
    title: 'connect-pg-simple 10',
    database: 'postgres',
    place: 'theirs',
    store: connectPgSimple
  },
  'ours-postgres': {
    title: 'handstamp, PostgresStore',
    isOurs: true,
    database: 'postgres',
    place: 'ours',
    store: (url, tableName) => new (ours().PostgresStore)({ url, tableName, createTableIfMissing: true })
  },
  'theirs-mysql': {
    title: 'express-mysql-session 3',
    database: 'mysql',
    place: 'theirs',
    store: expressMySql,
    // Its table is made meanwhile.
    ready: store => store.onReady()
  },
  'ours-mysql': {
    title: 'handstamp, MySqlStore',
    isOurs: true,
    database: 'mysql',
    place: 'ours',
    store: (url, tableName) => new (ours().MySqlStore)({ url, schema: { tableName }, createDatabaseTable: true })
  }
}

/** The middleware of a target, its store, and a promise for when that is ready. */
function middleware(name, folder) {
  const { isOurs, database, place, store: make, ready } = TARGETS[name]
  const session = isOurs ? ours() : theirs()
  const store = database ? make(databases()[database], place) : make(folder)
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

function connectPgSimple(conString, tableName) {
  return new (require('connect-pg-simple')(theirs()))({ conString, tableName, createTableIfMissing: true })
}

function expressMySql(url, tableName) {
  const { hostname: host, port, username: user, password, pathname } = new URL(url)
  const options = { host, port, user, password, database: pathname.slice(1), schema: { tableName } }
  return new (require('express-mysql-session')(theirs()))(options)
}

/** The URLs of the databases. */
function databases() {
  const urls = process.env.HANDSTAMP_BENCH_DATABASES
  if (!urls) throw new Error('HANDSTAMP_BENCH_DATABASES says nothing: see targets.js')
  return JSON.parse(urls)
}

module.exports = { SECRET, TARGETS, databases, middleware }
