/** The middleware: what `session()` returns. */

import { Application } from './application'
import debug from './debug'
import { Exchange } from './exchange'
import { MemoryStore } from './memory-store'
import type { SessionOptions } from './options'
import { matches, pathname } from './request'
import type { Next, Request, Response } from './request'
import { sessionsOf } from './sessions'
import type { Sessions } from './sessions'
import type { Store } from './store'

export interface Middleware extends Sessions {
  (req: Request, res: Response, next: Next): void
}

/** The middleware for these options, which also knows the users' sessions. */
export function session(options?: SessionOptions): Middleware {
  return middleware(options ?? {}, false)
}

/** The middleware of one of the profiles: express-session's, or the strict one. */
export function middleware(options: SessionOptions, strict: boolean): Middleware {
  const store = (options.store ?? new MemoryStore()) as Store
  const app = new Application(options, store, strict)
  const middleware = function session(req: Request, res: Response, next: Next): void {
    let go: () => void
    try {
      go = enter(app, req, res, next)
    } catch (error) {
      return next(error)
    }
    // Outside: `next` may be the handler itself, and what that throws is not ours to catch.
    go()
  }
  return Object.assign(middleware, sessionsOf(app))
}

/** How the request goes on. */
function enter(app: Application, req: Request, res: Response, next: Next): () => void {
  // Another session middleware was here before.
  if (req.session) return next
  if (!app.isStoreReady) {
    debug('store is disconnected')
    return next
  }
  const cookieOptions = app.options.cookie(req)
  if (!matches(pathname(req), (cookieOptions.path as string | undefined) || '/')) {
    debug('pathname mismatch')
    return next
  }
  const keyring = app.keyring(req)
  if (!keyring) return () => next(new Error('secret option required for sessions'))
  req.sessionStore = app.store
  const credentials = app.credentials(req, keyring)
  return () => new Exchange(app, req, res, next, cookieOptions).start(credentials)
}
