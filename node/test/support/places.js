'use strict'

// Where sessions may be: a file, or servers of every kind. What a place is can be told to another process.

const { join } = require('node:path')

const { SqliteStore } = require('../..')
const { SERVERS, folder, newName } = require('./native-stores')
const { share, sharedServers } = require('./servers')

/** How a store reaches a server by what `handstamp-servers` says of it. */
const REACHED = {
  'RedisStore': ['RedisStore', 'redis'],
  'PostgresStore': ['PostgresStore', 'postgres'],
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

/** The URL of a shared server. */
async function urlOf(server) {
  return (await sharedServers()).urls[server]
}

/** Opens a store in a place, with connections of its own. */
function openAt({ path, kind, url, name, options = {} }) {
  return path ? new SqliteStore({ path }) : SERVERS[kind](url, name, options)
}

module.exports = { PLACES, openAt, shareAll, urlOf }
