'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const http = require('node:http')
const http2 = require('node:http2')
const { test } = require('node:test')

const express = require('express')

const session = require('..')
const { Browser } = require('./support/browser')
const { PlainStore } = require('./support/plain-store')
const { raw, requests } = require('./support/raw')
const { DEFAULTS, site } = require('./support/site')
const { deferred } = require('./support/waiting')
const { warningsOf } = require('./support/warnings')

// A store that answers at once, and one that answers later: the response goes different ways.
const STORES = { 'at once': () => new session.MemoryStore(), later: () => new PlainStore() }

function eachWay(name, act) {
  for (const [how, open] of Object.entries(STORES)) test(`saved ${how}: ${name}`, (t) => act(t, open))
}

/** A site with one page, whose handler changes the session. */
function page(t, handler, options) {
  const changing = (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1
    return handler(req, res)
  }
  return site(t, { routes: { '/': changing, '/other': () => 'other' }, ...options })
}

const ENDS = [
  ['end()', '', (res) => res.end()],
  ['end(callback)', '', (res, callback) => res.end(callback)],
  ['end(data)', 'hello', (res) => res.end('hello')],
  ['end(data, callback)', 'hello', (res, callback) => res.end('hello', callback)],
  ['end(data, encoding)', 'hello', (res) => res.end('68656c6c6f', 'hex')],
  ['end(data, encoding, callback)', 'hello', (res, callback) => res.end('68656c6c6f', 'hex', callback)],
  ['end(buffer)', 'hello', (res) => res.end(Buffer.from('hello'))],
  ['end(null, null, callback)', '', (res, callback) => res.end(null, null, callback)]
]

for (const [form, body, end] of ENDS) {
  eachWay(`${form} sends the body, calls back once and returns the response`, async (t, open) => {
    let calls = 0
    const results = []
    const closed = deferred()
    const { browser } = await page(t, (_req, res) => {
      res.on('close', closed.resolve)
      results.push(end(res, () => calls++) === res)
    }, { store: open() })
    const { status, text, cookies } = await browser().get('/')
    await closed.promise
    assert.deepEqual([status, text, cookies.length, results], [200, body, 1, [true]])
    assert.equal(calls, form.includes('callback') ? 1 : 0)
  })
}

eachWay('a second end changes nothing and tells its callback so', async (t, open) => {
  const told = deferred()
  const { browser, store } = await page(t, (_req, res) => {
    res.end('first')
    assert.equal(res.end('second', (error) => told.resolve(error)), res)
    assert.equal(res.end(), res)
  }, { store: open() })
  assert.equal((await browser().get('/')).text, 'first')
  assert.equal((await told.promise).code, 'ERR_STREAM_ALREADY_FINISHED')
  assert.equal(store.calls?.length ?? 1, 1)
})

eachWay('what was written goes out before the end', async (t, open) => {
  const { browser } = await page(t, (_req, res) => {
    res.write('one, ')
    res.write('two, ')
    res.end('three')
  }, { store: open() })
  const { text, cookies } = await browser().get('/')
  assert.deepEqual([text, cookies.length], ['one, two, three', 1])
})

