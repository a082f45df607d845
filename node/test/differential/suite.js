'use strict'

// The named tests of every dialogue, in some of the ways. Files of their own keep each short and run side by side.

const assert = require('node:assert')
const { describe, test } = require('node:test')

const { compare, concerns, used } = require('./compare')
const { dialogues } = require('./dialogues')
const { differences } = require('./differences')
const { title, waysOf } = require('./ways')

function suite(plays) {
  const played = dialogues.flatMap(dialogue => waysOf(dialogue)
    .filter(plays)
    .map(way => ({ dialogue, way })))
  for (const topic of new Set(played.map(({ dialogue }) => dialogue.topic))) {
    describe(topic, () => {
      for (const { dialogue, way } of played.filter(({ dialogue }) => dialogue.topic === topic)) {
        test(`${dialogue.name} (${title(way)})`, () => compare(dialogue, way))
      }
    })
  }
  describe('the list of differences', () => {
    test('dialogue names are unique', uniqueNames)
    test('it names only dialogues that exist', knownNames)
    test('every dialogue is played somewhere', everyoneIsPlayed)
    test('every entry still differs somewhere', () => assertUsed(played))
  })
}

const names = dialogues.map(({ topic, name }) => `${topic}: ${name}`)

function uniqueNames() {
  assert.deepStrictEqual(names.filter((name, index) => names.indexOf(name) !== index), [])
}

function knownNames() {
  const named = differences.flatMap(({ dialogues = [] }) => dialogues)
  assert.deepStrictEqual(named.filter(name => !names.includes(name)), [])
}

function everyoneIsPlayed() {
  assert.deepStrictEqual(dialogues.filter(dialogue => waysOf(dialogue).length === 0).map(({ name }) => name), [])
}

// A difference that no longer changes what is expected is out of date, though every test may pass.
function assertUsed(played) {
  const concerned = differences.filter(difference => played.some(({ dialogue, way }) =>
    isAtHome(difference, way) && concerns(difference, dialogue, way)))
  assert.deepStrictEqual(concerned.filter(({ id }) => !used.get(id)).map(({ id }) => id), [])
}

// A difference met all over need not be met in every file, only on Express 5 and the stores it is about.
function isAtHome({ dialogues, ways }, way) {
  return dialogues || (way.host === 'express5' && (ways ? ways(way) : way.store === 'sync'))
}

module.exports = { suite }
