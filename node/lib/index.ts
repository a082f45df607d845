/** The package's front page: a function, and what hangs on it, as in express-session. */

import { Cookie } from './cookie'
import { MemoryStore } from './memory-store'
import { session } from './middleware'
import { MySqlStore } from './mysql-store'
import { PostgresStore } from './postgres-store'
import { RedisStore } from './redis-store'
import { Session } from './session'
import { SqliteStore } from './sqlite-store'
import { Store } from './store'
import { strict } from './strict'

export = Object.assign(session, {
  Store, Cookie, Session, MemoryStore, MySqlStore, PostgresStore, RedisStore, SqliteStore, strict
})
