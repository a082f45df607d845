'use strict'

const net = require('node:net')

/** A connection without any help of a client library. `text()` is what has come so far. */
function raw(port, requests) {
  const socket = net.connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  socket.write(requests)
  const ended = new Promise((resolve, reject) => socket.on('end', () => resolve(text)).on('error', reject))
  return { socket, ended, text: () => text }
}

/** The head of a request for one of these paths, several are pipelined. The last one closes the connection. */
function requests(...paths) {
  return paths
    .map((path, at) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${at === paths.length - 1 ? 'Connection: close\r\n' : ''}\r\n`)
    .join('')
}

module.exports = { raw, requests }
