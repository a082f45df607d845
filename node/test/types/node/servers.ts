// Without Express: plain http, HTTP/2, and a WebSocket's handshake, whose response is nothing.

import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import session = require('handstamp')

declare module 'handstamp' {
  interface SessionData {
    views: number
  }
}

type WithSession = IncomingMessage & Express.Request

const sessions = session({
  secret: 'a',
  genid: (req) => `${req.headers.host}-${req.socket.remotePort}`,
  cookie: (req) => ({ secure: req.headers['x-forwarded-proto'] === 'https' })
})

const server = createServer((req, res) => {
  sessions(req, res, (error) => {
    const { session } = req as WithSession
    const views: number = session.update('views', (views) => (views ?? 0) + 1)
    // @ts-expect-error not declared
    session.viewers = 1
    res.statusCode = error ? 500 : 200
    res.end(String(views))
  })
})

server.on('upgrade', (req) => sessions(req, {}, () => (req as WithSession).session.save()))

createHttp2Server((req, res) => {
  sessions(req, res, async () => {
    await sessions.login(req, 'alice')
    res.end(sessions.userOf(req) ?? 'nobody')
  })
})
