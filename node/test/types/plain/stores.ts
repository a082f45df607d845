// Stores: ours with promises, and one of an application's own.

import session = require('handstamp')

async function use(store: session.MemoryStore | session.SqliteStore): Promise<void> {
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
