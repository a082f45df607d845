'use strict'

require('./suite').suite('express4', 'connect', 'no host')
