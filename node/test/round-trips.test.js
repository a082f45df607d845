'use strict'

// How often a request asks its store: the table of docs, exactly, counted on the wire and by the servers. It is the one
// that crates/handstamp-drills/tests/it/round_trips.rs has for applications in Rust.

const assert = require('node:assert/strict')
const { test } = require('node:test')

const mysql = require('mysql2/promise')
const pg = require('pg')
const redis = require('redis')

const { SERVERS, closing, newName } = require('./support/native-stores')
const { KINDS, sharedUrl } = require('./support/servers')
const { site } = require('./support/site')
const { Wire } = require('./support/wire')

/** What requests do, and the round trips that each may cost. */
const TABLE = [
  ['/anonymous', 0],
  ['/create', 1],
  ['/read', 1],
  ['/write', 2],
  ['/touch', 2],
  // The touch before has made that none is due.
  ['/read', 1],
  ['/login', 3]
]

const HOUR = 60 * 60 * 1000

/** What a server has counted so far, by name. */
const COUNTS = {
  RedisStore: async (t, url) => {
    const client = redis.createClient({ url })
    await client.connect()
    t.after(() => client.close())
    return async () => {
      const lines = (await client.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)
      const counts = Array.from(lines, ([, command, calls]) => [command, Number(calls)])
      // The question itself, and whether the server is there, are not the visitor's.
      return Object.fromEntries(counts.filter(([command]) => command !== 'info' && command !== 'ping'))
    }
  },
  PostgresStore: async (t, url, name) => {
    const client = new pg.Client(url)
    await client.connect()
    t.after(() => client.end())
    const sql = `SELECT coalesce(sum(calls), 0)::int AS calls FROM pg_stat_statements
      WHERE query LIKE '%${name}%' AND query NOT LIKE '%pg_stat_statements%'`
    return async () => ({ statements: (await client.query(sql)).rows[0].calls })
  },
  MySqlStore: async (t, url) => {
    const client = await mysql.createConnection(url)
    t.after(() => client.end())
    return async () => ({ statements: Number((await client.query("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'"))[0][0].Value) })
  }
}

/** A site whose sessions end after a day, or after `ttl` milliseconds, if they are not used. */
async function visited(t, kind, url, name, ttl) {
  // Statements are prepared once on each connection, and the driver's pool gives out whichever it likes.
  const options = kind === 'MySqlStore' ? { ttl, connectionLimit: 1 } : { ttl }
  const { browser, errors, port, sessions } = await site(t, {
    store: closing(t, SERVERS[kind](url, name, options)),
    routes: {
      '/anonymous': () => 'hello',
      '/create': count,
      '/read': ({ session }) => session.n,
      '/write': count,
      '/login': async (req) => {
        await sessions.login(req, 'alice')
        return 'welcome'
      }
    }
  })
  const at = async (visitor, path) => {
    const { status } = await Object.assign(visitor, { port }).get(path)
    assert.equal(status, 200, errors[0]?.stack)
  }
  return { at, browser }
}

const count = ({ session }) => session.update('n', (n = 0) => n + 1)

for (const [kind, countsOf] of Object.entries(COUNTS)) {
  test(`${kind}: a request asks its server as often as the table says, and no more`, { timeout: 60_000 }, async (t) => {
    const [url, name] = [await sharedUrl(KINDS[kind]), newName()]
    const wire = await Wire.start(t, url)
    const calls = await countsOf(t, url, name)
    const usual = await visited(t, kind, wire.url, name)
    const hasty = await visited(t, kind, wire.url, name, 2 * HOUR)

    /** Sends a request of each kind, as one visitor; what each has cost. */
    const walk = async () => {
      const visitor = usual.browser()
      const rows = []
      for (const [path] of TABLE) {
        // So little is left of its time then that a touch is due.
        if (path === '/touch') await hasty.at(visitor, '/write')
        const before = await calls()
        wire.take()
        await usual.at(visitor, path === '/touch' ? '/read' : path)
        const trips = wire.take()
        rows.push({ path, trips, called: difference(before, await calls()) })
      }
      return rows
    }
    // All that is done once is done then: connections, prepared statements, scripts.
    for (let time = 0; time < 10; time++) await walk()
    const rows = await walk()
    assert.deepEqual(rows.map(({ path, trips }) => [path, trips]), TABLE)
    CALLED[kind](rows)
  })
}

/** That the server has counted the same. */
const CALLED = {
  RedisStore: (rows) => {
    // What scripts do is counted with the rest, so only those without one can be named.
    const named = { '/anonymous': {}, '/create': { set: 1 }, '/read': { get: 1, pttl: 1 } }
    for (const { path, called } of rows) if (path in named) assert.deepEqual(called, named[path], path)
  },
  PostgresStore: statements,
  MySqlStore: statements
}

function statements(rows) {
  assert.deepEqual(rows.map(({ path, called }) => [path, called.statements ?? 0]), TABLE)
}

function difference(before, after) {
  const names = Object.keys(after).filter((name) => after[name] !== before[name])
  return Object.fromEntries(names.map((name) => [name, after[name] - (before[name] ?? 0)]))
}
