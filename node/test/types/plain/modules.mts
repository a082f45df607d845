// The same by `import`.

import express, { type RequestHandler } from 'express'
import session, { Cookie, MemoryStore, Session, SqliteStore, Store, strict } from 'handstamp'
import type { Middleware, SessionData, SessionOptions } from 'handstamp'

declare module 'handstamp' {
  interface SessionData {
    theme: 'light' | 'dark'
  }
}

const options: SessionOptions = { secret: 'a', store: new MemoryStore() }
const sessions: Middleware = session(options)
const handler: RequestHandler = strict({ ...options, store: new SqliteStore('sessions.db') })

express().use(sessions, handler).get('/', async (req, res) => {
  const theme: SessionData['theme'] = req.session.update('theme', (theme) => (theme === 'dark' ? 'light' : 'dark'))
  // @ts-expect-error there is no such theme
  req.session.theme = 'blue'
  await req.session.save()
  res.json([theme, req.session instanceof Session, new Cookie().path, req.sessionStore instanceof Store, req.session.views])
})
