'use strict'

// A site that counts, for a worker thread or a process of its own. It tells its port and ends when it is told to.

const http = require('node:http')
const { setTimeout: pause } = require('node:timers/promises')
const { parentPort, workerData } = require('node:worker_threads')

const session = require('../..')
const { openAt } = require('./places')
const { DEFAULTS, listener } = require('./site')

const { shared, delay, ...place } = workerData ?? JSON.parse(process.argv[2])
const store = shared ? new session.MemoryStore({ shared }) : openAt(place)

const count = async (req, res) => {
  const { session } = req
  if (delay) await pause(delay)
  res.end(String(session.update('n', (n) => (n ?? 0) + 1)))
}
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
