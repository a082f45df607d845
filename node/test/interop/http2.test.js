'use strict'

// express-session relies on what only HTTP/1 responses of Node have, so this is about ours alone.

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const http2 = require('node:http2')
const https = require('node:https')
const path = require('node:path')

const connect = require('connect')

const application = require('./apps/http')
const { folder, listen, ours } = require('./helpers')

const AUTO = { cookie: { secure: 'auto', sameSite: 'auto' } }

/** A browser of HTTP/2 that keeps one cookie. */
function browserOf(t, address, options) {
  const client = http2.connect(address, options)
  t.after(() => client.destroy())
  let kept
  const get = async (path, cookie = kept) => {
    const stream = client.request({ ':path': path, ...(cookie ? { cookie } : {}) })
    const [headers] = await once(stream, 'response')
    const line = headers['set-cookie']?.[0]
    if (line) kept = line.split(';')[0]
    return { status: headers[':status'], line, text: await textOf(stream), kept }
  }
  return { get }
}

async function textOf(stream) {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

async function plaintext(t, app) {
  const server = await listen(t, null, http2.createServer(app))
  return browserOf(t, `http://127.0.0.1:${server.address().port}`)
}

/** A server that speaks HTTP/1.1, too, and is known by a certificate of its own. */
async function encrypted(t, app) {
  const { key, cert } = certificate(await folder(t))
  const server = await listen(t, null, http2.createSecureServer({ key, cert, allowHTTP1: true }, app))
  return { port: server.address().port, ca: cert }
}

function certificate(directory) {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(directory, name))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'pipe' })
  return { key: fs.readFileSync(key), cert: fs.readFileSync(cert) }
}

const HOSTS = {
  'HTTP/2': application,
  'Connect on HTTP/2': (session, options) => connect().use(application(session, options))
}

for (const [host, build] of Object.entries(HOSTS)) {
  ours(`${host}: visits are counted`, async ({ t, session }) => {
    const { get } = await plaintext(t, build(session))
    const first = await get('/visit')
    assert.match(first.line, /^connect\.sid=s%3A[^;]+; Path=\/; HttpOnly$/)
    assert.deepEqual([first.status, first.text], [200, '1'])
    const second = await get('/visit')
    assert.deepEqual([second.text, second.line], ['2', undefined])
  })

  for (const [path, status, text, visits] of [['/head', 201, 'made', '101'], ['/pieces', 200, 'one two', '201'], ['/redirect', 302, '', '301']]) {
    ours(`${host}: ${path} has its cookie and is saved`, async ({ t, session }) => {
      const { get } = await plaintext(t, build(session))
      const answer = await get(path)
      assert.deepEqual([answer.status, answer.text], [status, text])
      assert.ok(answer.line)
      assert.equal((await get('/visit')).text, visits)
    })
  }

  ours(`${host}: a session is ended and begun anew`, async ({ t, session }) => {
    const { get } = await plaintext(t, build(session))
    const { kept } = await get('/visit')
    const renewed = await get('/regenerate')
    assert.notEqual(renewed.kept, kept)
    assert.equal((await get('/visit', kept)).text, '1')
    assert.equal((await get('/visit', renewed.kept)).text, '401')
    assert.equal((await get('/end', renewed.kept)).text, 'ended')
    assert.equal((await get('/visit', renewed.kept)).text, '1')
  })
}

ours('HTTP/2: the session is found among cookies that come one by one', async ({ t, session }) => {
  const { get } = await plaintext(t, application(session))
  const { kept } = await get('/visit')
  assert.equal((await get('/visit', ['a=1', kept, 'b=2'])).text, '2')
})

ours('HTTP/2 in plaintext: cookies that adapt to the connection are not Secure', async ({ t, session }) => {
  const { get } = await plaintext(t, application(session, AUTO))
  assert.match((await get('/visit')).line, /; HttpOnly; SameSite=Lax$/)
})

ours('HTTP/2 over TLS: HTTP/2 and HTTP/1.1 share a visitor, whose cookie is Secure', async ({ t, session }) => {
  const { port, ca } = await encrypted(t, application(session, AUTO))
  const first = await browserOf(t, `https://127.0.0.1:${port}`, { ca }).get('/visit')
  assert.match(first.line, /; HttpOnly; Secure; SameSite=None$/)
  const request = https.get({ host: '127.0.0.1', port, ca, path: '/visit', agent: false, headers: { Cookie: first.kept } })
  const [response] = await once(request, 'response')
  assert.deepEqual([response.httpVersion, await textOf(response)], ['1.1', '2'])
})
