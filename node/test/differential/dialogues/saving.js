'use strict'

// When a session is stored, touched or left alone.

const BUMP = [['set', 'n', 1]]

module.exports = [
  {
    name: 'a visitor who leaves nothing is neither stored nor given a cookie',
    steps: [[], []]
  },
  {
    name: 'a new session with data is stored, its cookie given once, and later touched',
    steps: [BUMP, [], []]
  },
  {
    name: 'changing data stores again',
    steps: [BUMP, [['set', 'n', 2]], [['delete', 'n']], []]
  },
  {
    name: 'setting the same value is no change',
    steps: [BUMP, BUMP]
  },
  {
    name: 'adding and removing a key is no change',
    steps: [BUMP, [['set', 'other', 1], ['delete', 'other']]]
  },
  {
    name: 'a key deleted and set again',
    steps: [[['set', 'a', 1], ['set', 'b', 2]], [['delete', 'a'], ['set', 'a', 3]], []]
  },
  {
    name: 'the order of keys is a change',
    steps: [[['set', 'a', 1], ['set', 'b', 2]], [['delete', 'a'], ['set', 'a', 1]]]
  },
  {
    name: 'a nested change is noticed',
    steps: [
      [['set', 'cart', { items: [1] }]],
      [({ req }) => { req.session.cart.items.push(2) }],
      []
    ]
  },
  {
    name: 'values JSON leaves out are no change',
    steps: [BUMP, [['set', 'nothing', undefined]], [({ req }) => { req.session.fn = () => {} }]]
  },
  {
    name: 'values JSON rewrites: dates, NaN, nested undefined',
    steps: [[({ req }) => Object.assign(req.session, { date: new Date(0), nan: NaN, list: [undefined], o: { u: undefined } })], []]
  },
  {
    name: 'text of all kinds comes back as it was',
    steps: [[['set', 'text', 'ünïcode 猫 \u2028 " \\ \0 \ud83d\ude00'], ['set', 'clé', '1']], []]
  },
  {
    name: 'a lone surrogate comes back as it was',
    steps: [[['set', 'text', 'a\ud800b']], []]
  },
  {
    name: 'numbers come back as they were',
    steps: [[['set', 'list', [0, -0, 1.5, 1e21, 1e-7, 9007199254740993, 0.1 + 0.2]]], []]
  },
  {
    name: 'toJSON of a value decides what is stored',
    steps: [[['set', 'user', { toJSON: () => ({ id: 7 }) }]], []]
  },
  {
    name: 'names of session methods in a stored document are ignored',
    seed: () => ({ thief: { cookie: { originalMaxAge: null, expires: null, path: '/' }, save: 1, id: 2, req: 3, touch: 4, name: 'x' } }),
    steps: [{ cookie: (_, kit) => kit.cookie('thief') }, { cookie: (_, kit) => kit.cookie('thief'), do: BUMP }]
  },
  {
    name: 'a key named __proto__ in a stored document',
    seed: () => ({ proto: JSON.parse('{"cookie":{"path":"/"},"__proto__":{"x":1},"constructor":"c","toString":1}') }),
    steps: [{ cookie: (_, kit) => kit.cookie('proto') }]
  },
  {
    name: 'keys that look like numbers are ordered as JavaScript orders them',
    steps: [[['set', 'b', 1], ['set', '2', 1], ['set', '1', 1]], [], [['set', '0', 1]]]
  },
  {
    name: 'save in the handler is not repeated at the end',
    steps: [[['set', 'n', 1], ['save']], [['set', 'n', 2], ['save']], [['save']]]
  },
  {
    name: 'a change after save is saved at the end',
    steps: [[['set', 'n', 1], ['save'], ['set', 'n', 2]], [['set', 'n', 3], ['save'], ['set', 'n', 4]]]
  },
  {
    name: 'a change taken back after save is saved again',
    steps: [BUMP, [['set', 'n', 2], ['save'], ['set', 'n', 1]], []]
  },
  {
    name: 'saving an empty new session makes no cookie',
    steps: [[['save']], []]
  },
  {
    name: 'two requests with different browsers have different sessions',
    steps: [
      { jar: 'a', do: [['set', 'n', 'a']] },
      { jar: 'b', do: [['set', 'n', 'b']] },
      { jar: 'a' },
      { jar: 'b' }
    ]
  },
  {
    name: 'a change made after end is lost',
    steps: [BUMP, [['end', 'done'], ['set', 'n', 9]], []],
    stores: ['sync']
  },
  {
    name: 'a store without touch is not touched',
    storeLacks: ['touch'],
    steps: [BUMP, [], [['touch']]]
  },
  {
    name: 'touch in the handler is no change',
    steps: [BUMP, [['touch']], [['resetMaxAge']]]
  },
  {
    name: 'HEAD and POST are saved like GET',
    steps: [{ method: 'HEAD', do: BUMP }, { method: 'POST', do: [['set', 'n', 2]] }, { method: 'DELETE' }, { method: 'OPTIONS' }]
  },
  {
    name: 'a handler that throws still saves the session',
    steps: [[['set', 'n', 1], ['throw', 'oops']], []]
  },
  {
    name: 'a session replaced by a copy of itself',
    steps: [BUMP, [({ req }) => { req.session.other = { ...req.session.cookie } }]]
  }
]
