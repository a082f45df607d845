'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')

const { io: connect } = require('socket.io-client')
const request = require('supertest')
const WebSocket = require('ws')

const application = require('./apps/socket.io')
const { listen, sameOnExpress, sessionCookie } = require('./helpers')

async function start({ t, session, express }, options) {
  const { server, io } = application(session, express, options)
  const { port } = (await listen(t, null, server)).address()
  t.after(() => io.close())
  const open = (transport, Cookie) => {
    const socket = connect(`http://127.0.0.1:${port}`, {
      transports: [transport], forceNew: true, reconnection: false, extraHeaders: Cookie ? { Cookie } : {}
    })
    t.after(() => socket.disconnect())
    return socket
  }
  return { browser: request.agent(server), open, port }
}

for (const transport of ['polling', 'websocket']) {
  sameOnExpress(`socket.io over ${transport}: a socket has the session of its page and saves into it`, async (context) => {
    const { browser, open } = await start(context)
    const socket = open(transport, sessionCookie(await browser.post('/login').expect(204)))
    assert.deepEqual(await once(socket, 'user'), ['alice'])
    assert.deepEqual(await socket.emitWithAck('add', 'tea'), { cart: ['tea'] })
    await browser.get('/cart').expect(200, ['tea'])
    assert.deepEqual(await socket.emitWithAck('add', 'milk'), { cart: ['tea', 'milk'] })
    await browser.get('/cart').expect(200, ['tea', 'milk'])
  })

  sameOnExpress(`socket.io over ${transport}: a socket learns that its session has ended`, async (context) => {
    const { browser, open } = await start(context)
    const socket = open(transport, sessionCookie(await browser.post('/login').expect(204)))
    await once(socket, 'user')
    await browser.post('/logout').expect(204)
    assert.deepEqual(await socket.emitWithAck('add', 'tea'), { error: 'failed to load session' })
  })

  sameOnExpress(`socket.io over ${transport}: who has no session is nobody`, async (context) => {
    const { open } = await start(context)
    assert.deepEqual(await once(open(transport), 'user'), [null])
  })
}

sameOnExpress('socket.io over polling: the handshake gives a new visitor their session', async (context) => {
  const { browser } = await start(context, { saveUninitialized: true })
  assert.ok(sessionCookie(await browser.get('/socket.io/?EIO=4&transport=polling').expect(200)))
  assert.equal(sessionCookie(await browser.get('/cart').expect(200)), undefined)
})

sameOnExpress('socket.io over websocket: the handshake gives a new visitor their cookie', async (context) => {
  const { port } = await start(context, { saveUninitialized: true })
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`)
  context.t.after(() => socket.terminate())
  const [response] = await once(socket, 'upgrade')
  assert.ok(sessionCookie(response))
})
