'use strict'

const application = require('./apps/flash')
const { sameOnExpress, visitor, visitors } = require('./helpers')

sameOnExpress('connect-flash: a message survives a redirect and is shown once', async ({ t, session, express }) => {
  const browser = await visitor(t, application(session, express))
  await browser.post('/save?name=Zoë').redirects(1).expect(200, { info: ['Saved Zoë.'] })
  await browser.get('/').expect(200, {})
})

sameOnExpress('connect-flash: messages of several kinds survive several redirects', async ({ t, session, express }) => {
  const browser = await visitor(t, application(session, express))
  await browser.post('/warn').redirects(2).expect(200, { warning: ['one', 'two'], info: ['three'] })
  await browser.get('/').expect(200, {})
})

sameOnExpress('connect-flash: messages add up until they are shown, to their visitor alone', async ({ t, session, express }) => {
  const [browser, other] = await visitors(t, application(session, express), 2)
  for (const name of ['a', 'b']) await browser.post(`/save?name=${name}`).expect(302)
  await other.get('/').expect(200, {})
  await browser.get('/').expect(200, { info: ['Saved a.', 'Saved b.'] })
})
