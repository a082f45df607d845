'use strict'

// The ways a dialogue is played: which host, with which store. Not the whole product: a store's timing and a
// host's middleware chain are independent, so each value is met without playing every pair.

const WAYS = [
  { host: 'express5', store: 'sync' },
  { host: 'express5', store: 'deferred' },
  { host: 'express5', store: 'memory' },
  { host: 'express4', store: 'deferred' },
  { host: 'http', store: 'sync' },
  { host: 'http', store: 'deferred' },
  { host: 'connect', store: 'deferred' }
]

const DEFAULT_HOSTS = ['express5', 'express4', 'http']
const EXPRESS = ['express5', 'express4']

function waysOf(dialogue) {
  if (dialogue.script) return [{ host: 'no host', store: dialogue.stores?.[0] ?? 'sync' }]
  const hosts = dialogue.hosts ?? DEFAULT_HOSTS
  return WAYS.filter(way => hosts.includes(way.host) && fits(dialogue, way.store))
}

function fits(dialogue, store) {
  if (dialogue.stores) return dialogue.stores.includes(store)
  // A MemoryStore can't be told to fail or to lack a method.
  const tamperedWith = dialogue.storeLacks || dialogue.steps?.some(step => step.fail || step.hold)
  return store !== 'memory' || !tamperedWith
}

function title(way) {
  return `${way.host}, ${way.store} store`
}

module.exports = { waysOf, title, EXPRESS }
