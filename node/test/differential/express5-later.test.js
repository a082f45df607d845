'use strict'

// Express 5 with stores that answer later: the recording one and the library's own MemoryStore.

const { suite } = require('./suite')

suite(way => way.host === 'express5' && way.store !== 'sync')
