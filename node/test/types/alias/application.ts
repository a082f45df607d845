// An application as they are written for express-session and its types, on ours by that name.

import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import session, { type CookieOptions, MemoryStore, type SessionData, type SessionOptions, Store } from 'express-session'

declare module 'express-session' {
  interface SessionData {
    views: Record<string, number>
    user: string
    returnTo?: string
  }
}

const cookie: CookieOptions = { maxAge: 60_000, httpOnly: true, sameSite: 'lax', secure: 'auto', signed: true }
const options: SessionOptions = { secret: 'keyboard cat', resave: false, saveUninitialized: true, cookie, genid: (req: Request) => req.ip ?? '' }
const app = express()
app.set('trust proxy', 1)
app.use(session(options))

// Counting the visits of each page.
app.use((req, _res, next) => {
  const views = (req.session.views ??= {})
  views[req.path] = (views[req.path] ?? 0) + 1
  next()
})

// Signing in and out.
const isAuthenticated: RequestHandler = (req, _res, next) => (req.session.user ? next() : next('route'))

app.get('/', isAuthenticated, (req: Request, res: Response) => {
  res.send(`hello, ${req.session.user}, in ${(req.session.cookie.maxAge ?? 0) / 1000} s all is over`)
})

app.post('/login', express.urlencoded({ extended: false }), (req: Request, res: Response, next: NextFunction) => {
  req.session.regenerate((err) => {
    if (err) return next(err)
    req.session.user = req.body.user
    req.session.save((err) => (err ? next(err) : res.redirect('/')))
  })
})

app.get('/logout', (req, res, next) => {
  delete req.session.user
  req.session.save((err) => {
    if (err) next(err)
    req.session.regenerate((err) => (err ? next(err) : res.redirect('/')))
  })
})

// As passport's session manager does it: the data are kept across the change of the id.
function logIn(req: Request, user: string, keep: boolean, done: (err?: unknown) => void): void {
  const before: Partial<SessionData> = req.session
  req.session.regenerate((err: any) => {
    if (err) return done(err)
    if (keep) Object.assign(req.session, { ...before, cookie: req.session.cookie })
    req.session.user = user
    req.session.save(done)
  })
}

app.post('/passport', (req, res, next) => logIn(req, 'alice', true, (err) => (err ? next(err) : res.redirect(req.session.returnTo ?? '/'))))

// A store, and one that is asked outside of a request.
class FileStore extends Store {
  override get = (sid: string, callback: (err: any, session?: SessionData | null) => void): void => callback(null, stored(sid))
  override set = (_sid: string, _session: SessionData, callback?: (err?: any) => void): void => callback?.()
  override destroy = (_sid: string, callback?: (err?: any) => void): void => callback?.()
}

function stored(user: string): SessionData {
  return { cookie: { originalMaxAge: null }, views: {}, user }
}

const store: Store = Math.random() < 0.5 ? new MemoryStore() : new FileStore()
store.all?.((err, sessions) => console.log(err, sessions))
store.touch?.('an id', stored('alice'), () => {})
app.use(session({ secret: ['new', 'old'], store, unset: 'destroy', cookie: (req) => ({ domain: req.hostname }) }))

// And what is new.
app.get('/new', async (req, res) => {
  await req.session.rotate()
  const user: string = req.session.update('user', () => 'bob')
  // @ts-expect-error not declared
  req.session.update('nobody', () => 'bob')
  res.json(user)
})
