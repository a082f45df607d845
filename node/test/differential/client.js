'use strict'

// One HTTP request told as it came over the wire, and the cookies a browser would keep.

const http = require('node:http')

// They tell of the connection and the clock, not of the session.
const IGNORED_HEADERS = /^(date|connection|keep-alive)$/i

/** Resolves to { status, headers: [[name, value]…], body }, or { failure: 'hang' | code }. */
function send(port, { method = 'GET', path = '/', headers = {}, deadline, onHeaders = () => {} }) {
  return new Promise(resolve => {
    const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false })
    const timer = setTimeout(() => finish({ failure: 'hang' }), deadline)
    function finish(answer) {
      clearTimeout(timer)
      request.destroy()
      resolve(answer)
    }
    request.on('error', error => finish({ failure: error.code }))
    request.on('response', response => {
      onHeaders()
      const chunks = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', error => finish({ failure: error.code, status: response.statusCode }))
      response.on('end', () => finish({
        status: response.statusCode,
        headers: pairs(response.rawHeaders),
        body: Buffer.concat(chunks).toString()
      }))
    })
    request.end()
  })
}

function pairs(rawHeaders) {
  const list = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!IGNORED_HEADERS.test(rawHeaders[i])) list.push([rawHeaders[i], rawHeaders[i + 1]])
  }
  return list
}

/**
 * Keeps what a Set-Cookie with a value gave. An expiring Set-Cookie leaves the old value, so that the
 * next step asks both libraries the same question even where one of them clears its cookie.
 */
class Jar {
  #values = new Map()

  take(headers) {
    for (const [name, value] of headers) {
      if (!/^set-cookie$/i.test(name)) continue
      const [, key, content] = /^([^=]+)=([^;]*)/.exec(value)
      if (content) this.#values.set(key, content)
    }
  }

  value(name = 'connect.sid') {
    return this.#values.get(name)
  }

  id(name) {
    return decodeURIComponent(this.value(name)).slice(2).replace(/\.[^.]*$/, '')
  }

  get header() {
    return [...this.#values].map(pair => pair.join('=')).join('; ')
  }
}

module.exports = { send, Jar }
