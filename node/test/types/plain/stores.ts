// Stores: ours with promises, and one of an application's own.

import session = require('handstamp')

type AnyStore = session.MemoryStore | session.SqliteStore | session.RedisStore | session.PostgresStore | session.MySqlStore

async function use(store: AnyStore): Promise<void> {
  const found: session.SessionData | null = await store.get('an id')
  if (found) await store.set('an id', found)
  if (found) await store.touch('an id', found)
  const all: { [id: string]: session.SessionData } = await store.all()
  const length: number = await store.length()
  await store.destroy('an id')
  await store.clear()
  store.get('an id', (error, session) => console.log(error, session?.cookie.expires, all, length))
  store.on('disconnect', () => store.close())
}

use(new session.MemoryStore({ shared: 'visitors', maxSessions: 1000, maxBytes: 1_000_000, maxDocumentBytes: 1000, ttl: 1000 }))
use(new session.SqliteStore('sessions.db'))

use(new session.RedisStore('redis://localhost'))
use(new session.RedisStore({
  url: 'rediss://user:password@localhost:6380/1', prefix: 'app:', ttl: 3600, caFile: 'ca.pem', maxDocumentBytes: 1000,
  wait: { replicas: 1, timeout: 100 }, nearCache: { sessions: 1000, bytes: 1_000_000, staleness: 1000 }
}))
use(new session.RedisStore({ url: 'redis+cluster://a:6379,b:6379', nearCache: true }))

use(new session.PostgresStore('postgres://localhost/app'))
use(new session.PostgresStore({
  conString: 'postgres://localhost/app?sslmode=require', schemaName: 'web', tableName: 'visits', createTableIfMissing: true,
  ttl: 3600, pruneSessionInterval: 60, connections: 2, pgbouncer: true, caFile: 'ca.pem', maxDocumentBytes: 1000
}))
use(new session.PostgresStore({ url: 'postgres://localhost/app', pruneSessionInterval: false }))

use(new session.MySqlStore('mysql://localhost/app'))
use(new session.MySqlStore({
  host: 'localhost', port: 3306, user: 'web', password: 'secret', database: 'app', expiration: 3_600_000, clearExpired: true,
  checkExpirationInterval: 60_000, createDatabaseTable: false, connectionLimit: 5, caFile: 'ca.pem', maxDocumentBytes: 1000,
  schema: { tableName: 'visits', columnNames: { session_id: 'id', expires: 'until', data: 'document' } }
}))

new session.RedisStore('redis://localhost').on('disconnect', (reason: Error) => console.log(reason.message))

class MapStore extends session.Store {
  private readonly sessions = new Map<string, string>()

  get(sid: string, callback: (error: any, session?: session.SessionData | null) => void): void {
    callback(null, JSON.parse(this.sessions.get(sid) ?? 'null'))
  }

  set(sid: string, data: session.SessionData, callback?: (error?: any) => void): void {
    this.sessions.set(sid, JSON.stringify(data))
    callback?.()
  }

  destroy(sid: string, callback?: (error?: any) => void): void {
    this.sessions.delete(sid)
    callback?.()
  }
}

const store: session.Store = new MapStore()
session({ secret: 'a', store })
store.load('an id', (error, session) => console.log(error, session?.views))
