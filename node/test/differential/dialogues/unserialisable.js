'use strict'

// Data JSON can not hold: circular structures, BigInt, a toJSON or getter that throws.

const SET = [['set', 'n', 1]]
const ONE = { stores: ['sync'], hosts: ['express5', 'http'] }

const DATA = {
  'a circle': session => { session.self = session },
  'a nested circle': session => { const list = []; list.push(list); session.list = list },
  'a BigInt': session => { session.big = 1n },
  'a toJSON that throws': session => { session.bad = { toJSON() { throw new Error('not for JSON') } } },
  'a getter that throws': session => { Object.defineProperty(session, 'bad', { enumerable: true, get() { throw new Error('not for reading') } }) }
}

// The default reply would itself fail to write the data.
const spoil = change => [({ req }) => change(req.session), ['end', 'done']]

module.exports = Object.entries(DATA).flatMap(([name, change]) => [
  { name: `${name}, old session`, ...ONE, steps: [SET, spoil(change), []] },
  { name: `${name}, new session`, ...ONE, steps: [spoil(change)] },
  {
    name: `${name}, save in the handler`,
    ...ONE,
    steps: [SET, [({ req, kit }) => {
      change(req.session)
      req.session.save(error => kit.note(`save → ${error}`))
    }, ['end', 'done']]]
  }
])
