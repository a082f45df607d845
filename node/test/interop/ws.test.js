'use strict'

const assert = require('node:assert/strict')
const { on, once } = require('node:events')

const express = require('express')
const request = require('supertest')
const WebSocket = require('ws')

const application = require('./apps/ws')
const { listen, native, sameOnExpress, sessionCookie } = require('./helpers')

async function start({ t, session, express }) {
  const server = await listen(t, null, application(session, express))
  const open = (Cookie = '') => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { headers: { Cookie } })
    t.after(() => socket.readyState === WebSocket.OPEN && socket.terminate())
    return socket
  }
  return { browser: request.agent(server), stranger: request(server), open }
}

/** What a socket hears, in its order; `say` waits for the answer. */
async function conversation(socket) {
  const heard = on(socket, 'message')
  const next = async () => String((await heard.next()).value[0])
  const welcome = await next()
  const say = (words) => {
    socket.send(words)
    return next()
  }
  return { welcome, say }
}

sameOnExpress('ws: a socket reads the session of its page and saves into it', async (context) => {
  const { browser, open } = await start(context)
  const cookie = sessionCookie(await browser.post('/login?user=alice').expect(204))
  const { welcome, say } = await conversation(open(cookie))
  assert.equal(welcome, 'welcome alice')
  assert.equal(await say('hello'), '1')
  assert.equal(await say('hello'), '2')
  await browser.get('/').expect(200, { user: 'alice', messages: 2 })
})

sameOnExpress('ws: a socket sees what requests have saved since it was opened', async (context) => {
  const { browser, open } = await start(context)
  const cookie = sessionCookie(await browser.post('/login?user=alice').expect(204))
  const { say } = await conversation(open(cookie))
  assert.equal(await say('hello'), '1')
  await browser.post('/login?user=bob').expect(204)
  assert.equal(await say('hello'), '1')
  await browser.get('/').expect(200, { user: 'bob', messages: 1 })
})

sameOnExpress('ws: who is not signed in is refused', async (context) => {
  const { open } = await start(context)
  for (const cookie of ['', 'connect.sid=s%3Aguess.abc']) {
    const [, response] = await once(open(cookie), 'unexpected-response')
    assert.equal(response.statusCode, 401)
    response.destroy()
  }
})

sameOnExpress('ws: a socket learns that its session has ended', async (context) => {
  const { browser, open } = await start(context)
  const cookie = sessionCookie(await browser.post('/login?user=alice').expect(204))
  const { say } = await conversation(open(cookie))
  await browser.post('/logout').expect(204)
  assert.equal(await say('hello'), 'failed to load session')
})

// A store that can only `set` brings it back.
native('ws: what a socket saves after sign-out does not bring the session back', async ({ t, session }) => {
  const { browser, stranger, open } = await start({ t, session, express })
  const cookie = sessionCookie(await browser.post('/login?user=alice').expect(204))
  const { say } = await conversation(open(cookie))
  await browser.post('/logout').expect(204)
  await say('save')
  await stranger.get('/').set('Cookie', cookie).expect(200, { user: null, messages: null })
})
