'use strict'

// Stores, each opened for both libraries over the same sessions: what is opened makes the store of a library, and tells
// when a session expires.

const fs = require('node:fs')
const path = require('node:path')

const betterSqlite = require('better-sqlite3-session-store')
const Database = require('better-sqlite3')
const memorystore = require('memorystore')
const sessionFile = require('session-file-store')

const { expressSession, folder, handstamp, sqliteStore } = require('./helpers')
const plainStore = require('./plain-store')

/** Those of npm. */
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

/** Ours, which express-session takes as any other. */
const NATIVE = {
  'one MemoryStore of handstamp': () => one(new handstamp.MemoryStore()),
  'one SqliteStore of handstamp': (t) => one(sqliteStore(t))
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

module.exports = { EXPIRING, NATIVE, STORES: { ...EXPIRING, ...NATIVE, ...LASTING } }
