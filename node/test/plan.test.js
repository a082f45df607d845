'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { plan } = require('../dist/plan')

// A new session of a first visit, into which nothing was put.
const NEW = {
  present: true, named: true, presented: false, modified: false, saved: false, everSaved: false, cookieModified: false,
  persistent: false, stale: false, rolling: false, saveUninitialized: false, destroyOnUnset: false
}

// One that was found in the store, with the option `resave` off.
const FOUND = { ...NEW, presented: true, saved: true, everSaved: true }
const CHANGED = { modified: true, saved: false }

// With `resave` on, what was found does not count as saved.
const RESAVED = { ...FOUND, saved: false, everSaved: false }

const ROWS = [
  // what happened                                     facts                                                      store      cookie
  ['no session',                                       { ...NEW, present: false },                                'none',    false],
  ['the session was taken away',                       { ...FOUND, present: false },                              'none',    false],
  ["the session was taken away, unset: 'destroy'",     { ...FOUND, present: false, destroyOnUnset: true },        'destroy', false],
  ["a session is there, unset: 'destroy'",             { ...FOUND, destroyOnUnset: true },                        'touch',   false],
  ['the id is no string',                              { ...NEW, ...CHANGED, named: false },                      'none',    false],
  ['new and empty',                                    NEW,                                                       'none',    false],
  ['new and empty, saveUninitialized',                 { ...NEW, saveUninitialized: true },                       'save',    true],
  ['new and empty, rolling',                           { ...NEW, rolling: true },                                 'none',    false],
  ['new with data',                                    { ...NEW, ...CHANGED },                                    'save',    true],
  ['new with data, saved by the application',          { ...NEW, modified: true, saved: true, everSaved: true },  'none',    true],
  ['new, saved, then changed again',                   { ...NEW, ...CHANGED, everSaved: true },                   'save',    true],
  ['new, saved while empty',                           { ...NEW, saved: true, everSaved: true },                  'none',    false],
  ['regenerated',                                      { ...NEW, ...CHANGED, everSaved: true },                   'save',    true],
  ['found',                                            FOUND,                                                     'touch',   false],
  ['found, rolling',                                   { ...FOUND, rolling: true },                               'touch',   true],
  ['found, cookie with an age',                        { ...FOUND, persistent: true },                            'touch',   false],
  ['found, changed',                                   { ...FOUND, ...CHANGED },                                  'save',    false],
  ['found, changed, cookie with an age',               { ...FOUND, ...CHANGED, persistent: true },                'save',    true],
  ['found, changed and saved by the application',      { ...FOUND, modified: true },                              'touch',   false],
  ['found, resave',                                    RESAVED,                                                   'save',    false],
  ['found, resave, saved by the application',          { ...RESAVED, saved: true, everSaved: true },              'touch',   false],
  ['found, the cookie changed',                        { ...FOUND, ...CHANGED, cookieModified: true },            'save',    true],
  ['found by an old secret or id',                     { ...FOUND, stale: true },                                 'touch',   true]
]

for (const [situation, facts, store, sendCookie] of ROWS) {
  test(`${situation}: ${store}, ${sendCookie ? 'a cookie' : 'no cookie'}`, () => {
    assert.deepEqual(plan(facts), { store, sendCookie })
  })
}

/** express-session's formulas, as EXPRESS.md has them. */
function original(now) {
  const none = { store: 'none', sendCookie: false }
  if (!now.present) return now.destroyOnUnset ? { ...none, store: 'destroy' } : none
  if (!now.named) return none
  const shouldSave = !now.saveUninitialized && !now.everSaved && !now.presented ? now.modified : !now.saved
  const shouldTouch = now.presented && !shouldSave
  const shouldSetCookie = !now.presented ? now.saveUninitialized || now.modified : now.rolling || (now.persistent && now.modified)
  return { store: shouldSave ? 'save' : shouldTouch ? 'touch' : 'none', sendCookie: shouldSetCookie }
}

test('in every situation that express-session knows the plan is its', () => {
  for (const facts of situations(Object.keys(NEW))) {
    if (!facts.stale && !facts.cookieModified) assert.deepEqual(plan(facts), original(facts), JSON.stringify(facts))
  }
})

test('a stale credential or a changed cookie never changes more than whether a cookie is sent', () => {
  for (const facts of situations(Object.keys(NEW))) {
    const { store, sendCookie } = original(facts)
    const now = plan(facts)
    assert.equal(now.store, store, JSON.stringify(facts))
    assert.ok(now.sendCookie >= sendCookie, JSON.stringify(facts))
    if (!facts.present || !facts.named) assert.equal(now.sendCookie, false)
  }
})

/** All combinations of these facts. */
function situations([name, ...others]) {
  if (name === undefined) return [{}]
  return situations(others).flatMap((facts) => [{ ...facts, [name]: false }, { ...facts, [name]: true }])
}
