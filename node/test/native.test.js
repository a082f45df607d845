'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

test('a platform for which there is no binary is told, and what to do', (t) => {
  const path = require.resolve('../dist/native')
  const { arch } = process
  t.after(() => Object.defineProperty(process, 'arch', { value: arch }))
  Object.defineProperty(process, 'arch', { value: 'abacus' })
  delete require.cache[path]
  assert.throws(() => require(path), (error) => {
    assert.match(error.message, /^handstamp has no binary for this platform \(.*abacus.*\): neither .* nor the package .*abacus.* can be loaded/)
    assert.equal(error.cause.code, 'MODULE_NOT_FOUND')
    return true
  })
})
