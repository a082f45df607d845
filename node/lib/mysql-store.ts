/** Sessions in MySQL or MariaDB. The options' names are express-mysql-session's. */

import { addon } from './native'
import type { NativeStoreOptions } from './native-store'
import { Given, NetworkStore } from './network-store'

export interface MySqlStoreOptions extends Omit<NativeStoreOptions, 'ttl'> {
  /** `mysql://user:password@host:3306/database`; or the parts of it: */
  url?: string
  host?: string
  port?: number
  user?: string
  password?: string
  database?: string
  /** Milliseconds that a session lives which is not used and whose cookie has no maxAge. A day unless set. */
  expiration?: number
  /** Whether expired sessions are removed. They are unless this is false. */
  clearExpired?: boolean
  /** Milliseconds between removals of expired sessions, about. 900,000 unless set. */
  checkExpirationInterval?: number
  /** Makes the table, and the column and indexes of ours, if they are not there. It does unless this is false. */
  createDatabaseTable?: boolean
  /** Connections at most. */
  connectionLimit?: number
  /** What the table and its columns are called. */
  schema?: { tableName?: string; columnNames?: { session_id?: string; expires?: string; data?: string } }
  /** A file with the certificates (PEM) that may vouch for the server. The system's unless set. */
  caFile?: string
}

const REASONS = {
  connection: 'the store opens connections of its own; give it the url',
  ssl: 'ask for TLS in the url, mysql://…?require_ssl=true; caFile names who may vouch for the server',
  socketPath: 'name the socket in the url, mysql://localhost/app?socket=/path',
  disableTouch: 'a touch is written only when a twentieth of the time has gone',
  ttl: 'express-mysql-session calls it expiration, in milliseconds'
}

const COLUMNS = ['session_id', 'expires', 'data'] as const

/** Sessions in MySQL or MariaDB, in the table of express-mysql-session. */
export class MySqlStore extends NetworkStore {
  constructor(options: MySqlStoreOptions | string, connection?: unknown) {
    const given = new Given('MySqlStore', options).refuse(REASONS)
    if (connection !== undefined) throw given.error(`it takes no connection: ${REASONS.connection}`)
    const { clearExpired, createDatabaseTable, connectionLimit, schema, caFile, maxDocumentBytes } = given
      .are('string', 'url', 'host', 'user', 'password', 'database', 'caFile')
      .are('number', 'port', 'connectionLimit')
      .are('boolean', 'clearExpired', 'createDatabaseTable').options
    const url = urlOf(given)
    const { tableName, columnNames } = new Given<NonNullable<typeof schema>>('MySqlStore', schema).are('string', 'tableName').options
    const names = new Given<Record<string, string>>('MySqlStore', columnNames).are('string', ...COLUMNS).options
    const other = Object.keys(names).find((name) => !(COLUMNS as readonly string[]).includes(name))
    if (other !== undefined) throw given.error(`there is no column ${other}; those with a name to choose are ${COLUMNS.join(', ')}`)
    super(
      (tell) => addon.openMysql({
        url, createTable: createDatabaseTable ?? true, reapEvery: clearExpired === false ? Infinity : given.time('checkExpirationInterval', 'milliseconds'),
        connections: connectionLimit, tableName, caFile, maxDocumentBytes,
        idColumn: names.session_id, expiresColumn: names.expires, dataColumn: names.data
      }, tell),
      { ttl: given.time('expiration', 'milliseconds'), maxDocumentBytes }
    )
  }
}

/** The URL of the server, which may be given in parts. */
function urlOf(given: Given<MySqlStoreOptions>): string {
  const { url, host = 'localhost', port = 3306, user = '', password = '', database } = given.options
  if (url !== undefined) return url
  if (database === undefined) throw given.error('the url of the server is missing: new MySqlStore({ url: "mysql://127.0.0.1/app" })')
  const secret = password === '' ? '' : `:${encodeURIComponent(password)}`
  const login = user === '' ? '' : `${encodeURIComponent(user)}${secret}@`
  const place = host.includes(':') ? `[${host}]` : host
  return `mysql://${login}${place}:${port}/${encodeURIComponent(database)}`
}
