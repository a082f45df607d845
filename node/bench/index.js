'use strict'

// Speed of the package beside express-session: `node node/bench/index.js [--quick] [--json FILE]`.
//
// It prints Markdown. `--quick` is a smoke check with small numbers; `--json` also writes the figures, for
// `cargo xtask bench`. `--targets ours-memory,theirs-memory` and `--sizes 200,4096` measure a part.

const { writeFileSync } = require('node:fs')
const { parseArgs } = require('node:util')

const { SIZES, chapter } = require('./chapter')
const { markdown } = require('./report')

async function main() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      json: { type: 'string' },
      targets: { type: 'string' },
      sizes: { type: 'string' }
    }
  })
  const { quick, json, targets, sizes } = values
  const part = {
    quick,
    only: targets?.split(','),
    sizes: sizes && SIZES.filter(([bytes]) => sizes.split(',').includes(String(bytes)))
  }
  const measured = await chapter(part, next => process.stderr.write(`${next}\n`))
  if (json) writeFileSync(json, JSON.stringify(measured))
  console.log(markdown(measured))
}

main().catch(error => {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
})
