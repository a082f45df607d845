'use strict'

// regenerate, destroy, reload, save and touch: alone, in pairs and triples, for new and old sessions.

const NEW = [['set', 'n', 1]]
const METHODS = ['save', 'reload', 'regenerate', 'destroy', 'touch']
const CHANGE = ['set', 'k', 'x']

function orders(length) {
  if (length === 0) return [[]]
  return orders(length - 1).flatMap(rest => METHODS.map(method => [...rest, method]))
}

function interleaved(methods) {
  return methods.flatMap((method, index) => [[method], ['set', `after${index}`, method]])
}

module.exports = [
  ...[...orders(1), ...orders(2)].map(methods => ({
    name: `on an old session: ${methods.join(', ')}`,
    hosts: ['express5', 'http'],
    steps: [NEW, methods.map(method => [method]), []]
  })),
  ...[...orders(1), ...orders(2)].map(methods => ({
    name: `on a changed old session: ${methods.join(', ')}`,
    hosts: ['express4'],
    steps: [NEW, [CHANGE, ...interleaved(methods)], []]
  })),
  ...[...orders(1), ...orders(2)].map(methods => ({
    name: `on a new session: ${methods.join(', ')}`,
    hosts: ['express5'],
    stores: ['deferred'],
    steps: [[CHANGE, ...methods.map(method => [method])], []]
  })),
  ...orders(3).map(methods => ({
    name: `three in a row: ${methods.join(', ')}`,
    hosts: ['express4'],
    steps: [NEW, [CHANGE, ...interleaved(methods)], []]
  })),
  ...METHODS.map(method => ({
    name: `${method} on an untouched new session`,
    stores: ['deferred'],
    steps: [[[method]], []]
  })),
  ...METHODS.map(method => ({
    name: `${method} with saveUninitialized`,
    hosts: ['express5'],
    options: { saveUninitialized: true },
    steps: [[[method]], [[method]]]
  })),
  ...METHODS.map(method => ({
    name: `${method} with resave, rolling and a lifetime`,
    hosts: ['express5'],
    options: { resave: true, rolling: true, cookie: { maxAge: 60_000 } },
    steps: [NEW, [[method]], []]
  })),
  ...METHODS.map(method => ({
    name: `${method} after the session has been destroyed elsewhere`,
    stores: ['sync', 'deferred'],
    hosts: ['express5'],
    steps: [NEW, [({ req, kit }) => { kit.store.documents.delete(req.sessionID) }, [method]], []]
  })),
  {
    name: 'login: regenerate, set, save',
    steps: [NEW, [['regenerate'], ['set', 'user', 7], ['save']], [], [['set', 'n', 2]]]
  },
  {
    name: 'login of a new visitor: regenerate, set, save',
    steps: [[['regenerate'], ['set', 'user', 7], ['save']], []]
  },
  {
    name: 'logout: destroy, and the old cookie comes again',
    steps: [{ do: NEW, remember: 'old' }, [['destroy']], { cookie: (_, kit) => kit.remembered.old, do: NEW }]
  },
  {
    name: 'regenerate gives another id and drops the data',
    steps: [{ do: NEW, remember: 'old' }, [['regenerate']], [], { cookie: (_, kit) => kit.remembered.old }]
  },
  {
    name: 'regenerate twice',
    steps: [NEW, [['regenerate'], ['regenerate'], ['set', 'n', 2]], []]
  },
  {
    name: 'reload drops unsaved changes',
    steps: [NEW, [['set', 'n', 2], ['reload']], []]
  },
  {
    name: 'reload makes a new session object',
    steps: [NEW, [({ req }) => { req.before = req.session }, ['reload'], ({ req, kit }) => kit.note(`same object: ${req.before === req.session}`)]]
  },
  {
    name: 'reload sees what another request has saved',
    stores: ['sync'],
    steps: [NEW, [({ req, kit }) => { kit.store.documents.set(req.sessionID, '{"cookie":{"path":"/"},"n":"other"}') }, ['reload'], ['set', 'm', 1]]]
  },
  {
    name: 'a method of the session before regenerate still works on the old one',
    stores: ['sync'],
    steps: [NEW, [({ req }) => { req.before = req.session }, ['regenerate'], ({ req, kit }) => { req.before.save(() => kit.note('saved the old one')) }]]
  },
  {
    name: 'setting data on a destroyed session object is lost',
    steps: [NEW, [({ req }) => { req.before = req.session }, ['destroy'], ({ req }) => { req.before.n = 2 }], []]
  },
  {
    name: 'methods are not enumerable, and id and req are hidden',
    stores: ['sync'],
    steps: [NEW, [({ req, kit }) => {
      const keys = []
      for (const key in req.session) keys.push(key)
      kit.note(`${Object.keys(req.session)} | ${keys} | ${req.session.req === req} ${req.session.id === req.sessionID}`)
    }]]
  },
  {
    name: 'id is read-only',
    stores: ['sync'],
    steps: [NEW, [({ req }) => { req.session.id = 'other' }]]
  },
  {
    name: 'methods called with callbacks return what they return',
    stores: ['sync'],
    hosts: ['express5'],
    steps: [NEW, [({ req, kit }) => {
      const { session } = req
      kit.note(`touch ${session.touch() === session}`)
      kit.note(`resetMaxAge ${session.resetMaxAge() === session}`)
      kit.note(`regenerate ${session.regenerate(() => {}) === session}`)
      const fresh = req.session
      kit.note(`save after regenerate ${fresh.save(() => {}) === fresh}`)
      kit.note(`reload after regenerate ${fresh.reload(() => {}) === fresh}`)
      kit.note(`destroy ${req.session.destroy(() => {}) !== undefined}`)
    }]]
  },
  {
    name: 'save and reload called with callbacks return what they return',
    stores: ['sync'],
    hosts: ['express5'],
    steps: [NEW, [({ req, kit }) => {
      const { session } = req
      kit.note(`save ${kind(session.save(() => {}), session)}`)
      kit.note(`reload ${kind(session.reload(() => {}), session)}`)
    }]]
  },
  ...['save', 'reload', 'regenerate', 'destroy'].map(method => ({
    name: `${method} without a callback`,
    stores: ['sync'],
    hosts: ['express5'],
    steps: [NEW, [['set', 'n', 2], ['call', method]], []]
  })),
  {
    name: 'a callback that throws on a synchronous store',
    stores: ['sync'],
    hosts: ['express5'],
    steps: [NEW, [({ req }) => { req.session.save(() => { throw new Error('callback threw') }) }]]
  }
]

function kind(value, session) {
  return value === session ? 'the session' : String(value)
}
