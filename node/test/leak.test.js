'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { join } = require('node:path')
const { test } = require('node:test')
const { promisify } = require('node:util')

const MB = 1024 * 1024

test('a million requests leave no memory behind', async () => {
  const script = join(__dirname, 'support', 'leak.js')
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script])
  const [half, whole] = JSON.parse(stdout)
  // Ten bytes for each request of the second half would be 5 MB.
  assert.ok(whole.heapUsed - half.heapUsed < 2 * MB, `the heap grew from ${half.heapUsed} to ${whole.heapUsed} bytes`)
  assert.ok(whole.rss - half.rss < 16 * MB, `the process grew from ${half.rss} to ${whole.rss} bytes`)
})
