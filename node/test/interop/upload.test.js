'use strict'

const { createHash } = require('node:crypto')

const application = require('./apps/upload')
const { sameOnExpress, visitor } = require('./helpers')

const SMALL = Buffer.from('a small file')
const LARGE = Buffer.alloc(99_000, 'x')
const noted = (name, content) => ({ name, hash: createHash('sha256').update(content).digest('hex') })

for (const sessionFirst of [true, false]) {
  const where = sessionFirst ? 'after the session' : 'before the session'
  const start = ({ t, session, express }) => visitor(t, application(session, express, { sessionFirst }))

  sameOnExpress(`multer ${where}: uploads are in the session after the redirect`, async (context) => {
    const browser = await start(context)
    await browser.post('/files').field('title', 'first').attach('files', SMALL, 'a.txt').attach('files', LARGE, 'b.bin').expect(302)
    await browser.get('/files').expect(200, { title: 'first', files: [noted('a.txt', SMALL), noted('b.bin', LARGE)] })
    await browser.post('/files').field('title', 'second').attach('files', SMALL, 'c.txt').expect(302)
    await browser.get('/files').expect(200, { title: 'second', files: [noted('a.txt', SMALL), noted('b.bin', LARGE), noted('c.txt', SMALL)] })
  })

  sameOnExpress(`multer ${where}: an upload that is too large leaves the session as it was`, async (context) => {
    const browser = await start(context)
    await browser.post('/files').field('title', 'first').attach('files', SMALL, 'a.txt').expect(302)
    await browser.post('/files').field('title', 'huge').attach('files', Buffer.alloc(100_001), 'b.bin').expect(413, '"LIMIT_FILE_SIZE"')
    await browser.get('/files').expect(200, { title: 'first', files: [noted('a.txt', SMALL)] })
  })
}
