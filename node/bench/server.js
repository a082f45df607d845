'use strict'

// A target in a process of its own: `server.js TARGET FOLDER`. It ends when its parent does.

const { once } = require('node:events')
const { monitorEventLoopDelay } = require('node:perf_hooks')
const { setTimeout: pause } = require('node:timers/promises')

const express = require('express')

const { document } = require('./document')
const { newId } = require('./ids')
const { middleware } = require('./targets')

const [target, folder] = process.argv.slice(2)

/** How long a slow handler thinks between looking and writing. */
const PAUSE = 10

/** What the histogram's timer waits by itself, in milliseconds. */
const RESOLUTION = 5
const delay = monitorEventLoopDelay({ resolution: RESOLUTION })

const { sessions, store, ready } = middleware(target, folder)
const server = application().listen(0, '127.0.0.1')
// Browsers wait for their target's turn.
server.keepAliveTimeout = 0

function application() {
  const app = express()
  app.get('/bare', (_req, res) => void res.send('1'))
  app.use(sessions)
  app.get('/idle', (_req, res) => void res.send('1'))
  app.get('/fill/:bytes', (req, res) => {
    Object.assign(req.session, document(Number(req.params.bytes)))
    res.send('0')
  })
  app.get('/read', (req, res) => void res.send(String(req.session.count)))
  app.get('/write', (req, res) => {
    req.session.count++
    res.send(String(req.session.count))
  })
  app.get('/update', (req, res) => void res.send(String(increment(req.session))))
  app.get('/slow', async (req, res) => {
    const { session } = req
    await pause(session.count === undefined ? 0 : PAUSE)
    res.send(String(increment(session)))
  })
  return app
}

/** The safe way where there is one. */
function increment(session) {
  return session.update ? session.update('count', count => count + 1) : ++session.count
}

/** What the parent may ask. */
const ANSWERS = {
  port: async () => {
    await ready
    if (!server.listening) await once(server, 'listening')
    return server.address().port
  },
  begin: () => {
    delay.reset()
    delay.enable()
    return process.cpuUsage()
  },
  end: () => {
    const cpu = process.cpuUsage()
    delay.disable()
    return { cpu, delay: Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION) }
  },
  populate,
  memory: () => {
    global.gc()
    global.gc()
    return process.memoryUsage.rss()
  }
}

/** Puts so many sessions into the store, and answers with the ids of some of them. */
async function populate(sessions, bytes, sample) {
  const step = Math.ceil(sessions / sample)
  const some = []
  const set = id => new Promise((resolve, reject) => {
    const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }
    store.set(id, { cookie, ...document(bytes) }, error => (error ? reject(error) : resolve()))
  })
  for (let at = 0; at < sessions; at += 100) {
    const ids = Array.from({ length: Math.min(100, sessions - at) }, newId)
    await Promise.all(ids.map(set))
    some.push(...ids.filter((_, number) => (at + number) % step === 0))
  }
  return some
}

process.on('message', async ({ question, rest }) => {
  try {
    process.send({ answer: await ANSWERS[question](...rest) })
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) })
  }
})
process.on('disconnect', () => process.exit())
