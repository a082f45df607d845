'use strict'

// Socket.IO with the session of its page, as Socket.IO's own guide does it.

const http = require('node:http')
const { Server } = require('socket.io')

module.exports = (session, express, options = {}) => {
  const app = express()
  const sessions = session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, ...options })
  app.use(sessions)
  app.post('/login', (req, res) => {
    req.session.user = 'alice'
    res.sendStatus(204)
  })
  app.post('/logout', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.sendStatus(204))))
  app.get('/cart', (req, res) => res.json(req.session.cart ?? []))

  const server = http.createServer(app)
  const io = new Server(server)
  io.engine.use(sessions)
  io.on('connection', (socket) => {
    const req = socket.request
    socket.emit('user', req.session.user ?? null)
    socket.on('add', (item, answer) => {
      req.session.reload((error) => {
        if (error) return answer({ error: error.message })
        req.session.cart = [...(req.session.cart ?? []), item]
        req.session.save((error) => answer({ error: error?.message, cart: req.session.cart }))
      })
    })
  })
  return { server, io }
}
