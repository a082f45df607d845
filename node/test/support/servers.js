'use strict'

// Redis, PostgreSQL and MariaDB for tests: `handstamp-servers` starts them (crates/handstamp-testing), on free ports and
// in folders of their own, and they end with this process, however it ends.

const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const { join } = require('node:path')
const { createInterface } = require('node:readline')

const root = join(__dirname, '..', '..', '..')

/** `cargo xtask test` says where it has put the programs; else they are where cargo puts them. */
function program(variable, ...path) {
  const file = process.env[variable] ?? join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug', ...path)
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`cargo build --all-targets\` first, or set ${variable}`)
  return file
}

/** Servers that were started together. */
class Servers {
  #child
  #lines

  /** Starts these: see the docs of `handstamp-servers` for what there is. */
  static async start(...names) {
    const servers = new Servers(spawn(program('HANDSTAMP_SERVERS', 'handstamp-servers'), names, { stdio: ['pipe', 'pipe', 'inherit'] }))
    servers.urls = JSON.parse(await servers.#line())
    return servers
  }

  constructor(child) {
    this.#child = child
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  /** Does something to them: `kill redis`, `start redis`, `cut redis-proxy`. */
  async tell(command) {
    this.#child.stdin.write(`${command}\n`)
    const answer = await this.#line()
    if (answer !== 'ok') throw new Error(`${command}: ${answer}`)
  }

  /** The next line that is said. Nothing of this keeps the process alive but the wait for it. */
  async #line() {
    const held = [this.#child, this.#child.stdin, this.#child.stdout]
    for (const one of held) one.ref()
    const { done, value } = await this.#lines.next()
    for (const one of held) one.unref()
    if (done) throw new Error('handstamp-servers has ended; what it says is on stderr')
    return value
  }
}

/** The kinds that have a store of ours, by the names that `handstamp-servers` has for them. */
const KINDS = { RedisStore: 'redis', PostgresStore: 'postgres', MySqlStore: 'mariadb' }

let wanted = Object.values(KINDS)
let shared

/** Makes these some of the shared servers, too. For the head of a test file: nothing may have started yet. */
function share(...names) {
  wanted = [...wanted, ...names]
}

/** The servers that all tests of this process share. They start when they are first asked for. */
function sharedServers() {
  shared ??= Servers.start(...wanted)
  return shared
}

async function sharedUrl(name) {
  return (await sharedServers()).urls[name]
}

module.exports = { KINDS, program, share, sharedServers, sharedUrl }
