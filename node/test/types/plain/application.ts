// An Express application that uses what there is.

import express = require('express')
import session = require('handstamp')

const app = express()

const options: session.SessionOptions = {
  secret: ['new', Buffer.from('old'), new Uint8Array(32)],
  name: 'sid',
  store: new session.SqliteStore({ path: 'sessions.db', ttl: 60_000, synchronous: 'normal' }),
  genid: async (req) => `${req.hostname}-${Math.random()}`,
  cookie: (req) => ({ domain: req.hostname, secure: req.secure, sameSite: 'auto', maxAge: null }),
  resave: false,
  saveUninitialized: false,
  rolling: true,
  proxy: true,
  unset: 'destroy',
  storeDeadline: 1000,
  absoluteTimeout: 86_400_000,
  rotationGrace: 5000,
  maxSessionsPerUser: 3,
  transports: ['cookie', 'bearer', 'x-auth-token'],
  cacheHeaders: true,
  keepCookie: true
}

const sessions: session.Middleware = session(options)
const handler: express.RequestHandler = session.strict(options)
app.use(sessions, handler)
app.use('/admin', session({ secret: 'a', cookie: { path: '/admin', priority: 'high', partitioned: true } }))

app.get('/', async (req, res) => {
  const views: number = req.session.update('views', (views) => (views ?? 0) + 1)
  const cart = req.session.update('cart', (cart = []) => [...cart, { name: 'tea', price: 4.5 }])
  cart[0]?.price.toFixed(2)
  req.session.update('user', () => undefined)
  req.session.user?.roles.includes('admin')
  delete req.session.cart
  res.json({ views, id: req.sessionID.length })
})

app.post('/session', async (req, res, next) => {
  await req.session.save()
  await req.session.reload()
  await req.session.regenerate()
  await req.session.rotate()
  await req.session.destroy()
  const same: session.Session = req.session.save((error) => next(error)).touch().resetMaxAge()
  const given = undefined as ((error: any) => void) | undefined
  const either: session.Session | Promise<void> = req.session.destroy(given)
  res.json([same.id, either])
})

app.post('/cookie', (req, res) => {
  const { cookie } = req.session
  cookie.maxAge = 30 * 24 * 60 * 60 * 1000
  cookie.maxAge = null
  cookie.expires = false
  cookie.sameSite = 'strict'
  const left: number | undefined = cookie.maxAge
  const header: string = cookie.serialize('a', 'b')
  const stored: session.StoredCookie = cookie.toJSON()
  res.json([left, header, stored.originalMaxAge, new session.Cookie({ path: '/a' }).data])
})

app.post('/user', async (req, res) => {
  await sessions.login(req, 'alice', { device: { agent: 'a telephone' } })
  const user: string | null = sessions.userOf(req)
  const list: session.UserSession[] = await sessions.forUser('alice')
  const ended: boolean = await sessions.revoke('alice', list[0]!.id)
  const others: number = await sessions.revokeAll('alice', { except: req })
  const current: string | null = sessions.idOf(req)
  sessions.flash(req, 'info', 'Signed out.')
  const messages: string[] = sessions.flashes(req, 'info')
  if (!sessions.isNew(req)) await sessions.logout(req)
  res.json([user, ended, others, current, messages, list.map(({ lastSeen, device }) => [lastSeen?.toISOString(), device.agent])])
})

app.get('/stored', (req, res, next) => {
  req.sessionStore.get(req.sessionID, (error, found) => {
    if (error) return next(error)
    res.json(found?.cart?.[0]?.name)
  })
  req.sessionStore.generate(req)
})
