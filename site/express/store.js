'use strict'

/** The store of the demo: the axum half's. */

// An application of your own says `require('handstamp')`.
const { MySqlStore, PostgresStore, RedisStore, SqliteStore } = require('../../node')

/** Seconds that a session lives which nobody uses; see `site/src/app.rs`. */
const ttl = 30 * 60

/** Opens the server that the URL leads to, or the SQLite file if there is none. Its table is the axum half's, too. */
function open(file, url) {
  if (url === undefined) return new SqliteStore({ path: file, ttl: ttl * 1000 })
  const protocol = url.slice(0, url.indexOf(':'))
  if (/^postgres(ql)?$/.test(protocol)) return new PostgresStore({ url, ttl })
  if (protocol === 'mysql') return new MySqlStore({ url, expiration: ttl * 1000, createDatabaseTable: false })
  return new RedisStore({ url, ttl })
}

module.exports = { open }
