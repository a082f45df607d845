'use strict'

const assert = require('node:assert/strict')

const { Browser } = require('./browser')

/** Visits two sites of `counting-site.js` in parallel, as one visitor, each so many times; the last count. */
async function count(ports, times) {
  const visitor = new Browser(ports[0])
  assert.equal((await visitor.get('/')).text, '1')
  const at = (port) => Object.assign(visitor.copy(), { port })
  const visits = Array.from({ length: times }, () => ports.map((port) => at(port).get('/'))).flat()
  for (const { status, text } of await Promise.all(visits)) assert.equal(status, 200, text)
  return Number((await at(ports[1]).get('/')).text)
}

module.exports = { count }
