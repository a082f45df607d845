'use strict'

require('./suite').suite('http')
