'use strict'

// One application and its own tests, unchanged, on each library: only what `require('express-session')` gives differs.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const path = require('node:path')
const { test } = require('node:test')
const { promisify } = require('node:util')

const LIBRARIES = { 'express-session': require.resolve('express-session'), handstamp: require.resolve('../..') }

for (const [name, file] of Object.entries(LIBRARIES)) {
  test(`an application with passport and connect-flash passes its own tests with ${name}`, async () => {
    const report = await play(file)
    assert.match(report, /^# pass 9$/m)
    assert.match(report, /^# fail 0$/m)
  })
}

async function play(library) {
  // A run of its own, and no part of the one that this test is in.
  const { NODE_TEST_CONTEXT, ...env } = process.env
  const file = (name) => path.join(__dirname, 'swap', name)
  const { stdout } = await promisify(execFile)(process.execPath, ['--require', file('alias.js'), '--test-reporter=tap', file('app.test.js')], {
    env: { ...env, SWAP_FOR: library }
  })
  return stdout
}
