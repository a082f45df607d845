'use strict'

// Generated dialogues: a fixed number from a printed seed, shrunk to the smallest that differs.
// HANDSTAMP_DIFFERENTIAL_SEED and HANDSTAMP_DIFFERENTIAL_RUNS play others.

const fc = require('fast-check')
const { test } = require('node:test')

const { compare } = require('./compare')
const { dialogue, toDialogue } = require('./generator')

const SEED = Number(process.env.HANDSTAMP_DIFFERENTIAL_SEED ?? 20_261_125)
const RUNS = Number(process.env.HANDSTAMP_DIFFERENTIAL_RUNS ?? 500)

test(`${RUNS} generated dialogues from seed ${SEED} are answered alike`, async t => {
  t.diagnostic(`seed ${SEED}`)
  const property = fc.asyncProperty(dialogue, async made => {
    const { dialogue, way } = toDialogue(made)
    await compare(dialogue, way)
  })
  await fc.assert(property, { seed: SEED, numRuns: RUNS, includeErrorInReport: true })
})
