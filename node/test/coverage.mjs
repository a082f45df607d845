// Fails unless the tests run every line of the package: `node test/coverage.mjs`.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '..', 'dist')

// These take long and run no line that the others do not run.
const APART = ['examples.test.js', 'increments.test.js', 'leak.test.js', 'package.test.js', 'round-trips.test.js', 'types.test.js']

const tests = readdirSync(here).filter((name) => name.endsWith('.test.js') && !APART.includes(name))
const folder = mkdtempSync(join(tmpdir(), 'handstamp-coverage-'))
const report = join(folder, 'lcov.info')

const { status } = spawnSync(process.execPath, [
  '--test', '--experimental-test-coverage',
  '--test-reporter=spec', '--test-reporter-destination=stdout',
  '--test-reporter=lcov', `--test-reporter-destination=${report}`,
  ...tests.map((name) => join(here, name))
], { stdio: 'inherit', cwd: join(here, '..') })

const missed = missedLines(readFileSync(report, 'utf8'))
rmSync(folder, { recursive: true })

// A file that only declares types is empty here, and nobody loads it.
const isEmpty = (name) => !/[;}]\s*(?:exports|const|let|class|function)\b/.test(readFileSync(join(dist, name), 'utf8'))
for (const name of readdirSync(dist).filter((name) => name.endsWith('.js'))) {
  if (!missed.has(name) && !isEmpty(name)) missed.set(name, ['all'])
}
const incomplete = [...missed].filter(([, lines]) => lines.length > 0)
for (const [name, lines] of incomplete) console.error(`dist/${name}: no test runs these lines: ${lines.join(', ')}`)
if (incomplete.length === 0) console.log(`The tests run every line of ${missed.size} files.`)
process.exitCode = status || (incomplete.length > 0 ? 1 : 0)

/** The lines of each file of the package that were not run. */
function missedLines(lcov) {
  const files = new Map()
  for (const record of lcov.split('end_of_record')) {
    const path = /^SF:(.*)$/m.exec(record)?.[1]
    if (!path || dirname(join(dist, '..', path)) !== dist) continue
    files.set(basename(path), [...record.matchAll(/^DA:(\d+),0$/gm)].map(([, line]) => line))
  }
  return files
}
