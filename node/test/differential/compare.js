'use strict'

// Plays a dialogue both ways and compares: ours must answer what the original answers, changed by exactly
// those differences that are listed.

const assert = require('node:assert')
const { isDeepStrictEqual } = require('node:util')

const { differences } = require('./differences')
const { ORIGINAL, OURS, againstItself } = require('./library')
const { play } = require('./player')

/** How often each difference changed what is expected; one that never does is out of date. */
const used = new Map(differences.map(difference => [difference.id, 0]))

async function compare(dialogue, way) {
  const original = await play(dialogue, ORIGINAL, way)
  // Also made when the original plays against itself: then only the list is checked.
  const listed = expectation(original, dialogue, way)
  const { expected, applied } = againstItself ? { expected: compared(original), applied: [] } : listed
  const ours = compared(await play(dialogue, OURS, way))
  if (!isDeepStrictEqual(ours, expected)) assert.fail(explain(ours, compared(original), expected, applied))
}

// The cookie a step sent is known to the list of differences, but it is a question, not an answer.
function compared(transcript) {
  return { ...transcript, steps: transcript.steps.map(({ sent, ...answer }) => answer) }
}

function expectation(original, dialogue, way) {
  const applied = []
  let expected = original
  for (const difference of differences.filter(candidate => concerns(candidate, dialogue, way))) {
    const changed = structuredClone(expected)
    difference.expect(changed, { dialogue, way })
    if (same(changed, expected)) {
      assert.ok(!difference.dialogues,
        `the difference "${difference.id}" names this dialogue but changes nothing of what the original answers`)
      continue
    }
    used.set(difference.id, used.get(difference.id) + 1)
    applied.push(difference.id)
    expected = changed
  }
  return { expected: compared(expected), applied }
}

function concerns(difference, dialogue, way) {
  if (difference.ways && !difference.ways(way)) return false
  return difference.dialogues
    ? difference.dialogues.includes(`${dialogue.topic}: ${dialogue.name}`)
    : difference.applies(dialogue, way)
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other)
}

function explain(ours, original, expected, applied) {
  const heading = applied.length === 0
    ? 'ours differs from express-session, and no listed difference covers it'
    : same(ours, original)
      ? `ours answers like express-session: the listed difference ${applied} no longer differs`
      : `ours differs from what is expected by the listed difference ${applied}`
  return `${heading}\n(lines with - are expected, lines with + are ours)\n${lineDifference(lines(expected), lines(ours))}\n`
}

function lines(transcript) {
  return JSON.stringify(transcript, null, 1).split('\n')
}

// The longest common subsequence keeps the two transcripts aligned; they are a few dozen lines long.
function lineDifference(expected, actual) {
  const length = expected.map(() => [])
  const at = (i, j) => length[i]?.[j] ?? 0
  for (let i = expected.length - 1; i >= 0; i--) {
    for (let j = actual.length - 1; j >= 0; j--) {
      length[i][j] = expected[i] === actual[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const output = []
  let [i, j] = [0, 0]
  while (i < expected.length || j < actual.length) {
    if (i < expected.length && expected[i] === actual[j]) output.push(`  ${expected[i++]}`), j++
    else if (j >= actual.length || (i < expected.length && at(i + 1, j) >= at(i, j + 1))) output.push(`- ${expected[i++]}`)
    else output.push(`+ ${actual[j++]}`)
  }
  return output.join('\n')
}

module.exports = { compare, concerns, used }
