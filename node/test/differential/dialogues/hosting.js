'use strict'

// Where the middleware stands: twice, nested, in Connect, without a response, beside a disconnected store.

const { EventEmitter } = require('node:events')
const util = require('node:util')
const { EXPRESS } = require('../ways')
const { requireFromPackage } = require('../library')

const SET = ['set', 'n', 1]
const ALL = { hosts: ['express5', 'express4', 'http', 'connect'] }

function router(way) {
  return requireFromPackage(way.host === 'express4' ? 'express4' : 'express').Router()
}

module.exports = [
  { name: 'Connect', hosts: ['connect'], steps: [[SET], [], [['regenerate']], [['destroy']]] },
  {
    name: 'two middlewares of the same options',
    ...ALL,
    layers: kit => [kit.middleware(), kit.middleware()],
    steps: [[SET], [], [['set', 'n', 2]]]
  },
  {
    name: 'two middlewares of different names on one path: the first counts',
    ...ALL,
    layers: kit => [kit.middleware({ name: 'first' }), kit.middleware({ name: 'second' })],
    steps: [[SET], []]
  },
  {
    name: 'two middlewares on one store, different cookie options and paths',
    stores: ['sync'],
    hosts: ['express5', 'http'],
    layers: kit => [
      kit.middleware({ name: 'admin', cookie: { path: '/admin', maxAge: 60_000 } }),
      kit.middleware({ name: 'shop', cookie: { path: '/', sameSite: 'lax' } })
    ],
    steps: [{ url: '/admin/x', jar: 'a', do: [SET] }, { url: '/x', jar: 'b', do: [SET] }, { url: '/admin/x', jar: 'a', do: [['regenerate']] }]
  },
  {
    name: 'two middlewares on one store, different genid',
    stores: ['sync'],
    hosts: ['express5'],
    layers: kit => [
      kit.middleware({ name: 'admin', genid: () => 'for-admin', cookie: { path: '/admin' } }),
      kit.middleware({ name: 'shop', genid: () => 'for-shop' })
    ],
    steps: [{ url: '/admin/x', jar: 'a', do: [SET] }, { url: '/x', jar: 'b', do: [SET] }]
  },
  {
    name: 'two middlewares on two stores',
    hosts: ['express5', 'http'],
    stores: ['sync'],
    layers: kit => [
      kit.middleware({ name: 'admin', store: new kit.session.MemoryStore(), cookie: { path: '/admin' } }),
      kit.middleware({ name: 'shop' })
    ],
    steps: [{ url: '/admin/x', jar: 'a', do: [SET] }, { url: '/admin/x', jar: 'a' }, { url: '/x', jar: 'b', do: [SET] }]
  },
  {
    name: 'in a nested router',
    hosts: EXPRESS,
    layers: kit => {
      const [outer, inner] = [router(kit.way), router(kit.way)]
      inner.use(kit.middleware())
      outer.use('/inner', inner)
      return [['/outer', outer]]
    },
    steps: [{ url: '/outer/inner/x', do: [SET] }, { url: '/outer/inner/y' }, { url: '/outer/z' }]
  },
  {
    name: 'outside and again in a nested router',
    hosts: EXPRESS,
    layers: kit => {
      const inner = router(kit.way)
      inner.use(kit.middleware({ name: 'inner' }))
      return [kit.middleware(), ['/inner', inner]]
    },
    steps: [{ url: '/inner/x', do: [SET] }, { url: '/inner/x' }]
  },
  {
    name: 'req.session already there is left alone',
    stores: ['sync'],
    before: [() => (req, res, next) => { req.session = { theirs: true }; next() }],
    steps: [({ req, res, kit }) => { kit.note(`${JSON.stringify(req.session)} ${req.sessionID} ${req.sessionStore}`); res.end('x') }]
  },
  {
    name: 'called with an empty response, as WebSocket servers do',
    script: async kit => {
      const middleware = kit.middleware()
      kit.store.documents.set('seeded', '{"cookie":{"originalMaxAge":null,"expires":null,"path":"/"},"n":1}')
      const req = { url: '/', headers: { cookie: kit.cookie('seeded') }, method: 'GET' }
      await new Promise(resolve => middleware(req, {}, resolve))
      kit.note(`${req.sessionID} ${JSON.stringify(req.session)}`)
      req.session.n = 2
      await new Promise(resolve => req.session.save(resolve))
      await new Promise(resolve => req.session.reload(resolve))
      await new Promise(resolve => req.session.destroy(resolve))
      kit.note(String(req.session))
    }
  },
  {
    name: 'called with an empty response and no cookie',
    script: async kit => {
      const req = { url: '/', headers: {} }
      let synchronous = false
      kit.middleware()(req, {}, error => { synchronous = true; kit.note(String(error)) })
      kit.note(`synchronous ${synchronous}, ${JSON.stringify(req.session)}`)
    }
  },
  {
    name: 'next is called before the middleware returns when there is no cookie',
    script: kit => {
      const order = []
      kit.middleware({ secret: 'keyboard cat' })({ url: '/', headers: {} }, {}, () => order.push('next'))
      order.push('returned')
      kit.note(order.join())
    }
  },
  {
    name: 'disconnect: requests pass without a session; connect: they have one again',
    ...ALL,
    steps: [
      [SET],
      { prepare: kit => kit.store.emit('disconnect'), do: [SET] },
      { prepare: kit => kit.store.emit('disconnect') },
      { prepare: kit => kit.store.emit('connect') },
      [['set', 'n', 2]]
    ]
  },
  {
    name: 'a disconnect between the request and its end',
    stores: ['sync'],
    steps: [[SET, ({ kit }) => { kit.store.emit('disconnect') }], { prepare: kit => kit.store.emit('connect') }]
  },
  {
    name: 'a store made by util.inherits and Store.call',
    stores: ['sync'],
    options: kit => ({ store: inherited(kit) }),
    steps: [[SET], [], [['regenerate']], [['destroy']]]
  },
  {
    name: 'a store that is only an EventEmitter with get, set and destroy',
    stores: ['sync'],
    options: kit => ({ store: bare(kit) }),
    steps: [[SET]]
  },
  {
    name: 'a store method patched on the instance is the one that is called',
    stores: ['sync', 'deferred'],
    steps: [
      [SET],
      {
        prepare: kit => {
          for (const method of ['get', 'set', 'touch', 'destroy']) {
            const original = kit.store[method]
            kit.store[method] = function (...args) { kit.note(`patched ${method}`); return original.apply(this, args) }
          }
        },
        do: [['set', 'n', 2]]
      },
      [],
      [['reload'], ['regenerate']],
      [['destroy']]
    ]
  },
  {
    name: 'touch added to the store after construction is not called',
    storeLacks: ['touch'],
    steps: [[SET], { prepare: kit => { kit.store.touch = (id, session, callback) => { kit.note('late touch'); callback() } } }]
  },
  {
    name: 'createSession patched on the store is called',
    stores: ['sync'],
    hosts: ['express5'],
    steps: [
      [SET],
      {
        prepare: kit => {
          const { createSession } = kit.store
          kit.store.createSession = function (req, data) { kit.note('createSession'); return createSession.call(this, req, { ...data, added: 1 }) }
        }
      }
    ]
  },
  {
    name: 'methods added to Session.prototype are there in handlers',
    stores: ['sync'],
    hosts: ['express5'],
    steps: [
      {
        prepare: kit => { kit.session.Session.prototype.visits = function () { return this.n } },
        do: [SET, ({ req, kit }) => { kit.note(`visits ${req.session.visits()}`); delete kit.session.Session.prototype.visits }]
      }
    ]
  }
]

function inherited(kit) {
  function OldStore() { kit.session.Store.call(this) }
  util.inherits(OldStore, kit.session.Store)
  delegate(OldStore.prototype, kit)
  return new OldStore()
}

function bare(kit) {
  return delegate(new EventEmitter(), kit)
}

function delegate(target, kit) {
  for (const method of ['get', 'set', 'destroy']) target[method] = (...args) => kit.store[method](...args)
  return target
}
