'use strict'

// Express 4, Connect, and what needs no host at all.

const { suite } = require('./suite')

suite(way => ['express4', 'connect', 'no host'].includes(way.host))
