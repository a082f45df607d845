'use strict'

// Speed of the package beside express-session: `node node/bench/index.js [--databases] [--quick] [--json FILE]`.
//
// It prints Markdown. `--databases` measures the stores on databases, which targets.js tells how to name,
// instead of those in the process. `--quick` is a smoke check with small numbers; `--json` also writes the figures, for
// `cargo xtask bench`. `--targets ours-memory,theirs-memory` and `--sizes 200,4096` measure a part.

const { writeFileSync } = require('node:fs')
const { parseArgs } = require('node:util')

const { SIZES, chapter } = require('./chapter')
const { markdown } = require('./report')

async function main() {
  const { values } = parseArgs({
    options: {
      databases: { type: 'boolean' },
      quick: { type: 'boolean' },
      json: { type: 'string' },
      targets: { type: 'string' },
      sizes: { type: 'string' }
    }
  })
  const { databases, quick, json, targets, sizes } = values
  const part = {
    databases,
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
