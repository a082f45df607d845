'use strict'

// req.session set to null or deleted, and the `unset` option.

const NEW = [['set', 'n', 1]]

const ENDINGS = {
  'set to null': [['null']],
  'deleted': [['drop']],
  'set to null after a change': [['set', 'n', 2], ['null']],
  'set to null after save': [['set', 'n', 2], ['save'], ['null']],
  'destroyed': [['destroy']],
  'destroyed, then null': [['destroy'], ['null']],
  'regenerated, then null': [['regenerate'], ['null']],
  'set to undefined': [({ req }) => { req.session = undefined }],
  'set to false': [({ req }) => { req.session = false }],
  'set to null while streaming': [['write', 'a'], ['null'], ['end', 'b']],
  'set to null after end': [['end', 'a'], ['null']]
}

module.exports = ['keep', 'destroy'].flatMap(unset => [
  ...Object.entries(ENDINGS).map(([name, program]) => ({
    name: `unset ${unset}: an old session ${name}`,
    options: { unset },
    steps: [{ do: NEW, remember: 'old' }, program, { cookie: (_, kit) => kit.remembered.old }]
  })),
  ...Object.entries(ENDINGS).map(([name, program]) => ({
    name: `unset ${unset}: a new session ${name}`,
    options: { unset },
    hosts: ['express5'],
    steps: [program]
  })),
  {
    name: `unset ${unset}: null with saveUninitialized, resave and rolling`,
    options: { unset, saveUninitialized: true, resave: true, rolling: true },
    steps: [[['null']], [], [['null']]]
  },
  {
    name: `unset ${unset}: the store fails to read the session`,
    options: { unset },
    steps: [NEW, { fail: { get: 'error' } }, []]
  }
])
