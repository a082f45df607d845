'use strict'

// How many of a hundred parallel increments of one session arrive.

const { Browser } = require('./browser')
const { withServer } = require('./process')

const INCREMENTS = 100

/** What the count comes to, try by try, with a handler that writes at once and one that thinks first. */
async function reached(name, tries) {
  return withServer(name, async server => {
    const series = async path => {
      const counts = []
      for (let at = 0; at < tries; at++) counts.push(await count(server, path))
      return counts
    }
    return { atOnce: await series('/update'), slow: await series('/slow') }
  })
}

async function count(server, path) {
  const [first, ...others] = await Promise.all(Array.from({ length: INCREMENTS }, () => Browser.open(server.port)))
  await first.begin(200)
  const before = await first.count('/read')
  for (const browser of others) browser.cookie = first.cookie
  await Promise.all([first, ...others].map(browser => browser.get(path)))
  const after = await first.count('/read')
  for (const browser of [first, ...others]) browser.close()
  return after - before
}

module.exports = { INCREMENTS, reached }
