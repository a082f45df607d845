'use strict'

// Other processes at a SQLite file. In this one a second SQLite library would drop the locks of the first
// (https://sqlite.org/howtocorrupt.html, section 2.2).

const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')

const OPEN = `const database = new (require('better-sqlite3'))(process.argv[1]);`
const inPackage = { cwd: __dirname }

/** What a statement finds. */
function query(path, sql) {
  const script = `${OPEN} console.log(JSON.stringify(database.prepare(process.argv[2]).all()))`
  return JSON.parse(execFileSync(process.execPath, ['-e', script, path, sql], inPackage))
}

/** Changes the file. */
function execute(path, sql) {
  execFileSync(process.execPath, ['-e', `${OPEN} database.exec(process.argv[2])`, path, sql], inPackage)
}

/** Locks the file; the result lets it go. */
async function lock(path) {
  const script = `${OPEN} database.exec('BEGIN IMMEDIATE'); console.log('locked'); process.stdin.resume()`
  const child = spawn(process.execPath, ['-e', script, path], { ...inPackage, stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return async () => {
    child.stdin.end()
    await once(child, 'exit')
  }
}

module.exports = { execute, lock, query }
