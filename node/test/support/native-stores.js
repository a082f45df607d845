'use strict'

const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { test } = require('node:test')

const { MemoryStore, SqliteStore } = require('../..')

/** A folder that is gone after the test. */
function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'handstamp-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

const STORES = {
  MemoryStore: (t, options) => closing(t, new MemoryStore(options)),
  SqliteStore: (t, options) => {
    const path = join(folder(t), 'sessions.db')
    return Object.assign(closing(t, new SqliteStore({ path, ...options })), { path })
  }
}

function closing(t, store) {
  t.after(() => store.close())
  return store
}

/** The same test for each store of the engine; `open(options)` opens one. */
function onEachStore(name, act) {
  for (const [store, open] of Object.entries(STORES)) {
    test(`${store}: ${name}`, (t) => act(t, (options) => open(t, options)))
  }
}

module.exports = { closing, folder, onEachStore }
