'use strict'

// A million requests, without a network: run with --expose-gc. Prints the memory after each half.

const session = require('../..')

const HALF = Number(process.argv[2] ?? 500_000)
const VISITORS = 1000

const store = new session.MemoryStore({ maxSessions: 2 * VISITORS })
const sessions = session({ secret: 'a secret of the tests', resave: false, saveUninitialized: false, store })
const cookies = new Array(VISITORS)

const read = (req) => req.session.visits
const unread = () => {}

// As on a real site, most requests only read.
const HANDLERS = [
  read, read, read, read, read, unread, unread, unread, unread,
  (req) => (req.session.visits = (req.session.visits ?? 0) + 1),
  (req) => (req.session.text = 'x'.repeat(200)),
  (req) => req.session.update('n', (n) => (n ?? 0) + 1),
  (req) => req.session.save(),
  (req) => req.session.regenerate().then(() => (req.session.fresh = true)),
  (req) => req.session.rotate(),
  (req) => req.session.destroy()
]

/** What the middleware needs of a response. */
class Response {
  headers = {}
  statusCode = 200
  headersSent = false

  constructor(ended) {
    this.ended = ended
  }

  getHeader(name) {
    return this.headers[name]
  }

  setHeader(name, value) {
    this.headers[name] = value
  }

  removeHeader(name) {
    delete this.headers[name]
  }

  writeHead() {
    this.headersSent = true
  }

  end() {
    this.writeHead(this.statusCode)
    this.ended()
  }
}

function visit(visitor, handler) {
  return new Promise((resolve, reject) => {
    const req = { url: '/', headers: cookies[visitor] ? { cookie: cookies[visitor] } : {}, socket: {} }
    const res = new Response(() => {
      for (const cookie of [res.headers['Set-Cookie'] ?? []].flat()) {
        const [pair] = cookie.split(';')
        cookies[visitor] = pair.endsWith('=') ? undefined : pair
      }
      resolve()
    })
    sessions(req, res, async (error) => {
      if (error) return reject(error)
      await handler(req)
      res.end()
    })
  })
}

async function half() {
  for (let request = 0; request < HALF; request++) {
    await visit(request % VISITORS, HANDLERS[(request * 7 + Math.floor(request / VISITORS)) % HANDLERS.length])
  }
  await new Promise(setImmediate)
  for (let round = 0; round < 3; round++) global.gc()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapUsed, rss }
}

async function run() {
  const halves = [await half(), await half()]
  console.log(JSON.stringify(halves))
}

run()