const HEADS = [
  ['an object', (res) => res.writeHead(201, { 'Set-Cookie': 'a=1', 'X-Own': 'yes' }), ['a=1']],
  ['an object with a list', (res) => res.writeHead(201, { 'Set-Cookie': ['a=1', 'b=2'], 'X-Own': 'yes' }), ['a=1', 'b=2']],
  ['pairs', (res) => res.writeHead(201, [['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['X-Own', 'yes']]), ['a=1', 'b=2']],
  ['a flat list', (res) => res.writeHead(201, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Own', 'yes']), ['a=1', 'b=2']],
  ['a reason', (res) => res.setHeader('X-Own', 'yes').writeHead(201, 'Fine'), []],
  ['a reason and an object', (res) => res.writeHead(201, 'Fine', { 'Set-Cookie': 'a=1', 'X-Own': 'yes' }), ['a=1']],
  ['a reason and a list', (res) => res.writeHead(201, 'Fine', ['Set-Cookie', 'a=1', 'X-Own', 'yes']), ['a=1']],
  ['no reason and an object', (res) => res.writeHead(201, undefined, { 'X-Own': 'yes' }), []],
  ['nothing, after setHeader', (res) => res.setHeader('Set-Cookie', 'a=1').setHeader('X-Own', 'yes').writeHead(201), ['a=1']],
  ['nothing, after setHeader with a list', (res) =>
    res.setHeader('Set-Cookie', ['a=1', 'b=2']).setHeader('X-Own', 'yes').writeHead(201), ['a=1', 'b=2']],
  ['an object that replaces what setHeader has set', (res) =>
    res.setHeader('Set-Cookie', 'old=1').writeHead(201, { 'Set-Cookie': 'a=1', 'X-Own': 'yes' }), ['a=1']],
  ['a list that replaces what setHeader has set', (res) =>
    res.setHeader('Set-Cookie', 'old=1').writeHead(201, ['set-cookie', 'a=1', 'X-Own', 'yes']), ['a=1']]
]

for (const [what, head, own] of HEADS) {
  eachWay(`writeHead with ${what} keeps all headers and adds the cookie`, async (t, open) => {
    const { browser } = await page(t, (_req, res) => {
      assert.equal(head(res), res)
      res.end('hello')
    }, { store: open() })
    const { status, statusMessage, headers, cookies, text } = await browser().get('/')
    assert.deepEqual([status, headers['x-own'], text], [201, 'yes', 'hello'])
    assert.equal(statusMessage, what.startsWith('a reason') ? 'Fine' : 'Created')
    assert.deepEqual(cookies.slice(0, -1), own)
    assert.match(cookies.at(-1), /^connect\.sid=/)
  })
}

eachWay('a second writeHead is an error of Node', async (t, open) => {
  const { browser, errors } = await page(t, (_req, res) => {
    res.writeHead(200)
    assert.throws(() => res.writeHead(201), { code: 'ERR_HTTP_HEADERS_SENT' })
    res.end('hello')
  }, { store: open() })
  assert.equal((await browser().get('/')).text, 'hello')
  assert.deepEqual(errors, [])
})

eachWay('HEAD, 204 and 304 have cookies and no body', async (t, open) => {
  const { browser } = await page(t, (req, res) => {
    res.statusCode = Number(req.headers['x-status'])
    res.end('hello')
  }, { store: open() })
  for (const [method, status] of [['HEAD', 200], ['GET', 204], ['GET', 304]]) {
    const answer = await browser().get('/', { method, headers: { 'x-status': status } })
    assert.deepEqual([answer.status, answer.text, answer.cookies.length], [status, '', 1])
  }
})

/** Waits until all that the server has sent so far must have arrived: a round trip on another connection. */
const caughtUp = (visited) => visited.browser().get('/other')

test('nothing of a redirect leaves before the session is saved', async (t) => {
  const store = new PlainStore()
  const visited = await page(t, (_req, res) => {
    res.writeHead(302, { Location: '/other' })
    res.end()
  }, { store })
  const { reached, release } = store.hold('set')
  const connection = raw(visited.port, requests('/'))
  await reached
  await caughtUp(visited)
  // writeHead alone sends nothing: Node keeps the head until there is a body or an end.
  assert.equal(connection.text(), '')
  release()
  assert.match(await connection.ended, /^HTTP\/1\.1 302 Found\r\nLocation: \/other\r\nSet-Cookie: connect\.sid=/)
  assert.equal(store.sessions.size, 1)
})

test('nothing of a page leaves before the session is saved', async (t) => {
  const store = new PlainStore()
  const visited = await page(t, () => 'hello', { store })
  const { reached, release } = store.hold('set')
  const connection = raw(visited.port, requests('/'))
  await reached
  await caughtUp(visited)
  assert.equal(connection.text(), '')
  release()
  assert.match(await connection.ended, /^HTTP\/1\.1 200 OK\r\nSet-Cookie: .*"?hello"?$/s)
})

test('the end of a stream waits for the save, what was written does not', async (t) => {
  const store = new PlainStore()
  const visited = await page(t, (_req, res) => {
    res.write('begun')
    res.end(', ended')
  }, { store })
  const { reached, release } = store.hold('set')
  const connection = raw(visited.port, requests('/'))
  await reached
  await caughtUp(visited)
  assert.match(connection.text(), /begun/)
  assert.doesNotMatch(connection.text(), /ended/)
  release()
  assert.match(await connection.ended, /begun\r\n.*, ended/s)
})

test('while its session is saved a response behaves as one that has ended', async (t) => {
  const store = new PlainStore()
  const results = deferred()
  const { browser } = await page(t, async (_req, res) => {
    const { reached, release } = store.hold('set')
    res.setHeader('X-Own', 'yes')
    res.end('hello')
    await reached
    try {
      for (const act of [
        () => res.setHeader('X-Own', 'no'), () => res.setHeaders(new Map()), () => res.appendHeader('X-Own', 'no'),
        () => res.removeHeader('X-Own'), () => res.writeHead(500)
      ]) {
        assert.throws(act, { code: 'ERR_HTTP_HEADERS_SENT' })
      }
      assert.throws(() => res.setHeader('X-Own', 'no'), { message: 'Cannot set headers after they are sent to the client' })
      assert.deepEqual([res.headersSent, res.writableEnded, res.flushHeaders()], [true, true, undefined])
      assert.equal(res.end('more'), res)
      const emitted = once(res, 'error')
      const told = deferred()
      assert.equal(res.write('more', told.resolve), false)
      assert.equal((await emitted)[0].code, 'ERR_STREAM_WRITE_AFTER_END')
      assert.equal((await told.promise).code, 'ERR_STREAM_WRITE_AFTER_END')
      const [again, toldAgain] = [once(res, 'error'), deferred()]
      res.write('more', 'utf8', toldAgain.resolve)
      await Promise.all([again, toldAgain.promise])
      results.resolve('fine')
    } catch (error) {
      results.resolve(error)
    }
    release()
  }, { store })
  const { status, headers, text } = await browser().get('/')
  assert.equal(await results.promise, 'fine')
  assert.deepEqual([status, headers['x-own'], text], [200, 'yes', 'hello'])
})

test('a write after the end of a response whose client has gone is no error event', async (t) => {
  const store = new PlainStore()
  const seen = deferred()
  const { browser } = await page(t, async (_req, res) => {
    const { reached, release } = store.hold('set')
    const emitted = []
    const told = deferred()
    res.on('error', (error) => emitted.push(error))
    res.end('hello')
    await reached
    res.destroy()
    res.write('more', told.resolve)
    seen.resolve([(await told.promise).code, emitted])
    release()
  }, { store })
  await assert.rejects(browser().get('/'), { code: 'ECONNRESET' })
  assert.deepEqual(await seen.promise, ['ERR_STREAM_WRITE_AFTER_END', []])
})

test('what an application has put on its response comes back after the save', async (t) => {
  const store = new PlainStore()
  const seen = []
  const { browser } = await page(t, (_req, res) => {
    const { write } = res
    const own = (...rest) => write.apply(res, rest)
    res.write = own
    res.on('finish', () => seen.push(res.write === own, Object.hasOwn(res, 'setHeader'), res.headersSent))
    res.end('hello')
  }, { store })
  await browser().get('/')
  assert.deepEqual(seen, [true, false, true])
})

test('a property of its own that only a definition can change is shadowed and comes back, too', async (t) => {
  const store = new PlainStore()
  const seen = []
  const { browser } = await page(t, async (_req, res) => {
    const { reached, release } = store.hold('set')
    Object.defineProperty(res, 'writableEnded', { get: () => 'own', configurable: true })
    Object.defineProperty(res, 'flushHeaders', { value: () => 'own', configurable: true })
    res.on('finish', () => seen.push(res.writableEnded, res.flushHeaders()))
    res.end('hello')
    await reached
    seen.push(res.writableEnded, res.flushHeaders())
    release()
  }, { store })
  await browser().get('/')
  assert.deepEqual(seen, [true, undefined, 'own', 'own'])
})

/** What Express 5 does with an answer of an application that goes on before its session is saved. */
const GOING_ON = {
  'a mounted application that goes on after its answer': (app, inner) => app.use(inner((_req, res, next) => {
    res.status(201).set('X-Own', 'yes').set('X-List', ['a', 'b']).json('the answer')
    next()
  })),
  'a mounted application that throws after its answer': (app, inner) => app.use(inner((_req, res) => {
    res.status(201).set('X-Own', 'yes').set('X-List', ['a', 'b']).json('the answer')
    throw new Error('too late')
  })),
  'an answer before a mounted application': (app, inner) => {
    app.use((_req, res, next) => {
      res.status(201).set('X-Own', 'yes').set('X-List', ['a', 'b']).json('the answer')
      next()
    })
    app.use(inner((_req, _res, next) => next()))
  }
}

for (const [what, build] of Object.entries(GOING_ON)) {
  test(`${what} has given the only answer`, async (t) => {
    const store = new PlainStore()
    const { reached, release } = store.hold('set')
    const app = express().disable('x-powered-by')
    const seen = []
    app.use(session({ ...DEFAULTS, store }), (req, _res, next) => {
      req.session.visits = 1
      next()
    })
    build(app, (handler) => express().disable('x-powered-by').get('/', handler))
    const tooLate = (res) => reached.then(() => {
      seen.push(res.headersSent)
      res.status(404).set('X-Other', 'yes').append('X-List', 'c').removeHeader('X-Own')
      res.send('a page that is much longer than the answer')
      release()
    })
    app.use((_req, res) => tooLate(res))
    app.use((_error, _req, res, _next) => tooLate(res))
    const server = app.listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { status, text, headers, cookies } = await new Browser(server.address().port).get('/')
    assert.deepEqual([status, text, cookies.length], [201, '"the answer"', 1])
    assert.deepEqual([headers['x-own'], headers['x-other'], headers['content-length']], ['yes', undefined, '12'])
    assert.deepEqual([headers['x-list'], seen], ['a, b', [true]])
  })
}

test('what is said of a response while its session is saved comes too late, and its cookie is sent', async (t) => {
  const store = new PlainStore()
  const { browser } = await page(t, async (_req, res) => {
    const { reached, release } = store.hold('set')
    res.end('hello')
    await reached
    // As an error page would, and middleware that waits for headers.
    res.statusCode = 500
    res.statusMessage = 'Oh no'
    const { writeHead } = res
    res.writeHead = function (...rest) {
      return writeHead.apply(this, rest)
    }
    release()
  }, { store })
  const { status, text, cookies } = await browser().get('/')
  assert.deepEqual([status, text, cookies.length], [200, 'hello', 1])
})

test('what is put on a response while its session is saved does not stay', async (t) => {
  const store = new PlainStore()
  const { reached, release } = store.hold('set')
  const { browser } = await page(t, async (_req, res) => {
    Object.defineProperty(res, 'headersSent', { value: false, writable: true, configurable: true })
    res.end('hello')
    await reached
    const { setHeader } = res
    res.setHeader = function (...rest) {
      return setHeader.apply(this, rest)
    }
    release(new Error('no'))
  }, { store, onError: (_error, _req, res) => {
    res.setHeader('X-Own', String(Object.getOwnPropertyDescriptor(res, 'headersSent').value))
    res.end('an error')
  } })
  const { headers, text } = await browser().get('/')
  assert.deepEqual([headers['x-own'], text], ['false', 'an error'])
})

/** Headers that tell of the body that is not sent. */
const OF_THE_BODY = {
  'Content-Length': '5', 'Content-Type': 'text/html', 'Content-Language': 'de', 'Content-Encoding': 'identity', ETag: '"one"',
  'Last-Modified': 'Tue, 01 Jan 2030 00:00:00 GMT', Location: '/other'
}

for (const method of ['set', 'touch', 'destroy']) {
  test(`a ${method} that fails is a real 500, whose headers tell nothing of the body that was not sent`, async (t) => {
    const store = new PlainStore()
    const answer = (_req, res) => {
      for (const [name, value] of Object.entries(OF_THE_BODY)) res.setHeader(name, value)
      res.setHeader('X-Own', 'yes')
      res.end('hello')
    }
    const { browser, errors } = await site(t, {
      store,
      unset: 'destroy',
      routes: {
        '/': (req) => (req.session.n = 1),
        '/set': (req, res) => answer(req, res, (req.session.n = 2)),
        '/touch': answer,
        '/destroy': (req, res) => answer(req, res, delete req.session)
      },
      onError: (error, _req, res) => {
        assert.equal(res.headersSent, false)
        res.writeHead(500, { 'Content-Type': 'text/plain' })
        res.end(`sorry: ${error.message}`)
      }
    })
    const visitor = browser()
    await visitor.get('/')
    store.fail(method, new Error('the disk is gone'))
    const { status, headers, text, cookies } = await visitor.get(`/${method}`)
    assert.deepEqual([status, text, cookies, errors.length], [500, 'sorry: the disk is gone', [], 1])
    assert.deepEqual([headers['content-type'], headers['x-own']], ['text/plain', 'yes'])
    for (const name of ['content-language', 'content-encoding', 'etag', 'last-modified', 'location']) {
      assert.equal(headers[name], undefined, name)
    }
  })
}

test('a save that fails after writeHead is an error, but the head is fixed already', async (t) => {
  const store = new PlainStore()
  const told = deferred()
  const { browser } = await page(t, (_req, res) => {
    res.writeHead(202)
    res.end('hello')
  }, { store, onError: (error) => told.resolve(error.message) })
  store.fail('set', new Error('the disk is gone'))
  const { status, text } = await browser().get('/')
  assert.deepEqual([status, text, await told.promise], [202, 'hello', 'the disk is gone'])
})

test('a save that fails when a stream has begun is an error, and the stream ends', async (t) => {
  const store = new PlainStore()
  const told = deferred()
  const { browser } = await page(t, (_req, res) => {
    res.write('begun')
    res.end(', ended')
  }, { store, onError: (error, _req, res) => told.resolve([error.message, res.headersSent]) })
  store.fail('set', new Error('the disk is gone'))
  const { status, text } = await browser().get('/')
  assert.deepEqual([status, text], [200, 'begun, ended'])
  assert.deepEqual(await told.promise, ['the disk is gone', true])
})

eachWay('a body that Node refuses is an error of the request', async (t, open) => {
  const { browser, errors } = await page(t, (_req, res) => void res.end(123), { store: open() })
  const { status, text } = await browser().get('/')
  assert.equal(status, 500)
  assert.match(text, /"chunk" argument must be/)
  assert.equal(errors.length, 1)
})

test('a cookie that can not be written any more is an error after the response', async (t) => {
  const told = deferred()
  const { browser } = await page(t, (req, res) => {
    req.session.cookie.domain = 'a b'
    res.write('hello')
    res.end()
  }, { onError: (error) => told.resolve(error.message) })
  const { text, cookies } = await browser().get('/')
  assert.deepEqual([text, cookies], ['hello', []])
  assert.equal(await told.promise, 'option domain is invalid')
})

test('a client that goes away while its session is saved is no error', async (t) => {
  const store = new PlainStore()
  const closed = deferred()
  const { port, errors, browser } = await page(t, (_req, res) => {
    res.on('close', closed.resolve)
    return 'hello'
  }, { store })
  const { reached, release } = store.hold('set')
  const { socket } = raw(port, requests('/'))
  await reached
  socket.destroy()
  await closed.promise
  release()
  assert.equal(await browser().read('/other'), 'other')
  assert.equal(store.sessions.size, 1)
  assert.deepEqual(errors, [])
})

test('pipelined requests are answered in their order, whichever session is saved first', async (t) => {
  const store = new PlainStore()
  const { port } = await site(t, {
    store,
    routes: Object.fromEntries(['/1', '/2', '/3'].map((path) => [path, (req) => (req.session.path = path)]))
  })
  const { reached, release } = store.hold('set')
  const connection = raw(port, requests('/1', '/2', '/3'))
  await reached
  release()
  assert.deepEqual((await connection.ended).match(/"\/\d"/g), ['"/1"', '"/2"', '"/3"'])
  assert.equal(store.sessions.size, 3)
})

test('a connection is kept for the next request', async (t) => {
  const { port } = await page(t, (req) => req.session.visits, { store: new PlainStore() })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const visit = async () => {
    const [response] = await once(http.get({ port, host: '127.0.0.1', agent }), 'response')
    response.resume()
    await once(response, 'end')
    return response.req.reusedSocket
  }
  assert.deepEqual([await visit(), await visit()], [false, true])
})

/** A page by HTTP/2: headers and body. */
async function visit2(client, path, cookie) {
  const stream = client.request({ ':path': path, ...(cookie && { cookie }) })
  const [headers] = await once(stream, 'response')
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  return { status: headers[':status'], cookies: headers['set-cookie'] ?? [], headers, text }
}

eachWay('HTTP/2 has sessions, redirects, streams and errors, too, and no warning', async (t, open) => {
  const warnings = warningsOf(t)
  const { port, errors } = await site(t, {
    store: open(),
    create: http2.createServer,
    routes: {
      '/': (req) => (req.session.visits = (req.session.visits ?? 0) + 1),
      '/redirect': (req, res) => {
        req.session.seen = true
        res.writeHead(302, { location: '/' }).end()
      },
      '/stream': (req, res) => {
        req.session.streamed = true
        res.write('begun')
        res.end(', ended')
      },
      '/bad': (req) => void (req.session.big = 1n) ?? 'hello'
    }
  })
  const client = http2.connect(`http://127.0.0.1:${port}`)
  t.after(() => client.close())
  const first = await visit2(client, '/')
  assert.deepEqual([first.status, first.text, first.cookies.length], [200, '1', 1])
  const cookie = first.cookies[0].split(';')[0]
  assert.equal((await visit2(client, '/', cookie)).text, '2')
  const redirect = await visit2(client, '/redirect')
  assert.deepEqual([redirect.status, redirect.headers.location, redirect.cookies.length], [302, '/', 1])
  assert.equal((await visit2(client, '/stream')).text, 'begun, ended')
  assert.deepEqual(errors, [])
  assert.equal((await visit2(client, '/bad')).status, 500)
  assert.equal((await visit2(client, '/', cookie)).text, '3')
  assert.deepEqual(warnings, [])
})

test('a response without methods gets a session, as WebSocket servers want it', async () => {
  const middleware = session({ ...DEFAULTS, store: new PlainStore() })
  const req = { url: '/', headers: {} }
  await new Promise((done) => middleware(req, {}, done))
  req.session.name = 'Ann'
  await req.session.save()
  assert.equal(req.sessionStore.sessions.size, 1)
})
