'use strict'

// Changing req.session.cookie in a handler.

const NEW = [['set', 'n', 1]]

const CHANGES = {
  'maxAge longer': ['maxAge', 120_000],
  'maxAge shorter': ['maxAge', 10_000],
  'maxAge null': ['maxAge', null],
  'maxAge zero': ['maxAge', 0],
  'expires': ({ req }) => { req.session.cookie.expires = new Date(Date.now() + 240_000) },
  'expires null': ['cookie', 'expires', null],
  'originalMaxAge': ['cookie', 'originalMaxAge', 120_000],
  'httpOnly': ['cookie', 'httpOnly', false],
  'path': ['cookie', 'path', '/other'],
  'domain': ['cookie', 'domain', 'example.org'],
  'sameSite': ['cookie', 'sameSite', 'strict'],
  'priority': ['cookie', 'priority', 'high'],
  'partitioned': ['cookie', 'partitioned', true],
  'secure': ['cookie', 'secure', true]
}

const LIVES = { 'a browser session': {}, 'a minute': { maxAge: 60_000 } }
const ALL = Object.entries(CHANGES).flatMap(change => Object.entries(LIVES).map(life => [change, life]))

module.exports = [
  ...ALL.map(([[name, change], [life, cookie]]) => ({
    name: `of a new session of ${life}: ${name}`,
    options: { cookie },
    stores: ['sync'],
    steps: [[change, ...NEW], []]
  })),
  ...ALL.map(([[name, change], [life, cookie]]) => ({
    name: `of an old session of ${life}, with data: ${name}`,
    options: { cookie },
    stores: ['sync'],
    steps: [NEW, [change, ['set', 'n', 2]]]
  })),
  ...ALL.map(([[name, change], [life, cookie]]) => ({
    name: `of an old session of ${life}, alone: ${name}`,
    options: { cookie },
    hosts: ['express5'],
    stores: ['deferred'],
    steps: [NEW, [change]]
  })),
  ...['maxAge', 'originalMaxAge'].map(key => ({
    name: `a new session without data, ${key} alone`,
    stores: ['sync'],
    steps: [[['cookie', key, 120_000]]]
  })),
  {
    name: 'maxAge of a wrong type throws',
    stores: ['sync'],
    steps: [[['maxAge', 'soon']]]
  },
  {
    name: 'a cookie replaced by another object',
    stores: ['sync'],
    steps: [[({ req, kit }) => { req.session.cookie = new kit.session.Cookie({ maxAge: 30_000, path: '/x' }); req.session.n = 1 }]]
  },
  {
    name: 'the secure flag taken off for http',
    stores: ['sync'],
    options: { cookie: { secure: true } },
    steps: [[['cookie', 'secure', false], ...NEW]]
  }
]
