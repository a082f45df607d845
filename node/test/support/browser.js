'use strict'

const http = require('node:http')

/** Keeps cookies and asks for pages, as few features as the tests need. */
class Browser {
  cookies = new Map()

  constructor(port) {
    this.port = port
  }

  /** Status, headers, `Set-Cookie` headers, and the body as text and, if it is JSON, as value. */
  get(path, { method = 'GET', headers = {} } = {}) {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ')
    const sent = cookie ? { cookie, ...headers } : headers
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.port, path, method, headers: sent }, async (response) => {
        try {
          let text = ''
          for await (const chunk of response.setEncoding('utf8')) text += chunk
          resolve(this.received(response, text))
        } catch (error) {
          reject(error)
        }
      })
      request.on('error', reject)
      request.end()
    })
  }

  /** The answer as a value. */
  async read(path, options) {
    return (await this.get(path, options)).value
  }

  /** Another browser with the same cookies: what a copied cookie can do. */
  copy() {
    const copy = new Browser(this.port)
    copy.cookies = new Map(this.cookies)
    return copy
  }

  received({ statusCode: status, statusMessage, headers, rawHeaders }, text) {
    const cookies = headers['set-cookie'] ?? []
    for (const cookie of cookies) this.store(cookie)
    return { status, statusMessage, headers, rawHeaders, cookies, text, value: parsed(text) }
  }

  store(cookie) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)
    const expires = /; Expires=([^;]*)/.exec(cookie)
    if (expires && new Date(expires[1]) <= new Date()) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

module.exports = { Browser }
