'use strict'

// Load on servers: each target in its turn, several rounds.

const { Browser } = require('./browser')
const database = require('./database')
const { Server } = require('./process')
const { median } = require('./report')

/** How many browsers there are unless that is what is measured, each with a session of its own. */
const BROWSERS = 16
const ROUTES = ['bare', 'idle', 'read', 'write']

/** So many sessions of all are asked for, however many there are: the rest is only in the database. */
const SAMPLE = 1_000

/**
 * Measures these targets with documents of so many bytes: a row of medians by target. With `sessions` there are so
 * many in the database, and browsers are in another one each time.
 */
async function rows(names, bytes, { rounds, time, warmUp, browsers = BROWSERS, sessions }) {
  const stages = []
  try {
    for (const name of names) stages.push(await stage(name, bytes, browsers, sessions))
    for (const stage of stages) await round(stage, warmUp)
    for (let at = 0; at < rounds; at++) {
      for (const stage of stages) stage.rounds.push(await round(stage, time))
    }
    return Object.fromEntries(stages.map(({ server, rounds }) => [server.name, row(rounds)]))
  } finally {
    for (const { server, browsers } of stages) {
      for (const browser of browsers) browser.close()
      await server.stop()
    }
  }
}

async function stage(name, bytes, count, sessions) {
  const server = await Server.start(name)
  try {
    const browsers = await Promise.all(Array.from({ length: count }, () => Browser.open(server.port)))
    for (const browser of browsers) await browser.begin(bytes)
    const next = sessions && anyOf(await grow(name, browsers, bytes, sessions))
    return { server, browsers, next, rounds: [] }
  } catch (error) {
    await server.stop()
    throw new Error(`${name}: ${error.message} ${server.said}`.trimEnd())
  }
}

/** Brings a target to so many sessions, and answers with the cookies of some. The database makes all others itself. */
async function grow(name, browsers, bytes, sessions) {
  const some = Math.min(sessions, SAMPLE)
  const cookies = browsers.map(browser => browser.cookie)
  const begin = async browser => {
    while (cookies.length < some) {
      const at = cookies.push('') - 1
      await browser.fill(bytes)
      cookies[at] = browser.cookie
    }
  }
  await Promise.all(browsers.map(begin))
  await database.copy(name, sessions - some)
  return cookies
}

/** For `phase`: a browser has another of these cookies each time. */
const anyOf = cookies => browser => {
  browser.cookie = cookies[Math.floor(Math.random() * cookies.length)]
}

async function round({ server, browsers, next }, time) {
  const phases = {}
  for (const route of ROUTES) phases[route] = await phase(server, browsers, `/${route}`, time, next)
  return phases
}

/** All browsers ask for one route for so many milliseconds. `next` may change a browser before it asks. */
async function phase(server, browsers, path, time, next = () => {}) {
  const before = await server.ask('begin')
  const begun = performance.now()
  const times = []
  const ask = async browser => {
    for (let now = begun; now - begun < time; ) {
      next(browser)
      const asked = performance.now()
      await browser.get(path)
      now = performance.now()
      times.push(1000 * (now - asked))
    }
  }
  await Promise.all(browsers.map(ask))
  const elapsed = performance.now() - begun
  const { cpu, delay } = await server.ask('end')
  times.sort((one, other) => one - other)
  const at = part => times[Math.floor(part * (times.length - 1))]
  return {
    cpu: (cpu.user - before.user + cpu.system - before.system) / times.length,
    throughput: (1000 * times.length) / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    delay
  }
}

/** `cpu` becomes what is above the bare route of the same round, so that what disturbs both cancels out. */
function row(rounds) {
  const measured = route => {
    const of = value => median(rounds.map(value))
    const { throughput, p50, p99, delay } = Object.fromEntries(
      ['throughput', 'p50', 'p99', 'delay'].map(figure => [figure, of(round => round[route][figure])])
    )
    const cpu = of(round => round[route].cpu - (route === 'bare' ? 0 : round.bare.cpu))
    return { cpu, throughput, p50, p99, delay }
  }
  return Object.fromEntries(ROUTES.map(route => [route, measured(route)]))
}

module.exports = { BROWSERS, SAMPLE, anyOf, phase, rows }
