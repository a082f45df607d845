'use strict'

// What is measured, in which order, and against which budgets.

const database = require('./database')
const growth = require('./growth')
const { BROWSERS, SAMPLE, rows } = require('./load')
const { INCREMENTS, reached } = require('./lost-updates')
const { TARGETS } = require('./targets')

const SIZES = [[200, '200 B'], [4096, '4 KB'], [65536, '64 KB']]
const DATABASE_SIZES = SIZES.slice(0, 2)

/** Ours, its peer, and the budgets of reading and writing by size: the CPU time of ours / of the peer. */
const PAIRS = [
  ['ours-memory', 'theirs-memory', { '200 B': [0.35, 0.35], '4 KB': [0.2, 0.25] }],
  ['ours-sqlite-normal', 'theirs-sqlite-normal', { '200 B': [0.5, 0.5], '4 KB': [0.5, 0.5] }],
  ['ours-sqlite-full', 'theirs-sqlite-full', { '200 B': [0.5, 0.5], '4 KB': [0.5, 0.5] }],
  ['ours-over-theirs', 'theirs-memory', { '200 B': [0.7, 0.7], '4 KB': [0.7, 0.7] }],
  ['ours-redis', 'theirs-redis', { '200 B': [0.5, 0.6], '4 KB': [0.5, 0.6] }],
  ['ours-redis-near', 'theirs-redis', {}],
  ['ours-over-connect-redis', 'theirs-redis', { '200 B': [0.7, 0.7], '4 KB': [0.7, 0.7] }],
  ['ours-postgres', 'theirs-postgres', { '200 B': [0.3, 0.4], '4 KB': [0.3, 0.4] }],
  ['ours-mysql', 'theirs-mysql', {}]
]

/** What is known of budgets that are missed. */
const KNOWN = `Express gives each request and response a prototype of its own, after which V8 shares no shapes between them: each of \
the six properties that a session middleware puts there (the peer's are five) costs about 4 µs with its collection as \
garbage, and a middleware that does nothing else costs 24. Of a session only what is looked at is parsed and made text \
of, which at 200 B saves little; what remains is the way into Rust, about 14 µs for a read and 15 more for a write. A \
store that waits adds a held response (about 30 µs), and for each time it is asked the way to a thread of the addon and \
back, with sockets or a file at its end. What one turn of the event loop begins goes there together, so that is less the \
more visitors ask at once; a write asks twice. That holds up no other request, but it is CPU time, and counts here. So \
do the threads of SQLite, of which a write makes about 22 system calls, as the chapter on instructions shows. \
connect-redis does all on JavaScript's own thread and compares nothing.`

/** How many browsers ask at the same time, where that is what is measured. */
const CONNECTIONS = [1, 32, 256]

const MEMORY = ['theirs-memory', 'ours-memory']
const GROWING = [...MEMORY, 'theirs-sqlite-normal', 'ours-sqlite-normal']

const QUICK = { rounds: 3, time: 150, warmUp: 300, counts: [1000, 20_000], tries: 1 }
const FULL = { rounds: 7, time: 500, warmUp: 1000, counts: [1000, 100_000], tries: 5 }
const FULL_DATABASES = { ...FULL, rounds: 5, warmUp: 500, counts: [1000, 1_000_000] }

