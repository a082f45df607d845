// handstamp in a project whose other packages bring express-session's types.

import express = require('express')
import other = require('express-session')
import session = require('handstamp')

declare module 'express-session' {
  interface SessionData {
    user?: string
  }
}

declare module 'handstamp' {
  interface SessionData {
    views: number
  }
}

// What express-session takes, ours takes, and does.
const replacement: (options?: other.SessionOptions) => express.RequestHandler = session
const options: other.SessionOptions = { secret: 'a', cookie: { sameSite: 'lax' }, store: new other.MemoryStore() }
const app = express()
app.use(session(options), replacement(options), other({ secret: 'a' }))

app.get('/', async (req, res) => {
  const theirs: other.Session & Partial<other.SessionData> = req.session
  const user: string | undefined = req.session.user
  const views: number = req.session.update('views', (views) => (views ?? 0) + 1)
  // @ts-expect-error in neither
  req.session.vews = 1
  await req.session.save()
  await req.session.rotate()
  req.session.regenerate((error) => res.json([theirs.id, user, views, error]))
})

// A store for express-session.
class MapStore extends other.Store {
  get(_sid: string, callback: (error: any, session?: other.SessionData | null) => void): void {
    callback(null)
  }

  set(_sid: string, _session: other.SessionData, callback?: (error?: any) => void): void {
    callback?.()
  }

  destroy(_sid: string, callback?: (error?: any) => void): void {
    callback?.()
  }
}

session({ secret: 'a', store: new MapStore() })
