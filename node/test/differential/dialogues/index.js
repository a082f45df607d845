'use strict'

// All dialogues of this folder, each with its file's name as its topic.

const fs = require('node:fs')
const path = require('node:path')

const topics = fs.readdirSync(__dirname)
  .filter(file => file !== path.basename(__filename))
  .map(file => path.basename(file, '.js'))
  .sort()

const dialogues = topics.flatMap(topic =>
  require(`./${topic}`).map(dialogue => ({ ...dialogue, topic })))

module.exports = { dialogues }