/** Measures the stores in the process, or those on databases. `tell` is told what is next. */
async function chapter({ databases = false, quick, only, sizes }, tell) {
  const effort = quick ? QUICK : databases ? FULL_DATABASES : FULL
  const isWanted = name => Boolean(TARGETS[name].database) === databases && (only?.includes(name) ?? true)
  const names = Object.keys(TARGETS).filter(isWanted)
  sizes ??= databases ? DATABASE_SIZES : SIZES
  const bySize = []
  for (const [bytes, size] of sizes) {
    tell(`documents of ${size}`)
    bySize.push([size, await rows(names, bytes, effort)])
  }
  const tables = [
    ratioTable(bySize),
    ...bySize.map(([size, rows]) => loadTable(size, rows)),
    delayTable(bySize, names)
  ]
  if (databases) {
    tables.push(await connectionsTable(names, effort, tell))
    tables.push(await sessionsTable(names, effort, tell))
  }
  const growing = names.filter(name => GROWING.includes(name))
  if (growing.length > 0) tables.push(await growthTable(growing, effort, tell))
  tables.push(await lostTable(names, effort, tell))
  const title = databases ? 'Express: stores on databases' : 'Express'
  const about = databases ? aboutDatabases(effort) : aboutFiles(effort)
  return { title, method: `${method(effort)} ${about}`, tables, plot: plot(title, bySize) }
}

function ratioTable(bySize) {
  const table = []
  for (const [ours, peer, budgets] of PAIRS) {
    for (const [size, rows] of bySize) {
      if (!rows[ours] || !rows[peer]) continue
      const ratio = (route, budget) => {
        const value = rows[ours][route].cpu / rows[peer][route].cpu
        return budget === undefined ? value : { value, budget }
      }
      const [read, write] = budgets[size] ?? []
      const title = `${TARGETS[ours].title} / ${TARGETS[peer].title}, ${size}`
      table.push([title, ratio('idle'), ratio('read', read), ratio('write', write)])
    }
  }
  const columns = ['CPU of ours / of the peer, and the budget', 'idle', 'read', 'write']
  return { columns, rows: table, known: KNOWN }
}

function loadTable(size, rows) {
  return tableOfLoads(size, Object.entries(rows).map(([name, row]) => [TARGETS[name].title, row]))
}

/** What was measured under which title, and what all of it is about. */
function tableOfLoads(about, titled) {
  const rows = titled.map(([title, { bare, idle, read, write }]) => [
    title, bare.cpu, idle.cpu, read.cpu, write.cpu, read.throughput, write.throughput,
    read.p50, read.p99, write.p50, write.p99
  ])
  const columns = ['bare CPU', 'idle CPU', 'read CPU', 'write CPU', 'read/s', 'write/s']
  return { columns: [about, ...columns, 'read p50', 'read p99', 'write p50', 'write p99'], rows }
}

function delayTable(bySize, names) {
  const columns = bySize.flatMap(([size]) => [`read, ${size}`, `write, ${size}`])
  const table = names.map(name => {
    const delays = bySize.flatMap(([, rows]) => [rows[name].read.delay, rows[name].write.delay])
    return [TARGETS[name].title, ...delays]
  })
  return { columns: ["the event loop's delay, p99, ms", ...columns], rows: table }
}

async function connectionsTable(names, effort, tell) {
  const titled = []
  for (const browsers of CONNECTIONS) {
    tell(`connections: ${browsers}`)
    const measured = await rows(names, SIZES[0][0], { ...effort, rounds: fewer(effort), browsers })
    for (const [name, row] of Object.entries(measured)) titled.push([`${browsers}: ${TARGETS[name].title}`, row])
  }
  return tableOfLoads('connections', titled)
}

/** Few sessions in the database, and many. */
async function sessionsTable(names, effort, tell) {
  const titled = []
  for (const name of names) {
    for (const sessions of effort.counts) {
      const title = `${named(sessions)}: ${TARGETS[name].title}`
      tell(`sessions: ${title}`)
      titled.push([title, await rowWith(sessions, name, effort)])
    }
  }
  return tableOfLoads('sessions', titled)
}

/** Nobody's but these sessions are there, and nothing is left of them. */
async function rowWith(sessions, name, effort) {
  await database.empty(name)
  try {
    const measured = await rows([name], growth.BYTES, { ...effort, rounds: fewer(effort), sessions })
    return measured[name]
  } finally {
    await database.empty(name)
  }
}

const named = count => count.toLocaleString('en-US')

/** Rounds of each number of connections, and of sessions. */
const fewer = ({ rounds }) => Math.ceil(rounds / 2)

