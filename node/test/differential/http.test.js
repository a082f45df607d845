'use strict'

const { suite } = require('./suite')

suite(way => way.host === 'http')
