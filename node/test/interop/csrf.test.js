'use strict'

const assert = require('node:assert/strict')

const application = require('./apps/csrf')
const { sameOnExpress, visitor, visitors } = require('./helpers')

const REFUSED = { code: 'EBADCSRFTOKEN' }
const tokenOf = async (browser) => (await browser.get('/form').expect(200)).body.token
const order = (browser, token) => browser.post('/order').type('form').send({ token })

sameOnExpress('csrf-sync: the token of the page lets its form through, again and again', async ({ t, session, express }) => {
  const browser = await visitor(t, application(session, express))
  const token = await tokenOf(browser)
  assert.equal(await tokenOf(browser), token)
  await order(browser, token).expect(200, { orders: 1 })
  await browser.post('/order').set('X-CSRF-Token', token).expect(200, { orders: 2 })
})

sameOnExpress('csrf-sync: no token, a wrong one and that of another visitor are refused', async ({ t, session, express }) => {
  const [browser, other] = await visitors(t, application(session, express), 2)
  await tokenOf(browser)
  for (const token of ['', 'guess', await tokenOf(other)]) await order(browser, token).expect(403, REFUSED)
})

sameOnExpress('csrf-sync: a revoked token is refused', async ({ t, session, express }) => {
  const browser = await visitor(t, application(session, express))
  const token = await tokenOf(browser)
  await browser.post('/revoke').set('X-CSRF-Token', token).expect(204)
  await order(browser, token).expect(403, REFUSED)
  await order(browser, await tokenOf(browser)).expect(200, { orders: 1 })
})

sameOnExpress('csrf-sync: a session that begins anew has a token of its own', async ({ t, session, express }) => {
  const browser = await visitor(t, application(session, express))
  const before = await tokenOf(browser)
  const { body } = await browser.post('/login').set('X-CSRF-Token', before).expect(200)
  await order(browser, before).expect(403, REFUSED)
  await order(browser, body.token).expect(200, { orders: 1 })
})
