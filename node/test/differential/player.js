'use strict'

// Plays one dialogue against one library on one host and returns its normalised transcript: plain JSON.

const http = require('node:http')

const { Jar, send } = require('./client')
const { hosts } = require('./hosts')
const { Meeting } = require('./meeting')
const { Normaliser } = require('./normalise')
const { run } = require('./program')
const { recordingStore } = require('./recording-store')
const { sign } = require('./signature')

const DEFAULTS = { secret: 'keyboard cat', resave: false, saveUninitialized: false }
const VISITOR = 'x-visitor'
const PATIENCE = 2000
const PATIENCE_WHERE_HANGING_IS_EXPECTED = 250
const PATIENCE_WITH_A_HELD_ANSWER = 80

/** way: { host: a key of hosts, store: 'sync' | 'deferred' | 'memory' } */
async function play(dialogue, library, way) {
  const transcript = { steps: [], warnings: [] }
  const kit = createKit(dialogue, library, way)
  const stopListening = listenToProcess(dialogue, library, kit, transcript)
  try {
    transcript.construction = kit.record(() => construct(dialogue, kit))
    if (dialogue.script) {
      kit.events = []
      await dialogue.script(kit)
      await settle()
      transcript.steps.push({ events: kit.events })
    } else if (!transcript.construction.error) {
      await playSteps(dialogue, kit, way, transcript)
    }
  } finally {
    stopListening()
  }
  return transcript
}

/** What a dialogue's functions get: the library, the store, and means to note and to sign. */
function createKit(dialogue, library, way) {
  const normaliser = new Normaliser()
  const kit = {
    session: dialogue.fresh ? library.loadFresh() : library.load(),
    library,
    way,
    events: [],
    normaliser,
    jars: {},
    remembered: {},
    sign,
    cookie: (id, secret, name = 'connect.sid') => `${name}=${encodeURIComponent(sign(id, secret))}`,
    note: text => void kit.events.push(normaliser.text(text)),
    // Notes an error instead of throwing it.
    attempt(action) {
      try {
        return action()
      } catch (error) {
        kit.note(`${error.name}: ${error.message}`)
      }
    },
    // Runs something and tells what came of it: its events, and the error it threw, if any.
    record(action) {
      kit.events = []
      try {
        action()
        return { events: kit.events }
      } catch (error) {
        return { events: kit.events, error: `${error.name}: ${error.message}` }
      }
    }
  }
  kit.store = way.store === 'memory'
    ? new kit.session.MemoryStore()
    : recordingStore(kit.session, { deferred: way.store === 'deferred', note: kit.note, lacks: dialogue.storeLacks })
  kit.middleware = options => kit.session({ ...DEFAULTS, store: kit.store, ...options })
  return kit
}

function construct(dialogue, kit) {
  if (dialogue.script) return
  const options = typeof dialogue.options === 'function' ? dialogue.options(kit) : dialogue.options
  const before = (dialogue.before ?? []).map(create => create(kit))
  const layers = dialogue.layers ? dialogue.layers(kit) : [kit.middleware(options)]
  kit.layers = [...before, ...layers]
}

async function playSteps(dialogue, kit, way, transcript) {
  await seed(dialogue, kit)
  let step
  listener = hosts[way.host]({
    layers: kit.layers,
    trustProxy: dialogue.trustProxy,
    handler: (req, res, next) => {
      watchEnd(res, kit)
      if (step.together) takeTurn(step, { req, res, next, kit })
      else handle(step, { req, res, next, kit })
    },
    onError: (error, req, res) => answerError(error, req, res, kit)
  })
  const { port } = await listening
  for (step of dialogue.steps.map(toStep)) {
    const played = step.together ? playTogether : playStep
    transcript.steps.push(await played(step, port, dialogue, kit))
  }
}

// One server for all dialogues: to make one takes as long as to play one.
let listener
const listening = new Promise(resolve => {
  const server = http.createServer((req, res) => listener(req, res)).unref()
  server.listen(0, '127.0.0.1', () => resolve(server.address()))
})

function toStep(step) {
  return Array.isArray(step) ? { do: step } : step
}

async function seed(dialogue, kit) {
  for (const [id, document] of Object.entries(dialogue.seed?.(Date.now()) ?? {})) {
    if (kit.store.documents) kit.store.documents.set(id, JSON.stringify(document))
    else await new Promise(resolve => kit.store.set(id, document, resolve))
  }
}

async function playStep(step, port, dialogue, kit) {
  kit.events = []
  kit.openAtEnd = null
  kit.normaliser.beginRequest()
  kit.store.fail = step.fail ?? {}
  if (step.prepare) await step.prepare(kit)
  const hold = step.hold && holdAnswer(step.hold, kit)
  const jar = kit.jars[step.jar ?? 'default'] ??= new Jar()
  const headers = requestHeaders(step, jar, kit)
  const sent = kit.normaliser.text(headers.Cookie ?? '')
  const response = await send(port, {
    method: step.method,
    path: step.url,
    headers,
    deadline: dialogue.mayHang ? PATIENCE_WHERE_HANGING_IS_EXPECTED : PATIENCE,
    onHeaders: () => hold?.headersCame()
  })
  hold?.cancel()
  jar.take(response.headers ?? [])
  if (step.remember) kit.remembered[step.remember] = jar.header
  await settle()
  return { sent, events: kit.events, openAtEnd: kit.openAtEnd, response: normaliseResponse(response, kit.normaliser) }
}

