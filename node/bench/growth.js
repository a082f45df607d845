'use strict'

// What more sessions in a store of the process cost: a read's CPU time, and memory.

const { Browser } = require('./browser')
const { cookie } = require('./ids')
const { BROWSERS, anyOf, phase } = require('./load')
const { withServer } = require('./process')
const { median } = require('./report')

const BYTES = 200
/** So many sessions of all are read, where there are more. */
const SAMPLE = 10_000

/** A read above the bare route, in microseconds, and the process's bytes for a session. */
async function size(name, sessions, { rounds, time, warmUp }) {
  return withServer(name, async server => {
    const empty = await server.ask('memory')
    const ids = await server.ask('populate', sessions, BYTES, SAMPLE)
    const bytes = ((await server.ask('memory')) - empty) / sessions
    const other = anyOf(ids.map(cookie))
    const browsers = await Promise.all(Array.from({ length: BROWSERS }, () => Browser.open(server.port)))
    const above = async time => {
      const bare = await phase(server, browsers, '/bare', time, other)
      const read = await phase(server, browsers, '/read', time, other)
      return read.cpu - bare.cpu
    }
    await above(warmUp)
    const reads = []
    for (let at = 0; at < rounds; at++) reads.push(await above(time))
    for (const browser of browsers) browser.close()
    return { read: median(reads), bytes }
  })
}

module.exports = { BYTES, SAMPLE, size }
