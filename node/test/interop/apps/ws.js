'use strict'

// A WebSocket that knows the session of its page, as ws's own example does it.

const http = require('node:http')
const { WebSocketServer } = require('ws')

module.exports = (session, express) => {
  const app = express()
  const sessions = session({ secret: 'keyboard cat', resave: false, saveUninitialized: false })
  app.use(sessions)
  app.post('/login', (req, res) => {
    Object.assign(req.session, { user: req.query.user, messages: 0 })
    res.sendStatus(204)
  })
  app.post('/logout', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.sendStatus(204))))
  app.get('/', (req, res) => res.json({ user: req.session.user ?? null, messages: req.session.messages ?? null }))

  const server = http.createServer(app)
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (req, socket, head) => {
    sessions(req, {}, (error) => {
      if (error || !req.session.user) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
      sockets.handleUpgrade(req, socket, head, (peer) => converse(peer, req))
    })
  })
  return server
}

/** Each message is counted in the session as it is now, and answered with what came of it. */
function converse(peer, req) {
  peer.send(`welcome ${req.session.user}`)
  peer.on('message', (command) => {
    const { session } = req
    if (String(command) === 'save') return session.save((error) => peer.send(error ? error.message : 'saved'))
    session.reload((error) => {
      if (error) return peer.send(error.message)
      req.session.messages++
      req.session.save((error) => peer.send(error ? error.message : String(req.session.messages)))
    })
  })
}