// The requests come one after another, so that the store is asked in their order, and wait for each other.
async function playTogether({ together }, port, dialogue, kit) {
  kit.events = []
  kit.normaliser.beginRequest()
  kit.meeting = new Meeting()
  const jar = kit.jars.default ??= new Jar()
  const asked = []
  for (const [name, visit] of Object.entries(together)) {
    kit.store.fail = visit.fail ?? {}
    const arrival = kit.meeting.arrival()
    asked.push(ask(name, visit))
    await arrival
  }
  kit.store.fail = {}
  kit.meeting.begin()
  const answers = await Promise.all(asked)
  for (const [, { headers }] of answers) jar.take(headers ?? [])
  return {
    events: kit.events,
    answers: answers.map(([name, response]) => [name, normaliseResponse(response, kit.normaliser)])
  }

  async function ask(name, visit) {
    const headers = { ...requestHeaders(toStep(visit), jar, kit), [VISITOR]: name }
    const response = await send(port, { headers, deadline: PATIENCE })
    await settle()
    kit.meeting.leave(name)
    return [name, response]
  }
}

async function takeTurn({ together }, context) {
  const name = context.req.headers[VISITOR]
  context.pass = async () => {
    await context.kit.meeting.turn(name)
    context.kit.note(`— ${name}`)
  }
  await context.pass()
  handle(toStep(together[name]), context)
}

// A step's `cookie`: false for none, a header, or a function of (jar, kit); the jar's cookies otherwise.
function requestHeaders(step, jar, kit) {
  const cookie = typeof step.cookie === 'function' ? step.cookie(jar, kit) : step.cookie ?? jar.header
  return { ...(cookie ? { Cookie: cookie } : {}), ...step.headers }
}

// Withholds one store answer until the client has headers, or until it is plain that it gets none before.
function holdAnswer(method, kit) {
  const hold = { method, deliver: () => {} }
  let release = text => {
    release = () => {}
    clearTimeout(timer)
    kit.note(text)
    kit.store.hold = null
    hold.deliver()
  }
  const timer = setTimeout(() => release(`nothing left before ${method} was answered`), PATIENCE_WITH_A_HELD_ANSWER)
  kit.store.hold = hold
  return {
    headersCame: () => release(`headers left before ${method} was answered`),
    cancel: () => clearTimeout(timer)
  }
}

// Late errors come by setImmediate after the response; let them be noted.
async function settle() {
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
}

// Whether anything had been sent when the handler called `end` first decides which answer is still possible.
function watchEnd(res, kit) {
  const { end } = res
  res.end = function (...args) {
    kit.openAtEnd ??= !res.headersSent
    return end.apply(this, args)
  }
}

function handle(step, context) {
  const work = step.do ?? []
  if (typeof work === 'function') return work(context)
  run(work, context).catch(context.next)
}

function answerError(error, req, res, kit) {
  kit.note(`next(${error.name}: ${error.message}) on ${res.headersSent ? 'a sent' : 'an open'} response`)
  if (res.headersSent) return
  res.statusCode = 500
  res.setHeader('Content-Type', 'text/plain')
  res.setHeader('Content-Length', Buffer.byteLength(error.message))
  try {
    // The original's second `end` answers false and does nothing: the request would hang. Don't wait for that.
    if (res.end(error.message) === false && !res.headersSent) abandon(res, kit, 'the error can not be answered')
  } catch (thrown) {
    abandon(res, kit, `answering the error throws ${thrown.name}: ${thrown.message}`)
  }
}

function abandon(res, kit, reason) {
  kit.note(reason)
  res.socket.destroy()
}

function normaliseResponse(response, normaliser) {
  if (response.failure) return response
  return {
    status: response.status,
    headers: response.headers.map(([name, value]) => `${name}: ${normaliser.header(name, value)}`),
    body: normaliser.text(response.body)
  }
}

// They are compared, so Node need not print them.
process.removeAllListeners('warning')

// Deprecations always have a listener, else depd writes to stderr; only dialogues about them tell them,
// because depd warns once per call site and so depends on what was played before.
function listenToProcess(dialogue, library, kit, transcript) {
  const onDeprecation = warning => {
    if (!dialogue.fresh) return
    const namespace = warning.namespace === library.namespace ? 'own namespace' : warning.namespace
    kit.note(`deprecated (${namespace}): ${warning.message}`)
  }
  const onWarning = warning => void transcript.warnings.push(warning.code ?? warning.name)
  const onRejection = error => kit.note(`unhandled rejection: ${error.message}`)
  process.on('deprecation', onDeprecation)
  process.on('unhandledRejection', onRejection)
  process.on('warning', onWarning)
  return () => {
    process.off('deprecation', onDeprecation)
    process.off('unhandledRejection', onRejection)
    process.off('warning', onWarning)
  }
}

module.exports = { play }
