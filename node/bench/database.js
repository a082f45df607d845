'use strict'

// The sessions of a target on its database, in the database's own words: none of them, or very many.

const { TARGETS, databases } = require('./targets')

/** By kind of database: a client of it, and what is asked of it about a place. */
const KINDS = {
  redis: {
    client: async url => {
      const client = require('redis').createClient({ url })
      await client.connect()
      return client
    },
    close: client => client.close(),
    empty: client => client.flushDb(),
    async copy(client, prefix, copies) {
      for (let start = 0; start < copies; start += REDIS_STEP) {
        const end = Math.min(copies, start + REDIS_STEP)
        await client.eval(REDIS_COPY, { arguments: [prefix, String(start), String(end)] })
      }
    }
  },
  postgres: {
    client: async connectionString => {
      const client = new (require('pg').Client)({ connectionString })
      await client.connect()
      return client
    },
    close: client => client.end(),
    empty: (client, table) => client.query(`DROP TABLE IF EXISTS ${table}`),
    async copy(client, table, copies) {
      await client.query(`INSERT INTO ${table} (sid, sess, expire)
        SELECT left(translate(encode(sha256(n::text::bytea), 'base64'), '+/', '-_'), 32), sess, expire + n * interval '1 ms'
        FROM (SELECT sess, expire FROM ${table} LIMIT 1) AS one, generate_series(1, ${copies}) AS n`)
      // In the order of their ids, so that those which are read don't lie side by side. Each names its index differently.
      const { rows: [{ index }] } = await client.query(`SELECT indexrelid::regclass::text AS index FROM pg_index
        WHERE indrelid = '${table}'::regclass AND indisprimary`)
      await client.query(`CLUSTER ${table} USING ${index}`)
      await client.query(`VACUUM ANALYZE ${table}`)
    }
  },
  mysql: {
    client: url => require('mysql2/promise').createConnection(url),
    close: client => client.end(),
    empty: (client, table) => client.query(`DROP TABLE IF EXISTS ${table}`),
    // In the order of their ids, in which InnoDB keeps them: any other takes ten times as long.
    copy: (client, table, copies) => client.query(`INSERT INTO ${table} (session_id, expires, data)
      SELECT id, expires + n DIV 1000, data FROM (SELECT expires, data FROM ${table} LIMIT 1) AS one,
      (SELECT seq AS n, left(replace(replace(to_base64(unhex(sha2(seq, 256))), '+', '-'), '/', '_'), 32) AS id
       FROM seq_1_to_${copies}) AS ids ORDER BY id`)
  }
}

/** Redis answers nobody while a script runs. */
const REDIS_STEP = 100_000

/** Of all keys, each is a session of the only target there. */
const REDIS_COPY = `
  local one = redis.call('RANDOMKEY')
  local value, lifetime = redis.call('GET', one), redis.call('PTTL', one)
  for number = ARGV[2] + 1, ARGV[3] do
    redis.call('SET', ARGV[1] .. string.sub(redis.sha1hex(number), 1, 32), value, 'PX', lifetime + number % 1000000)
  end`

/** Takes away all sessions of a target (in Redis those of all targets), and their table, which it makes anew when it starts. */
const empty = name => ask(name, 'empty')

/**
 * Adds so many copies of one of a target's sessions, under other ids of the same kind: so those that the target has put
 * there lie among them, and not in a block.
 */
async function copy(name, copies) {
  if (copies > 0) await ask(name, 'copy', copies)
}

async function ask(name, what, ...rest) {
  const { database, place } = TARGETS[name]
  const kind = KINDS[database]
  const client = await kind.client(databases()[database])
  try {
    await kind[what](client, place, ...rest)
  } finally {
    await kind.close(client)
  }
}

module.exports = { copy, empty }
