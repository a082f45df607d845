'use strict'

const assert = require('node:assert/strict')

const application = require('./apps/compression')
const { sameOnExpress, sessionCookie, visitor } = require('./helpers')

const { LINES } = application
const BODIES = { '/whole': LINES.join(''), '/pieces': `${LINES.join('')}the end\n`, '/flushed': LINES[0] + LINES[1] }

for (const compressionFirst of [true, false]) {
  const where = compressionFirst ? 'before the session' : 'after the session'
  const start = ({ t, session, express }) => visitor(t, application(session, express, { compressionFirst }))

  for (const [path, body] of Object.entries(BODIES)) {
    sameOnExpress(`compression ${where}: ${path} comes compressed, whole and with its cookie`, async (context) => {
      const browser = await start(context)
      for (const visits of ['1', '2']) {
        const response = await browser.get(path).expect(200, body)
        assert.equal(response.headers['content-encoding'], 'gzip')
        assert.equal(response.headers['x-visits'], visits)
        assert.ok(sessionCookie(response))
      }
    })

    sameOnExpress(`compression ${where}: ${path} comes as it is to who takes nothing compressed`, async (context) => {
      const response = await (await start(context)).get(path).set('Accept-Encoding', 'identity').expect(200, body)
      assert.equal(response.headers['content-encoding'], undefined)
      assert.ok(sessionCookie(response))
    })
  }

  sameOnExpress(`compression ${where}: answers without a body have their cookie`, async (context) => {
    const browser = await start(context)
    assert.ok(sessionCookie(await browser.get('/nothing').expect(204)))
    assert.ok(sessionCookie(await browser.head('/whole').expect(200)))
    assert.ok(sessionCookie(await browser.get('/redirect').expect(302)))
    await browser.get('/whole').expect('X-Visits', '4')
  })
}
