'use strict'

const assert = require('node:assert/strict')

const application = require('./apps/cookie-parser')
const { sameOnExpress, sessionCookie, visitor } = require('./helpers')

const WAYS = {
  'before the session, with its secret': { parserFirst: true, secret: 'keyboard cat' },
  'before the session, with another secret': { parserFirst: true, secret: 'other' },
  'before the session, with no secret': { parserFirst: true },
  'before the session, which has its secret from there': { parserFirst: true, secret: 'keyboard cat', sessionSecret: undefined },
  'after the session, with its secret': { parserFirst: false, secret: 'keyboard cat' },
  'after the session, with another secret': { parserFirst: false, secret: 'other' },
  'after the session, with no secret': { parserFirst: false }
}

for (const [way, options] of Object.entries(WAYS)) {
  sameOnExpress(`cookie-parser ${way}: the session and the other cookies come back`, async ({ t, session, express }) => {
    const browser = await visitor(t, application(session, express, options))
    const response = await browser.get('/visit').expect(200, '1')
    assert.deepEqual(response.headers['set-cookie'].map((line) => line.split('=')[0]), ['theme', 'plan', 'connect.sid'])
    assert.ok(sessionCookie(response))
    await browser.get('/visit').expect(200, '2')
    await browser.get('/cookies').expect(200, { plan: { pro: true }, theme: 'dark', visits: 2 })
  })

  sameOnExpress(`cookie-parser ${way}: a cookie that was tampered with is no session`, async ({ t, session, express }) => {
    const app = application(session, express, options)
    const [name, value] = sessionCookie(await (await visitor(t, app)).get('/visit')).split('=')
    const forged = value.replace(/^s%3A./, (start) => start.slice(0, -1) + (start.endsWith('A') ? 'B' : 'A'))
    await (await visitor(t, app)).get('/cookies').set('Cookie', `${name}=${forged}`).expect(200, { visits: 0 })
  })
}
