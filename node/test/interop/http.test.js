'use strict'

const assert = require('node:assert/strict')

const connect = require('connect')

const application = require('./apps/http')
const { same, sessionCookie, visitor, visitors } = require('./helpers')

const HOSTS = {
  'plain http': application,
  Connect: (session) => connect().use(application(session))
}

for (const [host, build] of Object.entries(HOSTS)) {
  same(`${host}: visits are counted from the first on`, async ({ t, session }) => {
    const browser = await visitor(t, build(session))
    await browser.get('/').expect(200, '["cookie"]')
    assert.ok(sessionCookie(await browser.get('/visit').expect(200, '1')))
    assert.equal(sessionCookie(await browser.get('/visit').expect(200, '2')), undefined)
    await browser.get('/').expect(200, '["cookie","visits"]')
  })

  for (const [path, status, text, visits] of [['/head', 201, 'made', 101], ['/pieces', 200, 'one two', 201], ['/redirect', 302, '', 301]]) {
    same(`${host}: ${path} has its cookie and is saved`, async ({ t, session }) => {
      const browser = await visitor(t, build(session))
      assert.ok(sessionCookie(await browser.get(path).expect(status, text)))
      await browser.get('/visit').expect(200, String(visits))
    })
  }

  same(`${host}: a session that was ended is gone, and a new one begins`, async ({ t, session }) => {
    const browser = await visitor(t, build(session))
    const before = sessionCookie(await browser.get('/visit').expect(200))
    await browser.get('/end').expect(200, 'ended')
    const after = sessionCookie(await browser.get('/visit').expect(200, '1'))
    assert.notEqual(after, before)
  })

  same(`${host}: a session that begins anew has a new id`, async ({ t, session }) => {
    const [browser, stranger] = await visitors(t, build(session), 2)
    const before = sessionCookie(await browser.get('/visit').expect(200))
    const after = sessionCookie(await browser.get('/regenerate').expect(200, 'regenerated'))
    assert.ok(after && after !== before)
    await browser.get('/visit').expect(200, '401')
    await stranger.get('/visit').set('Cookie', before).expect(200, '1')
  })
}
