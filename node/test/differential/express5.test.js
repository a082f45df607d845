'use strict'

require('./suite').suite('express5')
