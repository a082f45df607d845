'use strict'

// Requests of one browser at the same time, on a store that can not compare before it writes. (What ours does about
// them on its own stores is no matter of likeness.) A visit begins with its session as it was before all the others.

const WAYS = { hosts: ['express5', 'http'], stores: ['sync', 'deferred'] }
const START = [['set', 'n', 0]]
const PASS = ['pass']
const INCREMENT = [({ req }) => { req.session.n += 1 }]

const meet = (name, together, rest) => ({ name, ...WAYS, steps: [START, { together }, []], ...rest })
const names = Array.from({ length: 10 }, (_, index) => `visit${index}`)

module.exports = [
  meet('different keys: the last to write wins', { cart: [['set', 'cart', 1]], name: [['set', 'name', 'x']] }),
  meet('one key', { one: [['set', 'n', 1]], two: [['set', 'n', 2]] }),
  meet('ten increments', Object.fromEntries(names.map(name => [name, INCREMENT]))),
  meet('one changes, the next only reads', { writer: [['set', 'n', 1]], reader: [] }),
  meet('one changes, the next only reads, resave', { writer: [['set', 'n', 1]], reader: [] }, { options: { resave: true } }),
  meet('both only read, with a lifetime and rolling', { one: [], two: [] }, { options: { rolling: true, cookie: { maxAge: 60_000 } } }),
  meet('one saves and goes on after the other', {
    first: [['set', 'a', 1], ['save'], PASS, ['set', 'b', 1]],
    second: [['set', 'c', 1]]
  }),
  meet('both save, then both end', {
    first: [['set', 'a', 1], ['save'], PASS],
    second: [['set', 'b', 1], ['save'], PASS]
  }),
  meet('one reloads after the other has written', {
    first: [['set', 'lost', 1], PASS, ['reload'], ['set', 'kept', 1]],
    second: [['set', 'n', 5]]
  }),
  meet('one regenerates while the other only reads', { login: [['regenerate'], ['set', 'user', 'ann']], reader: [] }),
  meet('one regenerates, the other reloads', { login: [['regenerate'], ['set', 'user', 'ann']], other: [['reload']] }),
  meet('both regenerate', { one: [['regenerate'], ['set', 'user', 1]], two: [['regenerate'], ['set', 'user', 2]] }),
  meet('one destroys while the other only reads', { logout: [['destroy']], reader: [] }, { options: { keepCookie: true } }),
  meet('one destroys, the other reloads', { logout: [['destroy']], other: [['reload']] }, { options: { keepCookie: true } }),
  meet('one destroys, the other has written before', {
    logout: [PASS, ['destroy']],
    other: [['set', 'n', 1]]
  }, { options: { keepCookie: true } }),
  meet('one destroys, the other writes after it', { logout: [['destroy']], writer: [['set', 'n', 1]] }, { options: { keepCookie: true } }),
  meet('both destroy', { one: [['destroy']], two: [['destroy']] }, { options: { keepCookie: true } }),
  meet('one sets the session to null', { leaving: [['null']], writer: [['set', 'n', 1]] }),
  meet('one streams while the other writes', {
    stream: [['set', 'a', 1], ['write', 'x'], PASS, ['set', 'late', 1], ['end', 'y']],
    writer: [['set', 'b', 1]]
  }),
  meet('the first two visits of a browser', { one: [['set', 'n', 1]], two: [['set', 'n', 2]] }, { steps: [{ together: { one: [['set', 'n', 1]], two: [['set', 'n', 2]] } }, []] }),
  meet('the store fails to read one of them', { broken: { fail: { get: 'error' } }, writer: [['set', 'n', 1]] })
]
