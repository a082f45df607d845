/** The package's front page: a function, and what hangs on it, as in express-session. */

import { Cookie } from './cookie'
import { session } from './middleware'
import { MemoryStore, SqliteStore } from './native-store'
import { Session } from './session'
import { Store } from './store'
import { strict } from './strict'

export = Object.assign(session, { Store, Cookie, Session, MemoryStore, SqliteStore, strict })
