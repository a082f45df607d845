'use strict'

// Which connection is secure, and what secure: 'auto' and sameSite: 'auto' make of it.

const BUMP = [['set', 'n', 1]]
const HTTPS = { headers: { 'X-Forwarded-Proto': 'https' }, do: BUMP }

const tls = () => (req, res, next) => { req.socket.encrypted = true; next() }
const requestSecure = value => () => (req, res, next) => { Object.defineProperty(req, 'secure', { value, configurable: true }); next() }

const COOKIES = { 'secure true': { secure: true }, 'secure auto': { secure: 'auto' }, 'sameSite auto': { sameSite: 'auto' }, 'both auto': { secure: 'auto', sameSite: 'auto' }, 'secure false': { secure: false } }
const PROXIES = [undefined, true, false]

// Values of X-Forwarded-Proto with `proxy: true`.
const PROTOCOLS = ['https', 'HTTPS', ' https ', 'https,http', 'https , http', 'http,https', 'http', '', ',https', 'httpsx', 'wss', 'https;x']

module.exports = [
  ...Object.entries(COOKIES).flatMap(([name, cookie]) => PROXIES.map(proxy => ({
    name: `${name}, proxy ${proxy}`,
    options: { cookie, proxy },
    stores: ['sync', 'deferred'],
    steps: [{ ...HTTPS, jar: 'a' }, { jar: 'b', do: BUMP }]
  }))),
  ...Object.entries(COOKIES).flatMap(([name, cookie]) => PROXIES.map(proxy => ({
    name: `${name}, proxy ${proxy}, Express trusts the proxy`,
    options: { cookie, proxy },
    trustProxy: true,
    hosts: ['express5', 'express4'],
    stores: ['sync', 'deferred'],
    steps: [{ ...HTTPS, jar: 'a' }, { jar: 'b', do: BUMP }]
  }))),
  ...Object.entries(COOKIES).flatMap(([name, cookie]) => PROXIES.map(proxy => ({
    name: `${name}, proxy ${proxy}, a TLS socket`,
    options: { cookie, proxy },
    before: [tls],
    stores: ['sync'],
    steps: [BUMP]
  }))),
  ...[true, false, 'yes', 1, undefined].map(value => ({
    name: `req.secure ${value} with proxy undefined`,
    options: { cookie: { secure: true } },
    before: [requestSecure(value)],
    stores: ['sync'],
    steps: [BUMP]
  })),
  ...PROTOCOLS.map(protocol => ({
    name: `X-Forwarded-Proto ${JSON.stringify(protocol)}`,
    options: { cookie: { secure: true }, proxy: true },
    stores: ['sync'],
    hosts: ['express5', 'http'],
    steps: [{ headers: { 'X-Forwarded-Proto': protocol }, do: BUMP }]
  })),
  ...['yes', 1, 0, null, ''].map(proxy => ({
    name: `proxy ${JSON.stringify(proxy)} is neither true nor false`,
    options: { cookie: { secure: true }, proxy },
    trustProxy: false,
    stores: ['sync'],
    hosts: ['express5'],
    steps: [HTTPS]
  })),
  {
    name: 'a secure session made over https comes back over http',
    options: { cookie: { secure: true }, proxy: true, rolling: true },
    steps: [HTTPS, [['set', 'n', 2]], { ...HTTPS, do: [['set', 'n', 3]] }]
  },
  {
    name: 'an auto session made over http comes back over https',
    options: { cookie: { secure: 'auto', sameSite: 'auto' }, proxy: true, rolling: true },
    steps: [BUMP, { ...HTTPS, do: [] }, { ...HTTPS, do: [['regenerate'], ['set', 'n', 2]] }]
  },
  {
    name: 'X-Forwarded-Proto sent twice',
    options: { cookie: { secure: true }, proxy: true },
    stores: ['sync'],
    steps: [{ headers: { 'X-Forwarded-Proto': ['https', 'http'] }, do: BUMP }]
  }
]
