'use strict'

const { suite } = require('./suite')

suite(way => way.host === 'express5' && way.store === 'sync')
