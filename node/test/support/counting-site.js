'use strict'

// A site that counts, for a worker thread or a process of its own. It tells its port and ends when it is told to.

const http = require('node:http')
const { parentPort, workerData } = require('node:worker_threads')

const session = require('../..')
const { DEFAULTS, listener } = require('./site')

const { path, shared } = workerData ?? { path: process.argv[2] }
const store = path ? new session.SqliteStore({ path }) : new session.MemoryStore({ shared })

const count = (req, res) => res.end(String(req.session.update('n', (n) => (n ?? 0) + 1)))
const failed = (error, _req, res) => res.writeHead(500).end(String(error.stack))

const server = http.createServer(listener([session({ ...DEFAULTS, store }), count], failed))
server.listen(0, '127.0.0.1', () => tell(server.address().port))

const tell = (message) => (parentPort ? parentPort.postMessage(message) : process.send(message))

;(parentPort ?? process).once('message', () => {
  server.close()
  server.closeAllConnections()
  store.close()
  parentPort?.close()
  process.disconnect?.()
})