async function growthTable(names, effort, tell) {
  const [few, many] = effort.counts
  const table = []
  for (const name of names) {
    tell(`${TARGETS[name].title}: many sessions`)
    const small = await growth.size(name, few, effort)
    const large = await growth.size(name, many, effort)
    const grown = large.read / small.read
    const ratio = TARGETS[name].isOurs ? { value: grown, budget: 1.5 } : grown
    const bytes = MEMORY.includes(name) ? large.bytes : null
    table.push([TARGETS[name].title, small.read, large.read, ratio, bytes])
  }
  const [small, large] = [few, many].map(count => `${named(count)} sessions`)
  return { columns: ['CPU of a read with', small, large, 'ratio', 'bytes for a session'], rows: table }
}

async function lostTable(names, { tries }, tell) {
  const table = []
  for (const name of names) {
    tell(`${TARGETS[name].title}: lost updates`)
    const { atOnce, slow } = await reached(name, tries)
    table.push([TARGETS[name].title, range(atOnce), range(slow)])
  }
  return { columns: ['the count reaches', 'handler at once', 'handler of 10 ms'], rows: table }
}

function range(counts) {
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)]
  return fewest === most ? String(most) : `${fewest}..${most}`
}

/** Groups of bars; 64 KB would make all others too small to see. */
function plot(title, bySize) {
  const groups = bySize.filter(([size]) => size !== '64 KB').map(([size, rows]) => ({
    title: size,
    bars: Object.entries(rows).flatMap(([name, row]) => ['read', 'write'].map(route => ({
      title: `${shortTitle(name)}: ${route}`,
      value: row[route].cpu,
      ours: TARGETS[name].isOurs === true
    })))
  }))
  return { title: `${title}: CPU time of a request above the bare route`, unit: 'µs', groups }
}

/** The plot has less room. */
function shortTitle(name) {
  return TARGETS[name].title.replace(' (default)', '').replace('better-sqlite3-session-store', 'better-sqlite3-s.-store')
}

function method({ rounds, tries }) {
  return `Each target is an Express 5 server process on a loopback port, with \`resave: false\` and \`saveUninitialized: false\`. \
${BROWSERS} browsers, each with a session and a connection of its own, ask as fast as they are answered. The targets take turns, \
${rounds} rounds; the tables hold medians. Before that each has to count rightly. «CPU» is the server's CPU time for a request in \
microseconds, of all its threads, in the user's and the system's name, above that of its own bare route in the same round. «Idle» \
never looks at its session. The event loop's delay is what a timer waits longer than it should. For the lost updates, \
${INCREMENTS} requests at the same moment, each on a connection of its own, add one to the same session's count: ours by \
\`session.update\`, the others by \`count++\`. The right answer is ${INCREMENTS}. From the fewest to the most of ${tries} tries.`
}

function aboutFiles({ counts }) {
  return `better-sqlite3 is built for \`synchronous=NORMAL\`; FULL is our default, and both use a write-ahead log. For the growth, \
browsers come with other cookies each time, of up to ${named(growth.SAMPLE)} sessions of ${growth.BYTES} B; the bytes are what the process grew by \
(resident set), the document included, with ${named(counts[1])} sessions.`
}

function aboutDatabases(effort) {
  return `The databases are Redis in memory only, PostgreSQL with \`fsync=off\` and MariaDB with \
\`innodb_flush_log_at_trx_commit=2\`, so that no disk is measured. connect-redis has one connection of the redis package, \
connect-pg-simple and express-mysql-session have their own pools. The peers' writes overwrite what others have written \
meanwhile; ours notice it. The table of connections is about more and fewer browsers, with documents of 200 B, \
${fewer(effort)} rounds. So is that of sessions, where the database holds so many of the target's, and nobody else's; browsers come with \
other cookies each time, of ${named(SAMPLE)} of these sessions. The others are copies that the database itself has made.`
}

module.exports = { SIZES, chapter }
