'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs/promises')
const path = require('node:path')

const application = require('./apps/static')
const { folder, sameOnExpress, sessionCookie, visitor } = require('./helpers')

const TEXT = '0123456789'.repeat(20_000) // more than one piece of a stream

async function start({ t, session, express }) {
  const root = await folder(t)
  await fs.mkdir(path.join(root, 'sub'))
  await fs.writeFile(path.join(root, 'page.txt'), TEXT)
  return visitor(t, application(session, express, root))
}

sameOnExpress('serve-static: who has no session gets files and no cookie', async (context) => {
  const response = await (await start(context)).get('/files/page.txt').expect(200, TEXT)
  assert.equal(response.headers['set-cookie'], undefined)
})

sameOnExpress('serve-static: a rolling cookie goes with each kind of answer', async (context) => {
  const browser = await start(context)
  const cookie = sessionCookie(await browser.get('/visit').expect(200))
  const { headers } = await browser.get('/files/page.txt').expect(200, TEXT)
  assert.equal(headers['content-length'], String(TEXT.length))
  const answers = [
    await browser.get('/files/page.txt').set('If-None-Match', headers.etag).expect(304, ''),
    await browser.get('/files/page.txt').set('If-Modified-Since', headers['last-modified']).expect(304),
    await browser.head('/files/page.txt').expect(200).expect('Content-Length', String(TEXT.length)),
    await browser.get('/files/page.txt').set('Range', 'bytes=10-14').expect(206, '01234').expect('Content-Range', `bytes 10-14/${TEXT.length}`),
    await browser.get('/files/page.txt').set('Range', 'bytes=999999-').expect(416),
    await browser.get('/files/sub').expect(301).expect('Location', '/files/sub/'),
    await browser.get('/files/missing.txt').expect(404)
  ]
  for (const answer of [{ headers }, ...answers]) assert.equal(sessionCookie(answer), cookie)
  await browser.get('/who').expect(200, 'true')
})

sameOnExpress('serve-static: files in front of the session have no cookie', async (context) => {
  const browser = await start(context)
  await browser.get('/visit').expect(200)
  const response = await browser.get('/public/page.txt').expect(200, TEXT)
  assert.equal(response.headers['set-cookie'], undefined)
})
