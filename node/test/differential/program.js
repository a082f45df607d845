'use strict'

// Handler programs: what a handler does, written as data, e.g. [['set', 'n', 1], ['save'], ['end', 'done']].
// Each operation gets the context { req, res, kit } and notes what an application could notice.

const operations = {
  // Data
  set: onSession((session, _, key, value) => { session[key] = value }),
  delete: onSession((session, _, key) => { delete session[key] }),
  null: ({ req }) => { req.session = null },
  drop: ({ req }) => { delete req.session },
  id: ({ req }, id) => { req.sessionID = id },

  // Cookie
  cookie: onSession((session, _, key, value) => { session.cookie[key] = value }),
  maxAge: onSession((session, _, age) => { session.cookie.maxAge = age }),

  // Methods; a callback is always given ('call' tells what comes back without one)
  touch: onSession(session => { session.touch() }),
  resetMaxAge: onSession(session => { session.resetMaxAge() }),
  save: callback('save'),
  reload: callback('reload'),
  regenerate: callback('regenerate'),
  destroy: callback('destroy'),
  call: onSession(async (session, { kit, req }, method) => {
    const returned = session[method]()
    kit.note(`${method}() returns ${kind(returned, session)}`)
    await returned
    view(req, kit)
  }),

  // Response
  status: ({ res }, status) => { res.statusCode = status },
  header: ({ res }, name, value) => { res.setHeader(name, value) },
  write: ({ res }, chunk) => { res.write(chunk) },
  writeHead: ({ res }, ...args) => { res.writeHead(...args) },
  end: answering((res, ...args) => res.end(...args)),
  answer: answering((res, method, ...args) => res[method](...args)),
  silence: answering(() => {}),
  reply: context => { answer(context) },
  throw: (_, message) => { throw new Error(message) },

  // Observation
  view: ({ req, kit }) => view(req, kit),
  note: ({ kit }, text) => kit.note(text),
  turn: () => new Promise(resolve => setImmediate(resolve)),

  // Of visits together: the others act before this one goes on
  pass: ({ pass }) => pass()
}

/** Runs the steps in order, then replies with the session's data unless the program has answered. */
async function run(program, context) {
  view(context.req, context.kit)
  for (const step of program) {
    if (typeof step === 'function') await step(context)
    else await operations[step[0]](context, ...step.slice(1))
  }
  if (!context.answered) answer(context)
}

function onSession(operation) {
  return (context, ...args) => {
    const { session } = context.req
    if (session) return operation(session, context, ...args)
    context.kit.note('no session to work on')
  }
}

function callback(method) {
  return onSession((session, { req, kit }) => new Promise(resolve => {
    session[method](error => {
      kit.note(`${method} → ${error ? error.message : 'ok'}`)
      if (method !== 'save') view(req, kit)
      resolve()
    })
  }))
}

function answering(operation) {
  return (context, ...args) => {
    context.answered = true
    return void operation(context.res, ...args)
  }
}

// Content-Length is given, as Express gives it, so that the default reply is framed alike on every host.
function answer(context) {
  const { req, res } = context
  context.answered = true
  const { cookie, ...data } = req.session ?? { absent: true }
  const body = JSON.stringify({ id: req.sessionID, data })
  if (!res.headersSent) {
    res.setHeader('Content-Type', 'application/json')
    res.setHeader('Content-Length', Buffer.byteLength(body))
  }
  res.end(body)
}

function view(req, kit) {
  kit.note(`sees ${req.sessionID} ${describe(req.session)}`)
}

function describe(session) {
  if (session == null) return `session ${session}`
  try {
    return JSON.stringify(session)
  } catch (error) {
    return error.name
  }
}

function kind(value, session) {
  if (value === session) return 'the session'
  return value instanceof Promise ? 'a promise' : String(value)
}

module.exports = { run, describe }
