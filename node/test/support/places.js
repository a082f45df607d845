'use strict'

// Where sessions may be: a file, or servers of every kind. What a place is can be told to another process.

const { join } = require('node:path')

const { SqliteStore } = require('../..')
const { SERVERS, folder, newName } = require('./native-stores')
const { share, sharedServers } = require('./servers')

/** How a store reaches a server by what `handstamp-servers` says of it. */
const REACHED = {
  'RedisStore': ['RedisStore', 'redis'],
  'RedisStore with a near cache': ['RedisStore', 'redis', { nearCache: true }],
  'RedisStore on Valkey': ['RedisStore', 'valkey'],
  'RedisStore on a Cluster': ['RedisStore', 'cluster'],
  'RedisStore behind Sentinels': ['RedisStore', 'sentinel'],
  'PostgresStore': ['PostgresStore', 'postgres'],
  'PostgresStore behind PgBouncer': ['PostgresStore', 'pgbouncer', { pgbouncer: true }],
  'MySqlStore': ['MySqlStore', 'mariadb']
}

/** Each gives a place where nobody else's sessions are. */
const PLACES = {
  SqliteStore: (t) => ({ path: join(folder(t), 'sessions.db') }),
  ...Object.fromEntries(Object.entries(REACHED).map(([place, [kind, server, options = {}]]) => (
    [place, async () => ({ kind, url: await urlOf(server), name: newName(), options })]
  )))
}

/** For the head of a test file: makes all of these servers some of the shared ones. */
function shareAll() {
  share(...Object.values(REACHED).map(([, server]) => server))
}

/** The URL that leads to a shared server, or to all that belong together. */
async function urlOf(server) {
  const { urls: { [server]: place } } = await sharedServers()
  if (server === 'cluster') return `redis+cluster://${place.map((url) => new URL(url).host).join(',')}`
  if (server === 'sentinel') return `redis+sentinel://${place.addresses.join(',')}/${place.master}`
  return place
}

/** Opens a store in a place, with connections of its own. */
function openAt({ path, kind, url, name, options = {} }) {
  return path ? new SqliteStore({ path }) : SERVERS[kind](url, name, options)
}

module.exports = { PLACES, openAt, shareAll, urlOf }
