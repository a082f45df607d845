'use strict'

// The types in the projects where they have to work, each with other packages beside ours. The programs in types/
// hold what must compile and, marked as expected errors, what must not.

const assert = require('node:assert')
const { execFile } = require('node:child_process')
const { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { after, test } = require('node:test')

const session = require('..')

const root = join(__dirname, '..')
const packages = join(root, 'node_modules')
const work = mkdtempSync(join(tmpdir(), 'handstamp-types-'))

after(() => rmSync(work, { recursive: true, force: true }))

test('an Express application is typed by ours alone', async () => {
  await compiles(project('plain', { types: ['express'] }))
})

test('a bundler\'s resolution finds the same types', async () => {
  await compiles(project('plain', { types: ['express'], as: 'bundled' }), ['--module', 'preserve'])
})

test('without Express the types need Node\'s only', async () => {
  await compiles(project('node'))
})

test('an application written for express-session compiles on ours by that name', async () => {
  await compiles(project('alias', { types: ['express'], name: 'express-session' }))
})

test('the types live beside those of express-session', async () => {
  await compiles(project('beside', { types: ['express', 'express-session'] }))
})

test('the types have all that express-session\'s have', async () => {
  await compiles(project('superset', { types: ['express', 'express-session'] }))
})

test('the types name all that there is, and nothing else', async () => {
  const sessions = session({ secret: 'a secret', resave: false, saveUninitialized: false })
  const methods = Object.getOwnPropertyNames(session.Session.prototype).filter((name) => name !== 'constructor')
  const folder = join(work, 'names')
  mkdirSync(folder)
  writeFileSync(join(folder, 'names.ts'), `
    import session = require('handstamp')
    type Names<T> = Record<keyof T, true>
    export const own: Names<typeof session> = ${names(Object.keys(session))}
    export const sessions: Names<session.Sessions> = ${names(Object.keys(sessions))}
    export const methods: Names<Omit<session.Session, 'id' | 'cookie'>> = ${names(methods)}
    export const store: Names<Pick<session.Store, 'regenerate' | 'load' | 'createSession'>> = ${names(Object.keys(session.Store.prototype))}
  `)
  await compiles(furnished(folder, { types: [], name: 'handstamp' }))
})

/** A folder with these programs, ours under `name`, and types of other packages. */
function project(programs, { types = [], name = 'handstamp', as = programs } = {}) {
  const folder = join(work, as)
  cpSync(join(__dirname, 'types', programs), folder, { recursive: true })
  return furnished(folder, { types, name })
}

function furnished(folder, { types, name }) {
  const ours = join(folder, 'node_modules', name)
  for (const part of ['package.json', 'types']) cpSync(join(root, part), join(ours, part), { recursive: true })
  mkdirSync(join(folder, 'node_modules/@types'))
  for (const one of ['node', ...types]) {
    symlinkSync(join(packages, '@types', one), join(folder, 'node_modules/@types', one), 'dir')
  }
  return folder
}

// Declarations are checked, too: nobody should need skipLibCheck for us.
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  esModuleInterop: true,
  skipLibCheck: false,
  noEmit: true,
  target: 'es2022',
  module: 'node16',
  types: ['node']
}

async function compiles(folder, options = []) {
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: STRICT, include: ['*.ts', '*.mts'] }))
  const { code, output } = await tsc(['-p', folder, ...options])
  assert.strictEqual(output, '')
  assert.strictEqual(code, 0)
}

function tsc(options) {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(packages, 'typescript/bin/tsc'), ...options], (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, output: stdout + stderr })
    })
  })
}

function names(list) {
  return `{ ${list.map((name) => `'${name}': true`).join(', ')} }`
}
