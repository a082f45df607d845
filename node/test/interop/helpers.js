'use strict'

// What the tests share: the libraries that must act alike, the frameworks, and visitors.

const fs = require('node:fs/promises')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { once } = require('node:events')
const { test } = require('node:test')

const express = require('express')
const express4 = require('express4')
const expressSession = require('express-session')
const request = require('supertest')

const handstamp = require('../..')
const { REMOTE } = require('../support/native-stores')
const plainStore = require('./plain-store')

/** Each gives the function that an application calls `session`. Ours have several places where sessions may go. */
const ORIGINAL = { 'express-session': () => expressSession }
const SERVERS = Object.entries(REMOTE).map(([store, opener]) => [`handstamp with ${store}`, async (t) => over(await opener(t))])
const NATIVE = {
  handstamp: () => handstamp, 'handstamp with SqliteStore': (t) => over(() => sqliteStore(t)), ...Object.fromEntries(SERVERS)
}
const OURS = { ...NATIVE, 'handstamp with a store in JavaScript': () => over(() => new (plainStore(handstamp))()) }

const FRAMEWORKS = { 'Express 5': express, 'Express 4': express4 }

function over(store) {
  return Object.assign((options) => handstamp({ store: store(), ...options }), handstamp)
}

const withEach = (libraries) => (name, run) => {
  for (const [library, load] of Object.entries(libraries)) {
    test(`${name} (${library})`, async (t) => run({ t, session: await load(t) }))
  }
}

/** The same test with every library; with those whose stores know when a session expires; with ours alone. */
const same = withEach({ ...ORIGINAL, ...OURS })
const sameWithExpiry = withEach({ ...ORIGINAL, ...NATIVE })
const ours = withEach(OURS)
const native = withEach(NATIVE)

/** The same test with every library on every Express. */
function sameOnExpress(name, run) {
  for (const [framework, express] of Object.entries(FRAMEWORKS)) {
    same(`${name} on ${framework}`, (context) => run({ ...context, express }))
  }
}

/** A server that ends with the test. */
async function listen(t, app, server = http.createServer(app)) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections?.()
  })
  return server
}

/** One who keeps cookies. */
async function visitor(t, app) {
  return request.agent(await listen(t, app))
}

/** Several who know nothing of each other, with one server. */
async function visitors(t, app, count) {
  const server = await listen(t, app)
  return Array.from({ length: count }, () => request.agent(server))
}

/** The session cookie of an answer as `name=value`, or undefined. */
function sessionCookie(response, name = 'connect.sid') {
  const line = (response.headers['set-cookie'] ?? []).find((line) => line.startsWith(`${name}=s%3A`))
  return line?.split(';')[0]
}

/** A folder that goes with the test. */
async function folder(t) {
  const made = await fs.mkdtemp(path.join(os.tmpdir(), 'handstamp-'))
  t.after(() => fs.rm(made, { recursive: true, force: true }))
  return made
}

/** A store in a new file. */
function sqliteStore(t, file = path.join(os.tmpdir(), `handstamp-${process.pid}-${Math.random().toString(36).slice(2)}.db`)) {
  const store = new handstamp.SqliteStore({ path: file, synchronous: 'normal' })
  t.after(async () => {
    store.close()
    await Promise.all(['', '-wal', '-shm'].map((ending) => fs.rm(file + ending, { force: true })))
  })
  return store
}

module.exports = {
  expressSession, folder, handstamp, listen, native, ours, same, sameOnExpress, sameWithExpiry, sessionCookie, sqliteStore, visitor, visitors
}
