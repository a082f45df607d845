'use strict'

// What is behind a test application: its store, its clock, and sessions made of a dialogue's settings.

const { createSecretKey, randomUUID } = require('node:crypto')
const { once } = require('node:events')
const http = require('node:http')
const { join } = require('node:path')

const session = require('../..')
const { addon } = require('../../dist/native')
const { folder } = require('../support/native-stores')
const { execute } = require('../support/sqlite')
const { application } = require('./application')

const DAY = 24 * 60 * 60

/** 2026-11-01T12:00:00Z, where the clock of the dialogues starts. */
const START = 1_793_534_400_000

/**
 * The ways to open one place again and again, with another idle time. Dialogues let time pass, which is ours to do for the
 * stores in this process only: a server has a clock of its own.
 */
const STORES = {
  MemoryStore: () => {
    const shared = randomUUID()
    return (options) => new session.MemoryStore({ shared, ...options })
  },
  SqliteStore: (t) => {
    const path = join(folder(t), 'sessions.db')
    return (options) => Object.assign(new session.SqliteStore({ path, ...options }), { path })
  }
}

class Backstage {
  stores = []

  constructor(t, kind) {
    this.timers = t.mock.timers
    this.timers.enable({ apis: ['Date'], now: START })
    addon.setClock(START)
    const open = STORES[kind](t)
    this.open = (options) => {
      const store = open(options)
      this.stores.push(store)
      return store
    }
    t.after(() => this.close())
  }

  /** Starts the application, or starts it anew. */
  async start(app) {
    this.stop()
    this.server = http.createServer(application(sessions(app, this.open({ ttl: (app.idle ?? DAY) * 1000 }))))
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
  }

  /** Puts a document into the store, for a day. What is no session can be put into a file only. */
  async seed(id, document) {
    const store = this.open({ ttl: DAY * 1000 })
    await store.set(id, document)
    if (!document.cookie && store.path) execute(store.path, `UPDATE sessions SET sess = '${JSON.stringify(document)}'`)
  }

  /** Lets time pass, here and in the addon. */
  pass(seconds) {
    this.timers.setTime(Date.now() + seconds * 1000)
    addon.setClock(Date.now())
  }

  /** Sends a request and waits for the whole response. Headers are lists of values by name. */
  async send({ method, target, headers, body }) {
    const { port } = this.server.address()
    const request = http.request({ host: '127.0.0.1', port, method, path: target, agent: false })
    // Node takes the bytes of a header for Latin-1.
    for (const [name, value] of Object.entries(headers)) request.setHeader(name, Buffer.from(value).toString('latin1'))
    request.end(body)
    const [response] = await once(request, 'response')
    const text = (await response.toArray()).join('')
    return { status: response.statusCode, headers: response.headersDistinct, text }
  }

  stop() {
    this.server?.closeAllConnections()
    this.server?.close()
  }

  close() {
    this.stop()
    for (const store of this.stores) store.close()
    addon.setClock(null)
  }
}

/** The middleware for these settings. */
function sessions(app, store) {
  const { profile = 'strict', absolute, grace, ids } = app
  const make = profile === 'strict' ? session.strict : session
  return make({
    store,
    name: app.cookie?.name,
    secret: (app.secrets ?? ['the secret of the dialogues of handstamp']).map(key),
    cookie: cookie(app),
    resave: app.resave ?? false,
    rolling: app.rolling,
    saveUninitialized: app.save_uninitialized ?? false,
    proxy: true,
    absoluteTimeout: absolute === undefined ? undefined : absolute * 1000,
    rotationGrace: grace === undefined ? undefined : grace * 1000,
    transports: app.transports,
    genid: ids && inTurn(ids)
  })
}

/** The strict profile refuses short secrets that are texts; dialogues have some. */
function key(secret) {
  return createSecretKey(Buffer.from(secret))
}

function cookie({ cookie: { http_only, same_site, name, ...others } = {}, idle = DAY, persistent }) {
  const options = { ...others, httpOnly: http_only, sameSite: same_site, maxAge: persistent ? idle * 1000 : undefined }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function inTurn(ids) {
  let next = 0
  return () => ids[next++ % ids.length]
}

module.exports = { Backstage, STORES }
