'use strict'

const assert = require('node:assert/strict')
const { beforeEach, test } = require('node:test')
const request = require('supertest')

const app = require('./app')

let browser
beforeEach(() => {
  browser = request.agent(app)
})

const login = (who, password) => browser.post('/login').type('form').send({ username: who, password })
const note = (text) => browser.post('/notes').type('form').send({ text })

test('a stranger is sent to the sign-in page and gets no cookie', async () => {
  const response = await browser.get('/notes').expect(302).expect('Location', '/login')
  assert.equal(response.headers['set-cookie'], undefined)
})

test('a wrong password is told once', async () => {
  await login('ada', 'guess').expect(302).expect('Location', '/login')
  await browser.get('/login').expect(200, 'Sign in. Unknown name or wrong password')
  await browser.get('/login').expect(200, 'Sign in. ')
})

test('the cookie has the attributes it was given', async () => {
  const { headers } = await login('ada', 'engine').expect(302)
  assert.equal(headers['set-cookie'].length, 1)
  assert.match(headers['set-cookie'][0], /^notes\.sid=s%3A[^;]+; Path=\/; Expires=[^;]+ GMT; HttpOnly; SameSite=Lax$/)
})

test('a user is greeted once and keeps their notes', async () => {
  await login('ada', 'engine').redirects(1).expect(200, { info: ['Hello ada'], notes: [] })
  await note('first').redirects(1).expect(200, { info: ['Noted.'], notes: ['first'] })
  await note('second').redirects(1).expect(200, { info: ['Noted.'], notes: ['first', 'second'] })
  await browser.get('/notes').expect(200, { info: [], notes: ['first', 'second'] })
})

test('signing out forgets everything but the farewell', async () => {
  await login('ada', 'engine')
  await note('first')
  await browser.post('/logout').redirects(1).expect(200, 'Sign in. You have signed out.')
  await browser.get('/notes').expect(302)
  await login('ada', 'engine').redirects(1).expect(200, { info: ['Hello ada'], notes: [] })
})

test('signing in as somebody else shows nothing of the first', async () => {
  await login('ada', 'engine')
  await note('first')
  await login('grace', 'compiler').redirects(1).expect(200, { info: ['Hello grace'], notes: [] })
})

test('a session that was destroyed is gone', async () => {
  const cookie = (await login('ada', 'engine')).headers['set-cookie'][0].split(';')[0]
  await request(app).get('/notes').set('Cookie', cookie).expect(200)
  await browser.post('/forget').expect(302)
  await request(app).get('/notes').set('Cookie', cookie).expect(302)
})

test('the cookie rolls', async () => {
  await login('ada', 'engine')
  assert.match((await browser.get('/notes').expect(200)).headers['set-cookie'][0], /^notes\.sid=/)
})

test('the session looks as it is documented', async () => {
  await login('ada', 'engine').redirects(1)
  const { body } = await browser.get('/session').expect(200)
  // A tick of the clock may shorten express-session's.
  assert.ok([0, 1].includes(30 * 60 * 1000 - body.cookie.age), `it lives for ${body.cookie.age} ms`)
  assert.deepEqual(body, {
    keys: ['cookie', 'flash', 'passport'],
    cookie: { path: '/', sameSite: 'lax', age: body.cookie.age },
    isSession: true
  })
})
