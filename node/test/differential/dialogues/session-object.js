'use strict'

// The Session constructor and the base class of stores, without any request.

const REQUEST = { sessionID: 'an-id' }

const call = (target, method, ...args) => new Promise(resolve => target[method](...args, (...answer) => resolve(answer)))

module.exports = [
  ...[undefined, null, {}, { a: 1 }, { save: 1, id: 2, a: 3 }, 'text', 7, ['x'], { cookie: { path: '/' } }].map(data => ({
    name: `Session of ${JSON.stringify(data)}`,
    script: kit => {
      const session = new kit.session.Session(REQUEST, data)
      kit.note(`${JSON.stringify(session)} ${session.id} ${session.req === REQUEST} ${Object.keys(session)}`)
      kit.note(String(session instanceof kit.session.Session))
    }
  })),
  {
    name: 'Session copies inherited data too',
    script: kit => kit.note(JSON.stringify(new kit.session.Session(REQUEST, Object.create({ inherited: 1 }))))
  },
  {
    name: 'methods of Session.prototype: hidden, writable, configurable',
    script: kit => {
      for (const name of ['touch', 'resetMaxAge', 'save', 'reload', 'destroy', 'regenerate']) {
        const { enumerable, writable, configurable, value } = Object.getOwnPropertyDescriptor(kit.session.Session.prototype, name)
        kit.note(`${name} ${enumerable} ${writable} ${configurable} ${value.name}`)
      }
    }
  },
  {
    name: 'Store is an EventEmitter that can be called without new',
    script: kit => {
      const { Store } = kit.session
      const target = Object.create(Store.prototype)
      kit.attempt(() => Store.call(target))
      kit.note(`${new Store() instanceof require('node:events')} ${typeof target.on} ${Store.name}`)
      for (const name of ['regenerate', 'load', 'createSession']) kit.note(`${name} ${typeof Store.prototype[name]} ${Store.prototype[name].length}`)
    }
  },
  {
    name: 'createSession revives a document',
    script: kit => {
      const documents = [
        { cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 20_000).toISOString(), path: '/' }, n: 1 },
        { cookie: { path: '/x' } },
        { cookie: {} },
        { n: 1 },
        null
      ]
      for (const document of documents) {
        const req = { sessionID: 'id', sessionStore: kit.store }
        const session = kit.attempt(() => kit.store.createSession(req, document))
        if (session) kit.note(`${JSON.stringify(session)} ${req.session === session} ${session.cookie.expires instanceof Date}`)
      }
    }
  },
  {
    name: 'load gives a session, nothing, or an error',
    script: async kit => {
      kit.store.documents.set('known', '{"cookie":{"path":"/"},"n":1}')
      const [error, session] = await call(kit.store, 'load', 'known')
      kit.note(`${error} ${JSON.stringify(session)} ${session.id} ${session instanceof kit.session.Session}`)
      kit.note(JSON.stringify(await call(kit.store, 'load', 'unknown')))
      kit.store.fail = { get: 'error' }
      kit.note((await call(kit.store, 'load', 'known'))[0].message)
    }
  },
  {
    name: 'a loaded session saves itself',
    script: async kit => {
      kit.store.documents.set('known', '{"cookie":{"path":"/"},"n":1}')
      const [, session] = await call(kit.store, 'load', 'known')
      session.n = 2
      await call(session, 'save')
      session.touch()
      await call(session, 'destroy')
    }
  },
  {
    name: 'MemoryStore: set, get, touch, destroy, all, length, clear',
    stores: ['memory'],
    script: async kit => {
      const { store } = kit
      const tell = async (method, ...args) => kit.note(`${method} → ${JSON.stringify(await call(store, method, ...args))}`)
      const document = n => ({ cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000), path: '/' }, n })
      await tell('get', 'a')
      await tell('set', 'a', document(1))
      await tell('set', 'b', document(2))
      await tell('get', 'a')
      await tell('length')
      await tell('touch', 'a', { cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 120_000), path: '/' }, n: 9 })
      await tell('get', 'a')
      await tell('touch', 'unknown', document(3))
      await tell('get', 'unknown')
      kit.note(Object.keys((await call(store, 'all'))[1]).sort().join())
      await tell('destroy', 'a')
      await tell('destroy', 'a')
      await tell('get', 'a')
      await tell('clear')
      await tell('length')
    }
  },
  {
    name: 'MemoryStore: expired sessions are gone',
    stores: ['memory'],
    script: async kit => {
      const { store } = kit
      await call(store, 'set', 'old', { cookie: { expires: new Date(Date.now() - 10_000), path: '/' } })
      await call(store, 'set', 'new', { cookie: { expires: new Date(Date.now() + 10_000), path: '/' } })
      kit.note(Object.keys((await call(store, 'all'))[1]).join())
      kit.note(JSON.stringify(await call(store, 'get', 'old')))
      kit.note(JSON.stringify(await call(store, 'length')))
    }
  },
  {
    name: 'MemoryStore: methods without a callback',
    stores: ['memory'],
    script: async kit => {
      const { store } = kit
      store.set('a', { cookie: { path: '/' } })
      store.touch('a', { cookie: { path: '/' } })
      store.destroy('b')
      kit.note(JSON.stringify(await call(store, 'length')))
      store.clear()
      kit.note(JSON.stringify(await call(store, 'length')))
    }
  },
  {
    name: 'MemoryStore: a document is copied in and out',
    stores: ['memory'],
    script: async kit => {
      const document = { cookie: { path: '/' }, list: [1] }
      await call(kit.store, 'set', 'a', document)
      document.list.push(2)
      const [, first] = await call(kit.store, 'get', 'a')
      first.list.push(3)
      kit.note(JSON.stringify(await call(kit.store, 'get', 'a')))
    }
  },
  {
    name: 'MemoryStore: callbacks come after the call has returned',
    stores: ['memory'],
    script: async kit => {
      const order = []
      const wait = call(kit.store, 'get', 'a').then(() => order.push('get'))
      order.push('returned')
      await wait
      kit.note(order.join())
    }
  },
  {
    name: 'MemoryStore can be extended and called without new',
    stores: ['memory'],
    script: kit => {
      const { MemoryStore, Store } = kit.session
      class Mine extends MemoryStore {}
      kit.note(`${new Mine() instanceof MemoryStore} ${new Mine() instanceof Store} ${MemoryStore.name} ${MemoryStore.length}`)
    }
  },
  {
    name: 'MemoryStore: a document that can not be written',
    stores: ['memory'],
    script: async kit => {
      await call(kit.store, 'set', 'a', { cookie: {}, big: 1n })
        .then(([error]) => kit.note(`set → ${error}`), error => kit.note(`set throws ${error}`))
    }
  }
]
