'use strict'

// What the constructor accepts, refuses and warns about, and the module's own shape.

const { EXPRESS } = require('../ways')

const ONCE = { stores: ['sync'], hosts: ['express5'] }
const BUMP = [['set', 'n', 1]]

function construction(name, options, steps = [BUMP, []]) {
  return { name, options, steps, ...ONCE }
}

function refused(name, options) {
  return { name: `refused: ${name}`, options, steps: [], ...ONCE }
}

module.exports = [
  refused('genid that is no function', { genid: 'id' }),
  refused('genid that is an object', { genid: {} }),
  refused('unset of another word', { unset: 'erase' }),
  refused('unset true', { unset: true }),
  refused('an empty list of secrets', { secret: [] }),
  refused('a store without events', { store: {} }),
  refused('a store that is a string', { store: 'memory' }),
  construction('genid null is the default', { genid: null }),
  construction('unset empty is keep', { unset: '' }),
  construction('unset null is keep', { unset: null }),
  construction('unset keep', { unset: 'keep' }),
  construction('cookie null is the default', { cookie: null }),
  construction('cookie false is the default', { cookie: false }),
  construction('cookie that is a string is refused at the first session', { cookie: 'connect' }),
  construction('cookie that is a number is refused at the first session', { cookie: 7 }),
  construction('cookie that is an array', { cookie: [] }),
  construction('name', { name: 'sid' }),
  construction('key is another word for name', { key: 'sid' }),
  construction('name wins over key', { name: 'n', key: 'k' }),
  construction('an empty name is the default', { name: '' }),
  construction('a name with characters a cookie may not have', { name: 'a b' }),
  construction('a name with a semicolon', { name: 'a;b' }),
  construction('a name with dots, dashes and other legal characters', { name: '__Host-a.b!#$%&*+^|~' }),
  construction('rolling is read as a truth value', { rolling: 'yes' }),
  construction('resave null', { resave: null }),
  construction('resave of a truthy value', { resave: 'yes' }),
  construction('saveUninitialized null', { saveUninitialized: null }),
  construction('saveUninitialized of a truthy value', { saveUninitialized: 1 }),
  construction('options of an unknown name are ignored', { colour: 'blue' }),
  {
    name: 'the module is a function with four constructors',
    script: kit => {
      const { session } = kit
      kit.note(`${typeof session} ${session.name} ${session.length}`)
      for (const name of ['Store', 'Cookie', 'Session', 'MemoryStore']) {
        kit.note(`${name}: ${typeof session[name]} ${session[name].name} ${Object.keys(session).includes(name)}`)
      }
    }
  },
  {
    name: 'the middleware is a function of three parameters named session',
    script: kit => {
      const middleware = kit.middleware()
      kit.note(`${middleware.name} ${middleware.length}`)
    }
  },
  {
    name: 'without any options the defaults are used and warned about',
    fresh: true,
    ...ONCE,
    layers: kit => [kit.session({ store: kit.store })],
    steps: [BUMP]
  },
  {
    name: 'called without arguments it warns of three things',
    fresh: true,
    script: kit => { kit.session() }
  },
  {
    name: 'undefined resave and saveUninitialized are true and warned about',
    fresh: true,
    ...ONCE,
    options: { resave: undefined, saveUninitialized: undefined },
    steps: [[], [], BUMP]
  },
  {
    name: 'no warning when everything is given',
    fresh: true,
    ...ONCE,
    options: { resave: false, saveUninitialized: false },
    steps: [BUMP, []]
  },
  {
    name: 'a maxAge that is a Date is deprecated',
    fresh: true,
    ...ONCE,
    options: () => ({ cookie: { maxAge: new Date(Date.now() + 60_000) } }),
    steps: [BUMP]
  },
  {
    name: 'options may be an object without prototype',
    ...ONCE,
    options: Object.assign(Object.create(null), { name: 'bare' }),
    steps: [BUMP, []]
  },
  {
    name: 'the store is seen as req.sessionStore, and gets a generate function',
    hosts: EXPRESS,
    stores: ['sync'],
    steps: [[({ req, kit }) => kit.note(`${req.sessionStore === kit.store} ${typeof kit.store.generate} ${kit.store.generate.length}`)]]
  },
  {
    name: 'in production the default store is warned about',
    fresh: true,
    script: kit => inProduction(kit, session => session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }))
  },
  {
    name: 'in production another store is not warned about',
    fresh: true,
    script: kit => inProduction(kit, session => {
      class Other extends session.Store {}
      session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, store: new Other() })
    })
  }
]

// NODE_ENV is read when the module is loaded.
function inProduction(kit, action) {
  const { warn } = console
  const before = process.env.NODE_ENV
  console.warn = (...args) => kit.note(`console.warn: ${args.join(' ')}`)
  process.env.NODE_ENV = 'production'
  try {
    action(kit.library.loadFresh())
  } finally {
    console.warn = warn
    if (before === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = before
  }
}
