'use strict'

const { once } = require('node:events')
const net = require('node:net')

/** No more than the question whether a Redis server is there. It is asked every second or so, in whatever moment. */
const CHECK = '*1\r\n$4\r\nPING\r\n'

/**
 * Carries connections to a server and counts how often somebody asks and then waits for an answer.
 *
 * What is sent without waiting for the answer to what was sent before shares its round trip.
 */
class Wire {
  #trips = 0

  /** Listens in front of the server of a URL until the test ends. */
  static async start(t, url) {
    const wire = new Wire()
    const sockets = new Set()
    const { hostname, port } = new URL(url)
    const listener = net.createServer((client) => {
      const server = net.connect(port, hostname)
      for (const socket of [client, server]) sockets.add(socket.setNoDelay(true))
      wire.#carry(client, server)
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    t.after(() => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    })
    wire.url = Object.assign(new URL(url), { port: listener.address().port }).href
    return wire
  }

  /** How many round trips there were since this was last asked. */
  take() {
    const trips = this.#trips
    this.#trips = 0
    return trips
  }

  #carry(client, server) {
    let waits = false
    client.on('data', (asked) => {
      server.write(asked)
      if (asked.toString('latin1') === CHECK) return
      if (!waits) this.#trips++
      waits = true
    })
    server.on('data', (answered) => {
      waits = false
      client.write(answered)
    })
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on('close', () => other.destroy()).on('error', () => {})
    }
  }
}

module.exports = { Wire }
