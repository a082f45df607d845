'use strict'

const assert = require('node:assert/strict')

const request = require('supertest')

const { sameOnExpress, sessionCookie } = require('./helpers')

function application(session, express) {
  const app = express()
  app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }))
  app.get('/visit', (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1
    res.json(req.session.visits)
  })
  app.get('/admin/visits', (req, res) => res.json(req.session.visits ?? 0))
  return app
}

sameOnExpress('supertest: an agent of an application is one visitor', async ({ session, express }) => {
  const app = application(session, express)
  const [one, other] = [request.agent(app), request.agent(app)]
  await one.get('/visit').expect(200, '1')
  await one.get('/visit').expect(200, '2')
  await other.get('/visit').expect(200, '1')
  await one.get('/admin/visits').expect(200, '2')
})

sameOnExpress('supertest: requests without an agent are strangers', async ({ session, express }) => {
  const app = application(session, express)
  const response = await request(app).get('/visit').expect(200, '1')
  await request(app).get('/visit').expect(200, '1')
  await request(app).get('/admin/visits').set('Cookie', sessionCookie(response)).expect(200, '1')
})

sameOnExpress('supertest: an agent sends what it was given beside the session', async ({ session, express }) => {
  const agent = request.agent(application(session, express))
  agent.jar.setCookie('theme=dark; Path=/')
  const response = await agent.get('/visit').expect(200, '1')
  assert.ok(sessionCookie(response))
  await agent.get('/visit').expect(200, '2')
})
