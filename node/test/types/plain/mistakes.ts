// What can't be meant is refused: each line here that compiles is an error.

import session = require('handstamp')
import type { Request } from 'express'

// @ts-expect-error a secret is needed
session({ resave: false })
// @ts-expect-error a number is no secret
session({ secret: 1 })
// @ts-expect-error there are two ways
session({ secret: 'a', unset: 'forget' })
// @ts-expect-error not a store
session({ secret: 'a', store: new Map<string, string>() })
// @ts-expect-error milliseconds are numbers
session({ secret: 'a', absoluteTimeout: '30 days' })
// @ts-expect-error no such attribute
session({ secret: 'a', cookie: { maxage: 1 } })
// @ts-expect-error no such value
session({ secret: 'a', cookie: { sameSite: 'sometimes' } })
// @ts-expect-error ids are strings
session({ secret: 'a', genid: () => 1 })
// @ts-expect-error the strict profile needs options
session.strict()
// @ts-expect-error a file has a path
new session.SqliteStore({ ttl: 1000 })
// @ts-expect-error there is no third way
new session.SqliteStore({ path: 'a.db', synchronous: 'off' })
// @ts-expect-error a server has a URL
new session.RedisStore({ prefix: 'app:' })
// @ts-expect-error a client is not taken
new session.RedisStore({ url: 'redis://localhost', client: {} })
// @ts-expect-error seconds are a number
new session.RedisStore({ url: 'redis://localhost', ttl: () => 60 })
// @ts-expect-error a pool is not taken
new session.PostgresStore({ pool: {} })
// @ts-expect-error there is no way to always do it
new session.PostgresStore({ url: 'postgres://localhost/app', pruneSessionInterval: true })
// @ts-expect-error express-mysql-session calls it expiration
new session.MySqlStore({ url: 'mysql://localhost/app', ttl: 60 })
// @ts-expect-error this column is ours
new session.MySqlStore({ url: 'mysql://localhost/app', schema: { columnNames: { owner: 'who' } } })
// @ts-expect-error the base of stores is no store
new session.Store()

export async function mistakes(req: Request, sessions: session.Middleware): Promise<void> {
  // @ts-expect-error not declared
  req.session.vews = 1
  // @ts-expect-error not a number
  req.session.views = 'many'
  // @ts-expect-error not declared
  req.session.update('vews', () => 1)
  // @ts-expect-error not a number
  req.session.update('views', () => 'many')
  // @ts-expect-error a promise of a number is no number
  req.session.update('views', async (views) => (views ?? 0) + 1)
  // @ts-expect-error may be missing
  req.session.update('views', (views) => views + 1)
  // @ts-expect-error the cookie is no data
  req.session.update('cookie', (cookie) => cookie)
  // @ts-expect-error who?
  await sessions.login(req)
  // @ts-expect-error users are strings
  await sessions.login(req, 7)
  // @ts-expect-error `except` is a request
  await sessions.revokeAll('alice', { except: req.sessionID })
  // @ts-expect-error with a callback there is no promise
  req.session.save(() => {}).then(() => {})
}
