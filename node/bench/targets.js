'use strict'

// What is measured: middlewares and their stores. All have the same options.

const path = require('node:path')

const SECRET = 'q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE'

/** By name: how tables call it, whose middleware it is, and the store it makes for files in this folder. */
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
  }
}

/** The middleware of a target, and its store. */
function middleware(name, folder) {
  const { isOurs, store: make } = TARGETS[name]
  const session = isOurs ? ours() : theirs()
  const store = make(folder)
  return { sessions: session({ secret: SECRET, store, resave: false, saveUninitialized: false }), store }
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

module.exports = { SECRET, TARGETS, middleware }
