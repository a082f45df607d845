// For `import`: the same function, and by name what hangs on it.
import session from './dist/index.js'

export default session
export const { Cookie, MemoryStore, MySqlStore, PostgresStore, RedisStore, Session, SqliteStore, Store, strict } = session
