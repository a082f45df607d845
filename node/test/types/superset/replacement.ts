// Whatever express-session's types have, ours have.

import other = require('express-session')
import session = require('handstamp')
import type { RequestHandler } from 'express'

// But for `new MemoryStore(options)`, whose options are an EventEmitter's there.
export const replacement: Omit<typeof other, 'MemoryStore'> = session
export const middleware: (options?: other.SessionOptions) => RequestHandler = session
export const options: session.SessionOptions = {} as other.SessionOptions
export const cookieOptions: session.CookieOptions = {} as other.CookieOptions
export const inherited: other.Session = {} as session.Session
export const store: other.MemoryStore = new session.MemoryStore()
export const data: other.SessionData = {} as session.SessionData
