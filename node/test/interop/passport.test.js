'use strict'

const assert = require('node:assert/strict')

const application = require('./apps/passport')
const { sameOnExpress, sessionCookie, visitor, visitors } = require('./helpers')

const ALICE = { username: 'alice', password: 'wonderland' }
const signIn = (browser, who = ALICE, path = '/login') => browser.post(path).type('form').send(who)

sameOnExpress('passport: who signs in is remembered until they sign out', async ({ t, session, express }) => {
  const browser = await visitor(t, application(session, express))
  await browser.get('/me').expect(401)
  await signIn(browser).expect(302).expect('Location', '/me')
  await browser.get('/me').expect(200, { name: 'alice', cart: [] })
  await browser.get('/me').expect(200, { name: 'alice', cart: [] })
  await browser.post('/logout').expect(302).expect('Location', '/login')
  await browser.get('/me').expect(401)
})

sameOnExpress('passport: a wrong password is told once, after the redirect', async ({ t, session, express }) => {
  const browser = await visitor(t, application(session, express))
  await signIn(browser, { username: 'alice', password: 'looking glass' }).expect(302).expect('Location', '/login')
  await browser.get('/login').expect(200, ['Wrong name or password.'])
  await browser.get('/login').expect(200, [])
  await browser.get('/me').expect(401)
})

sameOnExpress('passport: signing in changes the id and the old one is worth nothing', async ({ t, session, express }) => {
  const [browser, thief] = await visitors(t, application(session, express), 2)
  const before = sessionCookie(await browser.post('/cart').type('form').send({ item: 'tea' }))
  const after = sessionCookie(await signIn(browser))
  assert.ok(before && after)
  assert.notEqual(before, after)
  await thief.get('/me').set('Cookie', before).expect(401)
})

sameOnExpress('passport: after signing out the old cookie signs nobody in', async ({ t, session, express }) => {
  const [browser, thief] = await visitors(t, application(session, express), 2)
  const cookie = sessionCookie(await signIn(browser))
  await thief.get('/me').set('Cookie', cookie).expect(200)
  await browser.post('/logout').expect(302)
  await thief.get('/me').set('Cookie', cookie).expect(401)
})

sameOnExpress('passport: the cart goes at sign-in, unless it is to be kept', async ({ t, session, express }) => {
  const [one, other] = await visitors(t, application(session, express), 2)
  for (const browser of [one, other]) await browser.post('/cart').type('form').send({ item: 'tea' }).expect(200, ['tea'])
  await signIn(one)
  await one.get('/me').expect(200, { name: 'alice', cart: [] })
  await signIn(other, ALICE, '/login-and-keep')
  await other.get('/me').expect(200, { name: 'alice', cart: ['tea'] })
})

sameOnExpress('passport: the cart goes at sign-out, unless it is to be kept', async ({ t, session, express }) => {
  const browsers = await visitors(t, application(session, express), 2)
  for (const [at, [path, cart]] of [['/logout', []], ['/logout-and-keep', ['tea']]].entries()) {
    const browser = browsers[at]
    await signIn(browser)
    await browser.post('/cart').type('form').send({ item: 'tea' }).expect(200, ['tea'])
    await browser.post(path).expect(302)
    await browser.get('/me').expect(401)
    await browser.get('/cart').expect(200, cart)
  }
})

sameOnExpress('passport: visitors are kept apart', async ({ t, session, express }) => {
  const [one, other, third] = await visitors(t, application(session, express), 3)
  await signIn(one)
  await signIn(other, { username: 'bob', password: 'builder' })
  await one.get('/me').expect(200, { name: 'alice', cart: [] })
  await other.get('/me').expect(200, { name: 'bob', cart: [] })
  await third.get('/me').expect(401)
})
