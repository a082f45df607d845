'use strict'

// Loaded in front of everything: who asks for express-session gets what SWAP_FOR names.

const Module = require('node:module')

const resolve = Module._resolveFilename
let wasAsked = false

Module._resolveFilename = function (name, ...rest) {
  if (name !== 'express-session') return resolve.call(this, name, ...rest)
  wasAsked = true
  return resolve.call(this, process.env.SWAP_FOR, ...rest)
}

// An application that never asks proves nothing.
process.on('exit', () => {
  if (process.env.SWAP_FOR && !wasAsked) process.exitCode = 1
})
