'use strict'

// Prints the transcript of the dialogues whose name contains a text: node show.js TEXT [ours]

const { dialogues } = require('./dialogues')
const { ORIGINAL, OURS } = require('./library')
const { play } = require('./player')
const { title, waysOf } = require('./ways')

async function main([text, which]) {
  for (const dialogue of dialogues.filter(({ topic, name }) => `${topic}: ${name}`.includes(text))) {
    for (const way of waysOf(dialogue)) {
      console.log(`\n${dialogue.topic}: ${dialogue.name} (${title(way)})`)
      console.log(JSON.stringify(await play(dialogue, which === 'ours' ? OURS : ORIGINAL, way), null, 1))
    }
  }
}

// `node --test` runs every file below a folder named test: do nothing then.
if (process.argv.length > 2) main(process.argv.slice(2))
