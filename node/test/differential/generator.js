'use strict'

// Dialogues nobody thought of: random options × handler programs × cookies, as data that prints well.

const fc = require('fast-check')

const { waysOf } = require('./ways')

const KEYS = ['a', 'b', 'c']
const AGES = [30_000, 60_000, 120_000]

const options = fc.record({
  resave: fc.boolean(),
  saveUninitialized: fc.boolean(),
  rolling: fc.boolean(),
  unset: fc.constantFrom('keep', 'destroy'),
  cookie: fc.record({
    maxAge: fc.constantFrom(null, ...AGES),
    sameSite: fc.constantFrom(undefined, 'lax'),
    domain: fc.constantFrom(undefined, 'example.com'),
    httpOnly: fc.boolean()
  })
})

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('set'), fc.constantFrom(...KEYS), fc.constantFrom(1, 'x', null, { d: [1] })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete'), fc.constantFrom(...KEYS)) },
  { weight: 4, arbitrary: fc.constantFrom(...['touch', 'save', 'reload', 'regenerate', 'destroy', 'null', 'turn'].map(name => [name])) },
  { weight: 1, arbitrary: fc.constant(['write', 'part;']) },
  { weight: 1, arbitrary: fc.constantFrom(...AGES).map(age => ['aged', age]) }
)

// The cookie each step brings. Only kinds both libraries read alike: duplicates and the like have their own dialogues.
const COOKIES = {
  jar: undefined,
  none: false,
  first: (jar, kit) => kit.remembered.first,
  unknown: (_, kit) => kit.cookie('unknown'),
  forged: 'connect.sid=s%3Aforged.AAAA',
  'other secret': (jar, kit) => jar.value() && kit.cookie(jar.id(), 'second cat')
}

const visit = fc.record({
  program: fc.array(operation, { maxLength: 6 }),
  cookie: fc.oneof({ weight: 6, arbitrary: fc.constant('jar') }, { weight: 3, arbitrary: fc.constantFrom(...Object.keys(COOKIES)) }),
  fail: fc.oneof({ weight: 12, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.constantFrom({ get: 'error' }, { get: 'ENOENT' }) })
})

const dialogue = fc.record({
  options,
  visits: fc.array(visit, { minLength: 2, maxLength: 5 }),
  way: fc.nat()
})

/** A generated case as a dialogue of the player's, and the way to play it. */
function toDialogue({ options, visits, way }) {
  const base = { topic: 'generated', name: 'generated', options, hosts: ['express5', 'express4', 'http', 'connect'] }
  const failing = visits.map(({ fail }) => (destroysUnread(options, fail) ? {} : fail))
  const ways = waysOf({ ...base, steps: failing.map(fail => (Object.keys(fail).length > 0 ? { fail } : {})) })
  const chosen = ways[way % ways.length]
  const steps = visits.map(({ program, cookie }, index) => ({
    do: (chosen.store === 'memory' ? keepingPlaces(program) : program).flatMap((step, position) => expand(step, `${index}.${position}`)),
    cookie: COOKIES[cookie],
    fail: failing[index],
    ...(index === 0 ? { remember: 'first' } : {})
  }))
  return { dialogue: { ...base, steps }, way: chosen }
}

// The original destroys what it failed to read, which later visits would tell: it has a dialogue of its own.
function destroysUnread({ unset }, { get }) {
  return unset === 'destroy' && get === 'error'
}

// Our MemoryStore leaves a key in its place that is deleted and set again, which has a dialogue of its own.
function keepingPlaces(program) {
  return program.filter(([name, key], position) =>
    name !== 'delete' || !program.slice(position).some(later => later[0] === 'set' && later[1] === key))
}

// A changed lifetime alone is an intended difference and has its own dialogues; here data always changes with it.
function expand(step, unique) {
  return step[0] === 'aged' ? [['maxAge', step[1]], ['set', 'aged', unique]] : [step]
}

module.exports = { dialogue, toDialogue }
