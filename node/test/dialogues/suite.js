'use strict'

// The list of all dialogues. They are the very files that the Rust adapters are tested with.

const { readFileSync, readdirSync } = require('node:fs')
const { join } = require('node:path')
const { describe, test } = require('node:test')

const { Backstage } = require('./backstage')
const { EXCEPTIONS } = require('./exceptions')
const { parse } = require('./format')
const { play } = require('./player')

const FOLDER = join(__dirname, '../../../crates/handstamp-testing/dialogues')

/** `topic/name` of each dialogue. */
function files() {
  const topics = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return topics.flatMap((topic) => readdirSync(join(FOLDER, topic)).map((file) => `${topic}/${file.replace(/\.json$/, '')}`))
}

/** Plays each as a test of its own, on a fresh store of this kind. */
function playAllOn(kind) {
  describe(`dialogues over ${kind}`, () => {
    for (const file of files()) {
      test(file, (t) => play(asInNode(file, kind), new Backstage(t, kind)))
    }
  })
}

/** The dialogue, with what is answered otherwise in Node. */
function asInNode(file, kind) {
  const dialogue = parse(readFileSync(join(FOLDER, `${file}.json`), 'utf8'))
  const { steps = {}, only = kind } = EXCEPTIONS[file] ?? {}
  if (only !== kind) return dialogue
  for (const [number, expect] of Object.entries(steps)) Object.assign(dialogue.steps[number - 1].expect, expect)
  return dialogue
}

module.exports = { files, playAllOn }
