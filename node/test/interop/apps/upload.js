'use strict'

// Uploads that are noted in the session.

const { createHash } = require('node:crypto')
const multer = require('multer')

module.exports = (session, express, { sessionFirst }) => {
  const upload = multer({ storage: multer.memoryStorage(), limits: { fileSize: 100_000 } }).array('files', 3)
  const sessions = session({ secret: 'keyboard cat', resave: false, saveUninitialized: false })
  const app = express()
  app.post('/files', ...(sessionFirst ? [sessions, upload] : [upload, sessions]), (req, res) => {
    const files = req.files.map(({ originalname, buffer }) => ({ name: originalname, hash: createHash('sha256').update(buffer).digest('hex') }))
    req.session.files = [...(req.session.files ?? []), ...files]
    req.session.title = req.body.title
    res.redirect('/files')
  })
  app.get('/files', sessions, (req, res) => res.json({ title: req.session.title, files: req.session.files ?? [] }))
  app.use((error, req, res, next) => res.status(413).json(error.code))
  return app
}
