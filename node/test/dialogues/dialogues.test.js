'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { STORES } = require('./backstage')
const { EXCEPTIONS } = require('./exceptions')
const { files, playAllOn } = require('./suite')

for (const kind of Object.keys(STORES)) playAllOn(kind)

test('every exception is one of a dialogue that there is, and says why', () => {
  const known = new Set(files())
  for (const [file, { reason }] of Object.entries(EXCEPTIONS)) assert.ok(known.has(file) && reason.endsWith('.'), file)
})
