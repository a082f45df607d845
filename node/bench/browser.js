'use strict'

// A browser: one connection that stays open, one cookie, one request at a time. It is as light as can be,
// because it shares the machine with what it measures.

const net = require('node:net')

const HEAD_END = '\r\n\r\n'

class Browser {
  static async open(port) {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Browser(socket)
  }

  constructor(socket) {
    this.socket = socket.setEncoding('latin1')
    this.cookie = ''
    this.received = ''
    socket.on('data', chunk => this.receive(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.reject?.(new Error('the server closed the connection')))
  }

  /** Begins a session with a document of so many bytes and makes sure that it counts. */
  async begin(bytes) {
    await this.fill(bytes)
    const expected = [['/read', 0], ['/write', 1], ['/write', 2], ['/update', 3], ['/read', 3]]
    for (const [path, count] of expected) {
      const found = await this.count(path)
      if (found !== count) throw new Error(`${path} answered ${found} instead of ${count}`)
    }
  }

  /** Begins another session with such a document. */
  async fill(bytes) {
    this.cookie = ''
    const { head } = await this.get(`/fill/${bytes}`)
    this.cookie = /\r\nset-cookie: ([^;\r]+)/i.exec(head)?.[1] ?? ''
  }

  async count(path) {
    return Number((await this.get(path)).body)
  }

  get(path) {
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(new Error('the connection is closed'))
      this.resolve = resolve
      this.reject = reject
      this.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nCookie: ${this.cookie}${HEAD_END}`)
    })
  }

  close() {
    this.reject = undefined
    this.socket.destroy()
  }

  receive(chunk) {
    this.received += chunk
    const start = this.received.indexOf(HEAD_END) + HEAD_END.length
    if (start < HEAD_END.length) return
    const head = this.received.slice(0, start)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
    if (this.received.length < start + length) return
    const body = this.received.slice(start)
    this.received = ''
    if (head.startsWith('HTTP/1.1 200 ')) this.resolve({ head, body })
    else this.reject(new Error(`${head.split('\r\n', 1)[0]}: ${body}`))
  }
}

module.exports = { Browser }
