'use strict'

const assert = require('node:assert/strict')
const net = require('node:net')
const { test } = require('node:test')

const session = require('..')
const { isSecure, matches, pathname } = require('../dist/request')
const { PlainStore } = require('./support/plain-store')
const { DEFAULTS, site } = require('./support/site')

const PATHS = [
  [{ url: '/a/b' }, '/a/b'],
  [{ url: '/a?b#c' }, '/a'],
  [{ url: '/a#c?b' }, '/a'],
  [{}, '/'],
  [{ url: '/inside', originalUrl: '/mounted/inside' }, '/mounted/inside'],
  [{ url: 'http://example.com/a?b' }, '/a'],
  [{ url: 'http://example.com' }, '/'],
  [{ url: '*' }, '*']
]

for (const [req, path] of PATHS) {
  test(`the path of ${JSON.stringify(req)} is ${JSON.stringify(path)}`, () => assert.equal(pathname(req), path))
}

const MATCHES = [
  ['/admin', '/admin', true],
  ['/admin/', '/admin', true],
  ['/admin/users', '/admin', true],
  ['/admin/users', '/admin/', true],
  ['/administrator', '/admin', false],
  ['/admin', '/admin/', false],
  ['/Admin', '/admin', false],
  ['/', '/', true],
  ['/any', '/', true],
  ['/any', '/admin', false]
]

for (const [path, cookiePath, expected] of MATCHES) {
  test(`${path} is ${expected ? '' : 'not '}in the cookie path ${cookiePath}`, () => assert.equal(matches(path, cookiePath), expected))
}

test('a request outside of the cookie path has no session', async (t) => {
  const { browser } = await site(t, {
    cookie: { path: '/admin' },
    routes: { '/admin/a': (req) => typeof req.session, '/administrator': (req) => typeof req.session }
  })
  assert.equal(await browser().read('/admin/a'), 'object')
  assert.equal(await browser().read('/administrator'), 'undefined')
})

const TLS = { encrypted: true }
const forwarded = (proto) => ({ headers: { 'x-forwarded-proto': proto } })

const SECURITY = [
  ['a TLS socket', { socket: TLS, headers: {} }, [undefined, true, false], true],
  ['an old connection property', { connection: TLS, headers: {} }, [undefined, true, false], true],
  ['nothing known', { headers: {} }, [undefined, true, false], false],
  ["Express's secure", { socket: {}, headers: {}, secure: true }, [undefined], true],
  ["Express's secure", { socket: {}, headers: {}, secure: true }, [true, false], false],
  ['a secure that is no boolean', { socket: {}, headers: {}, secure: 'yes' }, [undefined], false],
  ['https at the proxy', forwarded('https'), [true], true],
  ['https at the first of two proxies', forwarded(' HTTPS , http'), [true], true],
  ['http at the first of two proxies', forwarded('http, https'), [true], false],
  ['https at a proxy that is not trusted', forwarded('https'), [undefined, false], false]
]

for (const [what, req, proxies, secure] of SECURITY) {
  test(`${what} is ${secure ? 'secure' : 'not secure'} with proxy: ${proxies.map(String).join(', ')}`, () => {
    for (const proxy of proxies) assert.equal(isSecure(req, proxy), secure)
  })
}

test('a whole URL in the request line is understood', async (t) => {
  const { port } = await site(t, { cookie: { path: '/shop' }, routes: { 'http://example.com/shop/cart': (req) => typeof req.session } })
  const socket = net.connect(port, '127.0.0.1')
  socket.end('GET http://example.com/shop/cart HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += chunk
  assert.match(text, /"object"$/)
})

test('OPTIONS * does not fail', async (t) => {
  const { browser } = await site(t, { routes: { '*': (req) => typeof req.session } })
  assert.equal((await browser().get('*', { method: 'OPTIONS' })).status, 200)
})

test('a second session middleware leaves the first alone', async (t) => {
  const inner = session({ ...DEFAULTS, name: 'inner' })
  const { browser } = await site(t, {
    routes: {
      '/': async (req, res) => {
        const { session } = req
        await new Promise((done) => inner(req, res, done))
        req.session.seen = true
        return req.session === session
      }
    }
  })
  const { value, cookies } = await browser().get('/')
  assert.equal(value, true)
  assert.match(cookies.join(), /^connect\.sid=[^,]*$/)
})

test('two middlewares on one store keep their cookies apart', async (t) => {
  const store = new PlainStore()
  const cookies = await Promise.all(
    ['/one', '/two'].map(async (path) => {
      const { browser } = await site(t, {
        store, cookie: { path },
        routes: {
          [path]: async (req) => {
            await req.session.regenerate()
            return (req.session.seen = true)
          }
        }
      })
      return (await browser().get(path)).cookies[0]
    })
  )
  assert.match(cookies[0], /; Path=\/one;/)
  assert.match(cookies[1], /; Path=\/two;/)
})

test('a response without methods is left alone', (t) => {
  const middleware = session(DEFAULTS)
  const req = { url: '/', headers: {} }
  let told = 'nothing'
  middleware(req, {}, (error) => (told = error))
  assert.equal(told, undefined)
  assert.equal(typeof req.session, 'object')
})
