/** Sessions in PostgreSQL. The options' names are connect-pg-simple's. */

import { addon } from './native'
import type { NativeStoreOptions } from './native-store'
import { Given, NetworkStore } from './network-store'

export interface PostgresStoreOptions extends Omit<NativeStoreOptions, 'ttl'> {
  /** `postgres://user:password@host:5432/database?sslmode=require`. */
  url?: string
  /** The same as `url`. */
  conString?: string
  /** The schema of the table. The connection's search path decides unless set. */
  schemaName?: string
  /** `session` unless set. */
  tableName?: string
  /** Makes the table, its index, and the column for owners, if they are not there. */
  createTableIfMissing?: boolean
  /** Seconds that a session lives which is not used and whose cookie has no maxAge. A day unless set. */
  ttl?: number
  /** Seconds between removals of expired sessions, about. 900 unless set; false: never. */
  pruneSessionInterval?: number | false
  /** Connections, each of which carries many calls at a time. */
  connections?: number
  /** Whether the server is reached through PgBouncer in transaction mode. */
  pgbouncer?: boolean
  /** A file with the certificates (PEM) that may vouch for the server. The system's unless set. */
  caFile?: string
}

const REASONS = {
  conObject: 'the store opens connections of its own; give it the url',
  disableTouch: 'a touch is written only when a twentieth of the time has gone',
  errorLog: "listen to the store's events 'disconnect' and 'connect'",
  pgPromise: 'the store opens connections of its own; give it the url',
  pool: 'the store opens connections of its own; give it the url',
  pruneSessionRandomizedInterval: 'the interval varies by itself'
}

/** Sessions in PostgreSQL, in the table of connect-pg-simple. */
export class PostgresStore extends NetworkStore {
  constructor(options: PostgresStoreOptions | string) {
    const given = new Given('PostgresStore', options).refuse(REASONS)
    const { conString, schemaName, tableName, createTableIfMissing, pruneSessionInterval, connections, pgbouncer, caFile, maxDocumentBytes, ...rest } = given
      .are('string', 'url', 'conString', 'schemaName', 'tableName', 'caFile')
      .are('boolean', 'createTableIfMissing', 'pgbouncer')
      .are('number', 'connections').options
    const url = rest.url ?? conString
    if (url === undefined) throw given.error('the url of the server is missing: new PostgresStore({ url: "postgres://127.0.0.1/app" })')
    const reapEvery = pruneSessionInterval === false ? Infinity : given.time('pruneSessionInterval', 'seconds')
    super(
      (tell) => addon.openPostgres({ url, schemaName, tableName, createTableIfMissing, reapEvery, connections, pgbouncer, caFile, maxDocumentBytes }, tell),
      { ttl: given.time('ttl', 'seconds'), maxDocumentBytes }
    )
  }
}
