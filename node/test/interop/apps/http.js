'use strict'

// A counter with no framework: what a session asks of a request and of its response.

module.exports = (session, options = {}) => {
  const sessions = session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, ...options })
  return (req, res) => {
    sessions(req, res, (error) => {
      if (error) {
        res.statusCode = 500
        return res.end(error.message)
      }
      answer(req, res)
    })
  }
}

function answer(req, res) {
  switch (req.url) {
    case '/visit':
      req.session.visits = (req.session.visits ?? 0) + 1
      return res.end(String(req.session.visits))
    case '/head':
      req.session.visits = 100
      res.writeHead(201, { 'Content-Type': 'text/plain', 'X-Kind': 'head' })
      return res.end('made')
    case '/pieces':
      req.session.visits = 200
      res.write('one ')
      return setImmediate(() => res.end('two'))
    case '/redirect':
      req.session.visits = 300
      res.writeHead(302, { Location: '/visit' })
      return res.end()
    case '/end':
      return req.session.destroy((error) => res.end(error ? error.message : 'ended'))
    case '/regenerate':
      return req.session.regenerate((error) => {
        req.session.visits = 400
        res.end(error ? error.message : 'regenerated')
      })
    default:
      return res.end(JSON.stringify(Object.keys(req.session)))
  }
}
