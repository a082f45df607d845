'use strict'

// Messages that are shown once, after a redirect.

const flash = require('connect-flash')

module.exports = (session, express) => {
  const app = express()
  app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }))
  app.use(flash())
  app.post('/save', (req, res) => {
    req.flash('info', 'Saved %s.', req.query.name)
    res.redirect('/')
  })
  app.post('/warn', (req, res) => {
    req.flash('warning', ['one', 'two'])
    req.flash('info', 'three')
    res.redirect('/elsewhere')
  })
  app.get('/elsewhere', (req, res) => res.redirect('/'))
  app.get('/', (req, res) => res.json(req.flash()))
  return app
}
