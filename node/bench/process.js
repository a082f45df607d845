'use strict'

// A target's server as a child process, with a channel for questions.

const { fork } = require('node:child_process')
const { mkdirSync, mkdtempSync, rmSync } = require('node:fs')
const path = require('node:path')

/** Beside the packages: the system's temporary folder may be in memory, where no write waits. */
const CACHE = path.join(__dirname, '..', 'node_modules', '.cache')

class Server {
  /** Starts a target with an empty store. */
  static async start(name) {
    mkdirSync(CACHE, { recursive: true })
    const server = new Server(name, mkdtempSync(path.join(CACHE, 'handstamp-bench-')))
    server.port = await server.ask('port')
    return server
  }

  constructor(name, folder) {
    this.name = name
    this.folder = folder
    const env = { ...process.env, NODE_ENV: 'production' }
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc']
    this.child = fork(path.join(__dirname, 'server.js'), [name, folder], { env, stdio, execArgv: ['--expose-gc'] })
    this.said = ''
    this.child.stderr.on('data', chunk => (this.said += chunk))
  }

  /** Asks the server's process, one question at a time. */
  ask(question, ...rest) {
    return new Promise((resolve, reject) => {
      const over = () => reject(new Error(`${this.name} has ended: ${this.said}`))
      this.child.once('exit', over)
      this.child.once('message', ({ error, answer }) => {
        this.child.off('exit', over)
        if (error) reject(new Error(`${this.name}: ${error}`))
        else resolve(answer)
      })
      this.child.send({ question, rest })
    })
  }

  async stop() {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Runs something with a server, which is gone afterwards. */
async function withServer(name, act) {
  const server = await Server.start(name)
  try {
    return await act(server)
  } finally {
    await server.stop()
  }
}

module.exports = { Server, withServer }
