'use strict'

// The one list of intended differences. An entry says why, where, and what ours answers instead:
//   id          a short name
//   reason      a sentence or two that docs/express.md can use
//   dialogues   names as "topic: name"; or
//   applies     a predicate of a dialogue, for differences met all over
//   ways        where it shows itself, if not everywhere
//   expect      turns the original's transcript into ours (a clone, changed in place)
// A named dialogue that an entry leaves unchanged fails; so does an entry that changes nothing anywhere; and
// where ours answers as the original does, the test says that the entry no longer differs.

const { addSetCookie, answerError, attributes, dropSetCookies, hasSetCookie, hostHeaders, reply, setHeader, signed, withoutSession } = require('./patches')

const everywhere = () => true
const unsetDestroys = dialogue => dialogue.options?.unset === 'destroy'
// The operations of a step's program; functions in it tell nothing.
const programOf = step => [step, step?.do].find(Array.isArray)?.filter(Array.isArray) ?? []

const SENDING = ['write', 'writeHead', 'end', 'answer']
const DESTROYED = /^destroy(\(\) returns| → ok| true)/

const differences = [
  {
    id: 'commit-before-headers',
    reason: 'Nothing of a response leaves before the session is stored: a browser that follows a redirect asks again at once.',
    applies: everywhere,
    ways: way => way.store !== 'sync',
    expect: eachStep(step => {
      if (!step.openAtEnd) return
      step.events = step.events.map(event => event.replace(/^headers left before/, 'nothing left before'))
    })
  },
  {
    id: 'framing',
    reason: 'A body given to `end` alone goes out with a Content-Length where Node would have sent chunks: it is held until the session is stored, so its length is known.',
    applies: everywhere,
    ways: way => way.store !== 'sync',
    expect: eachStep((step, { played }) => {
      if (!step.openAtEnd || step.response.failure || handlerFrames(step, played)) return
      const chunked = step.response.headers.indexOf('Transfer-Encoding: chunked')
      if (chunked >= 0) step.response.headers[chunked] = `Content-Length: ${bodyLength(step, played)}`
    })
  },
  {
    id: 'failed-commit-is-an-error',
    reason: 'A session that could not be stored is an error that you can still answer (a 500), and no cookie is sent: it must not look like success.',
    applies: everywhere,
    expect: eachStep((step, { way, following }) => {
      const index = step.events.findIndex(event => /^next\(Error: (set|touch|destroy)\b.*\) on a sent response$/.test(event))
      if (index < 0 || !step.openAtEnd) return
      step.events[index] = step.events[index].replace('a sent response', 'an open response')
      // No cookie was given, so none comes back.
      if (hasSetCookie(step) && following) following.events = following.events.filter(event => !event.startsWith('get '))
      answerError(step, /^next\(Error: (.*)\) on/.exec(step.events[index])[1], way)
    })
  },
  {
    id: 'failed-save-is-tried-again',
    reason: 'A `save` that failed in the handler is tried again at the end, and if it fails again the response is a 500; express-session takes the session for saved and sends its cookie.',
    dialogues: ['set: an error in the handler', 'set: an error in the handler without a callback'].map(name => `store-errors: ${name}`),
    expect: (transcript, { way }) => {
      const [step, following] = transcript.steps
      step.events.push(step.events.find(event => event.startsWith('set ')), 'next(Error: set failed) on an open response')
      answerError(step, 'set failed', way)
      if (following) following.events = following.events.filter(event => !event.startsWith('get '))
    }
  },
  {
    id: 'save-tells-what-can-not-be-stored',
    reason: 'Data that JSON can not hold is an error for the callback or promise of `save`, which express-session throws; the answer that the application gives then stands.',
    dialogues: ['a circle', 'a nested circle', 'a BigInt', 'a toJSON that throws', 'a getter that throws']
      .map(data => `unserialisable: ${data}, save in the handler`),
    expect: (transcript, { way }) => {
      const step = transcript.steps[1]
      const index = step.events.findIndex(event => event.startsWith('next('))
      const [, error] = /^next\((.*)\) on/s.exec(step.events[index])
      step.events.splice(index, Infinity, `save → ${error}`)
      step.response = { status: 200, headers: [...hostHeaders(way), 'Content-Length: 4'], body: 'done' }
    }
  },
  {
    id: 'errors-can-be-answered',
    reason: 'An error inside `end` (a store that throws, data that JSON can not hold, a chunk that Node refuses) can be answered by the error handler; in express-session the request hangs.',
    applies: everywhere,
    expect: eachStep((step, { way }) => {
      const index = step.events.findIndex(event => /^(the error can not be answered|answering the error throws)/.test(event))
      if (index < 0) return
      step.events.splice(index, 1)
      const message = /^next\(\w+: (.*)\) on/s.exec(step.events[index - 1])[1]
      answerError(step, message, way)
      // Where only the chunk was wrong the session has been stored, and its cookie goes with the error.
      const [, id] = /^set (\S+)/.exec(step.events[index - 2]) ?? []
      if (id && message.startsWith('The "chunk" argument')) addSetCookie(step, `${signed(id)}; Path=/; HttpOnly`)
    })
  },
  {
    id: 'store-deadline',
    reason: 'A store that never answers is an error after `storeDeadline`: visitors must not wait for ever.',
    dialogues: ['store-errors: get: no answer', 'store-errors: set: no answer'],
    expect: eachStep((step, { way }) => {
      if (step.response.failure !== 'hang') return
      const method = step.events.at(-1).split(' ')[0]
      const message = `the session store did not answer ${method} within 60 ms; see the option storeDeadline`
      step.events.push(`next(Error: ${message}) on an open response`)
      answerError(step, message, way)
    })
  },
  {
    id: 'destroy-clears-cookie',
    reason: '`destroy` removes the browser\'s cookie as well: it would go on sending the id of a session that is gone. (`keepCookie: true` leaves it.)',
    applies: everywhere,
    expect: eachStep((step, { dialogue, played }) => {
      if (!endsDestroyed(step) || sentBeforeDestroy(step, played) || step.response.failure || !broughtSession(step)) return
      clearCookie(step, dialogue)
    })
  },
  {
    id: 'destroyed-once',
    reason: 'With `unset: \'destroy\'` a session that the handler has destroyed is not destroyed a second time at the end.',
    applies: unsetDestroys,
    ways: way => way.store !== 'memory',
    expect: eachStep(step => {
      const last = step.events.at(-1)
      const asked = step.events.indexOf(last)
      if (asked === step.events.length - 1 || !last.startsWith('destroy ')) return
      if (DESTROYED.test(step.events[asked + 1])) step.events.pop()
    })
  },
  {
    id: 'unread-is-not-unset',
    reason: 'With `unset: \'destroy\'` a session that the store failed to read is left alone; express-session takes it for unset and destroys it.',
    dialogues: ['unset: unset destroy: the store fails to read the session'],
    expect: transcript => {
      const [first, failing, later] = transcript.steps
      failing.events = failing.events.filter(event => !event.startsWith('destroy '))
      const document = first.events.at(-1).replace('set id#1 ', '')
      later.events = ['get id#1', `sees id#1 ${document}`, `touch id#1 ${document}`]
      reply(later, 'id#1', { n: 1 })
    }
  },
  {
    id: 'unset-clears-cookie',
    reason: '`unset: \'destroy\'` removes the browser\'s cookie, as `destroy` does.',
    applies: unsetDestroys,
    expect: eachStep((step, { dialogue }) => {
      if (!step.openAtEnd || !/"absent":true/.test(step.response.body) || !broughtSession(step) || hasSetCookie(step)) return
      clearCookie(step, dialogue)
    })
  },
  {
    id: 'cookie-changes-count',
    reason: 'A changed `req.session.cookie` is stored and sent: «remember me» must reach the store and the browser.',
    applies: dialogue => dialogue.topic === 'cookie-changes' && dialogue.name.startsWith('of an old session'),
    expect: transcript => {
      const step = transcript.steps[1]
      const last = step.events.at(-1)
      const [, , id, document] = /^(set|touch) (\S+) (.*)$/s.exec(last) ?? []
      if (!document || cookieText(step.events[1]) === cookieText(last)) return
      step.events[step.events.length - 1] = last.replace(/^touch/, 'set')
      const { cookie } = JSON.parse(document)
      if (!hasSetCookie(step) && !cookie.secure) addSetCookie(step, signed(id) + attributes(cookie))
    }
  },
  {
    id: 'cookie-changes-count-for-new-sessions',
    reason: 'A new session whose cookie was changed is no longer an uninitialized one: it is stored and sent.',
    dialogues: ['maxAge', 'originalMaxAge'].map(key => `cookie-changes: a new session without data, ${key} alone`),
    expect: eachStep(step => {
      const cookie = { originalMaxAge: 120_000, expires: '{now+120000}', httpOnly: true, path: '/' }
      step.events.push(`set id#1 ${JSON.stringify({ cookie })}`)
      addSetCookie(step, signed('id#1') + attributes(cookie))
    })
  },
  {
    id: 're-sign',
    reason: 'A cookie that an older secret signed is sent anew, signed by the first one: an old secret can only be dropped when no browser needs it.',
    dialogues: [
      ...['a list of three', 'a list of kinds', 'a list whose first is empty'],
      ...['a cookie of an old secret, plain', 'a cookie of an old secret, with a lifetime']
    ].map(name => `secrets: ${name}`),
    expect: (transcript, { dialogue }) => {
      const old = { 'a list whose first is empty': [3] }[dialogue.name] ?? (dialogue.name.startsWith('a list') ? [3, 4] : [0, 1])
      const signer = dialogue.name === 'a list whose first is empty' ? 'nobody' : 'keyboard cat'
      for (const index of old) addSetCookie(transcript.steps[index], `${signed('seeded', signer)}; Path=/; HttpOnly`)
    }
  },
  {
    id: 'secrets-are-checked',
    reason: 'Secrets that are no strings, Buffers or KeyObjects are refused at the first request; express-session answers and sends no cookie.',
    dialogues: ['a number', 'an object', 'true', 'a list with null'].map(name => `secrets: ${name}`),
    expect: eachStep((step, { way }) => {
      const message = 'secret option must be a string, a Buffer or a KeyObject, or an array of them'
      step.events = [`next(TypeError: ${message}) on an open response`]
      step.openAtEnd = null
      answerError(step, message, way)
    })
  },
  {
    id: 'good-duplicate',
    reason: 'When the browser sends several cookies of the name, the first good one counts: a bad one, set for another path or domain, must not sign the visitor out.',
    dialogues: ['a bad one', 'an unsigned one', 'an empty one', 'one of another secret', 'an unknown signed one']
      .map(name => `request-cookies: ${name}, then a good one`),
    expect: eachStep(step => {
      const document = n => JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n })
      const tried = step.events.filter(event => event === 'get unknown')
      step.events = [...tried, 'get seeded', `sees seeded ${document(1)}`, `set seeded ${document(2)}`]
      dropSetCookies(step)
      reply(step, 'seeded', { n: 2 })
    })
  },
  {
    id: 'path-boundary',
    reason: 'A cookie path ends at a boundary, as in browsers (RFC 6265, section 5.1.4): there is no session at /administrator for a cookie of /admin, which would not come back.',
    dialogues: ['/administrator', '/admin;x', '/admin.html'].map(url => `paths: cookie for /admin, request for ${url}`),
    expect: eachStep(withoutSession)
  },
  {
    id: 'cookie-function-once',
    reason: 'A `cookie` function is asked once for each request, so that it can not answer twice differently.',
    dialogues: ['cookie-function: how often it is called, and with what'],
    expect: eachStep(step => {
      const first = step.events.indexOf('cookie(/)')
      step.events = step.events.filter((event, index) => event !== 'cookie(/)' || index === first)
    })
  },
  {
    id: 'cookie-function-auto',
    reason: '`\'auto\'` means the same whether the cookie options are an object or come from a function.',
    dialogues: [
      'cookie-function: secure auto',
      'cookie-function: sameSite auto',
      'cookie-function: secure auto over a proxy\'s https'
    ],
    expect: (transcript, { dialogue }) => {
      const options = dialogue.options.cookie({ url: '/' })
      let known
      transcript.steps.forEach((step, index) => {
        const secure = Boolean(dialogue.options.proxy) && index === 0
        step.events = step.events
          .filter(event => !event.startsWith('next('))
          .map(event => event
            .replace('"secure":"auto"', `"secure":${secure}`)
            .replace('"sameSite":"auto"', `"sameSite":"${secure ? 'none' : 'lax'}"`))
        const stored = step.events.find(event => event.startsWith('set '))
        if (stored) {
          known = stored.split(' ')[1]
          const { cookie } = JSON.parse(stored.slice(5 + known.length))
          dropSetCookies(step)
          addSetCookie(step, signed(known) + attributes(cookie))
        }
      })
      // The browser now has a cookie, so the last step finds its session.
      if (!dialogue.options.proxy) returnOf(transcript, options)
    }
  },
  {
    id: 'bad-cookie-is-an-error',
    reason: 'A session whose cookie can not be written is not stored, and the response is a 500: no browser could come back to it.',
    applies: everywhere,
    expect: eachStep((step, { way }) => {
      const index = step.events.findIndex(event => /^next\(TypeError: (option|argument) \w+ is invalid\) on a sent response$/.test(event))
      if (index < 0 || !step.openAtEnd) return
      const event = step.events[index].replace('a sent response', 'an open response')
      step.events = [...step.events.slice(0, index).filter(event => !/^(set|touch) /.test(event)), event]
      answerError(step, /^next\(TypeError: (.*)\) on/.exec(event)[1], way)
    })
  },
  {
    id: 'insecure-is-told',
    reason: 'A process warning tells once why no cookie goes out when it is Secure and the connection is not.',
    applies: everywhere,
    expect: (transcript, { dialogue }) => {
      if (transcript.steps.some(step => isHeldBack(step, dialogue))) transcript.warnings.push('HANDSTAMP_INSECURE')
    }
  },
  {
    id: 'own-cookie-options',
    reason: 'Two middlewares on one store keep their own cookie options; in express-session those of the later one count for both.',
    dialogues: ['hosting: two middlewares on one store, different cookie options and paths'],
    expect: transcript => {
      for (const step of [transcript.steps[0], transcript.steps[2]]) {
        step.events = step.events.map(event => event.replace(
          /\{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"\/","sameSite":"lax"\}/,
          '{"originalMaxAge":60000,"expires":"{now+60000}","httpOnly":true,"path":"/admin"}'))
        step.response.headers = step.response.headers.map(header =>
          header.replace('Path=/; HttpOnly; SameSite=Lax', 'Path=/admin; Expires={now+60000}; HttpOnly'))
      }
    }
  },
  {
    id: 'own-genid',
    reason: 'Two middlewares on one store keep their own `genid`, too.',
    dialogues: ['hosting: two middlewares on one store, different genid'],
    expect: transcript => {
      const step = transcript.steps[0]
      step.events = step.events.map(event => event.replace('for-shop', 'for-admin').replace('"path":"/"', '"path":"/admin"'))
      step.response.headers = step.response.headers.map(header => header.replace('for-shop', 'for-admin').replace('Path=/', 'Path=/admin'))
      reply(step, 'for-admin', { n: 1 })
    }
  },
  {
    id: 'genid-promise',
    reason: '`genid` may return a promise: ids may come from a service. express-session takes the promise for an id and stores nothing.',
    dialogues: ['genid: genid that promises'],
    expect: transcript => {
      const document = data => JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, ...data })
      const [first, second] = transcript.steps
      first.events = [`sees promised ${document()}`, `set promised ${document({ n: 1 })}`]
      reply(first, 'promised', { n: 1 })
      addSetCookie(first, `${signed('promised')}; Path=/; HttpOnly`)
      second.events = ['get promised', `sees promised ${document({ n: 1 })}`, `touch promised ${document({ n: 1 })}`]
      reply(second, 'promised', { n: 1 })
    }
  },
  {
    id: 'empty-genid',
    reason: 'An empty string from `genid` is no id: the session is neither stored nor sent. In express-session all visitors would share it.',
    dialogues: ['genid: genid gives an empty string'],
    expect: eachStep(step => {
      step.events = step.events.filter(event => !event.startsWith('set '))
      dropSetCookies(step)
    })
  },
  {
    id: 'methods-promise',
    reason: 'Without a callback every method gives a promise, where express-session returns nothing of use or throws.',
    dialogues: ['save', 'reload', 'regenerate', 'destroy'].map(method => `methods: ${method} without a callback`),
    expect: (transcript, { dialogue }) => {
      const method = dialogue.name.split(' ')[0]
      const step = transcript.steps[1]
      step.events = step.events
        .filter(event => !event.startsWith('next('))
        .map(event => event.replace(/\(\) returns .*/, '() returns a promise'))
      if (method === 'reload' || method === 'regenerate') continueAfter(method, transcript)
    }
  },
  {
    id: 'end-returns-response',
    reason: '`res.end` returns the response, as Node\'s does.',
    dialogues: ['responses: what end and write return'],
    expect: eachStep(step => {
      step.events = step.events.map(event => event.replace(/^end returns (true|false)$/, 'end returns the response'))
    })
  },
  {
    id: 'end-callback',
    reason: '`res.end` takes a callback in all its forms, as Node\'s does, and calls it once.',
    dialogues: ['responses: end(text, encoding, callback)'],
    expect: eachStep(step => step.events.push('end called back'))
  },
  {
    id: 'end-callback-only',
    reason: '`res.end` takes a callback alone, as Node\'s does; express-session takes it for a chunk when the store answers later.',
    dialogues: ['responses: end(callback)'],
    ways: way => way.store === 'deferred',
    expect: eachStep(step => {
      step.events = step.events.filter(event => !event.startsWith('next('))
    })
  },
  {
    id: 'regenerate-and-save-once',
    reason: 'A session that was saved after `regenerate` (every login of passport) is not stored a second time at the end.',
    applies: everywhere,
    ways: way => way.store !== 'memory',
    expect: eachStep(({ events }) => {
      const regenerated = events.findIndex(event => event.startsWith('regenerate → '))
      const last = events.at(-1)
      if (regenerated < 0 || !last.startsWith('set ')) return
      if (events.slice(regenerated, -1).includes(last) && !events.includes('save → set failed')) events.pop()
    })
  },
  {
    id: 'save-and-reload-return-the-session',
    reason: 'Given a callback all methods return the session; in express-session `save` and `reload` return nothing.',
    dialogues: ['methods: save and reload called with callbacks return what they return'],
    expect: eachStep(step => {
      step.events = step.events.map(event => event.replace(/^(save|reload) undefined$/, '$1 the session'))
    })
  },
  {
    id: 'reload-of-a-missing-file',
    reason: 'A store\'s error with the code ENOENT means «not found» to `reload`, as it does to the middleware.',
    applies: everywhere,
    ways: way => way.store !== 'memory',
    expect: eachStep(step => {
      step.events = step.events.map(event => event.replace('reload → get: no such file', 'reload → failed to load session'))
    })
  },
  {
    id: 'no-production-warning',
    reason: 'The MemoryStore may be used in production, and nothing warns of it: it is bounded and forgets expired sessions.',
    dialogues: ['options: in production the default store is warned about'],
    expect: transcript => { transcript.steps[0].events = [] }
  },
  {
    id: 'memory-store-tells-errors',
    reason: 'The MemoryStore tells of a session that JSON can not hold by the callback or promise of `set`, and does not throw.',
    dialogues: ['session-object: MemoryStore: a document that can not be written'],
    expect: transcript => {
      const [step] = transcript.steps
      step.events = step.events.map(event => event.replace(/^set throws /, 'set → '))
    }
  },
  {
    id: 'memory-store-lifetime',
    reason: 'The MemoryStore keeps a session for its cookie\'s `originalMaxAge` from each touch on; an `expires` that says otherwise does not count.',
    dialogues: ['session-object: MemoryStore: set, get, touch, destroy, all, length, clear'],
    expect: transcript => {
      const [step] = transcript.steps
      step.events = step.events.map(event => event.replace('{now+120000}', '{now+60000}'))
    }
  },
  {
    id: 'memory-store-key-order',
    reason: 'The MemoryStore stores key by key, so that parallel requests lose nothing: a key that is deleted and set again keeps its place.',
    dialogues: ['saving: a key deleted and set again'],
    ways: way => way.store === 'memory',
    expect: transcript => {
      const step = transcript.steps[2]
      step.events = step.events.map(event => event.replace('"b":2,"a":3', '"a":3,"b":2'))
      reply(step, 'id#1', { a: 3, b: 2 })
    }
  },
  {
    id: 'unusual-documents-are-not-rewritten',
    reason: 'A stored document that has names of session methods in it is touched like any other; express-session takes it for changed and writes it at each request.',
    dialogues: [
      'saving: names of session methods in a stored document are ignored',
      'saving: a key named __proto__ in a stored document',
      'hosting: createSession patched on the store is called'
    ],
    ways: way => way.store !== 'memory',
    expect: (transcript, { dialogue }) => {
      const step = transcript.steps[dialogue.topic === 'hosting' ? 1 : 0]
      step.events = step.events.map(event => event.replace(/^set /, 'touch '))
    }
  },
  {
    id: 'cookie-function-must-return-an-object',
    reason: 'When a `cookie` function returns no object, the error\'s message names the option.',
    dialogues: ['undefined', 'null'].map(value => `cookie-function: ${value}`),
    expect: eachStep((step, { way }) => {
      const message = 'cookie option function must return an object'
      step.events = [`next(TypeError: ${message}) on an open response`]
      answerError(step, message, way)
    })
  },
  {
    id: 'set-cookie-pairs-survive',
    reason: 'Several Set-Cookie headers given to `writeHead` as pairs are all sent; express-session keeps the last.',
    dialogues: ['set-cookie: with another: pairs by writeHead'],
    expect: eachStep(({ response: { headers } }) => {
      headers.splice(headers.indexOf('Set-Cookie: b=2'), 0, 'Set-Cookie: a=1')
    })
  }
]

/** Applies a change to each step of one request; it is told the step as the dialogue has it (played) and the next one, too. */
function eachStep(change) {
  return (transcript, { dialogue, way }) => transcript.steps.forEach((step, index) => {
    if (step.response) change(step, { dialogue, way, played: dialogue.steps[index], following: transcript.steps[index + 1] })
  })
}

// The handler decided the framing itself, or a compressor writes piece by piece.
function handlerFrames(step, played) {
  return step.response.headers.includes('Vary: Accept-Encoding') ||
    programOf(played).some(([name, header]) => name === 'header' && header === 'Transfer-Encoding')
}

// What the program gave to `end` tells more than the body, which is none for HEAD and not always UTF-8.
function bodyLength(step, played) {
  const end = programOf(played).find(([name]) => name === 'end')
  if (!end) return Buffer.byteLength(step.response.body)
  const [, chunk = '', encoding] = end
  return chunk === null ? 0 : Buffer.from(chunk, encoding).length
}

// Also where a regenerated session has been taken away.
function endsDestroyed({ events, response }) {
  return events.some(event => DESTROYED.test(event)) ||
    (events.includes('regenerate → ok') && /"absent":true/.test(response.body))
}

function sentBeforeDestroy(step, played) {
  const names = programOf(played).map(([name]) => name)
  const gone = names.findIndex(name => ['destroy', 'drop', 'null'].includes(name))
  return gone < 0 ? !step.openAtEnd : names.slice(0, gone).some(name => SENDING.includes(name))
}

// A Secure cookie was due: for a new session, at each response, or because the handler has changed it.
function isHeldBack(step, { options }) {
  if (!step.response?.headers || !/"secure":true/.test(step.events.join()) || step.response.headers.some(isCredential)) return false
  const cookies = step.events.map(cookieText).filter(Boolean)
  return options?.rolling || !broughtSession(step) || cookies.at(0) !== cookies.at(-1)
}

function isCredential(header) {
  return /^Set-Cookie: [^=]+=s%3A/.test(header)
}

// Only a cookie that was verified is worth clearing.
function broughtSession(step) {
  return step.sent.includes('{signed by keyboard cat}')
}

function clearCookie(step, { options }) {
  const { path = '/', httpOnly = true, ...rest } = (typeof options?.cookie === 'object' && options.cookie) || {}
  addSetCookie(step, `connect.sid=${attributes({ ...rest, path, httpOnly, expires: 'Thu, 01 Jan 1970 00:00:00 GMT' })}; Max-Age=0`)
}

function cookieText(event) {
  return /"cookie":(\{[^}]*?(?:\{[^}]*\}[^}]*?)*\})/.exec(event)?.[1]
}

// Third and fourth steps of the cookie-function dialogues are of one browser: the fourth comes back to the third's session.
function returnOf(transcript, options) {
  const [, , third, fourth] = transcript.steps
  const stored = third.events.find(event => event.startsWith('set '))
  const [, id] = stored.split(' ')
  const document = stored.slice(5 + id.length)
  fourth.events = [`get ${id}`, `sees ${id} ${document}`, `touch ${id} ${document}`]
  dropSetCookies(fourth)
  reply(fourth, id, { n: 1 })
}

// reload and regenerate without a callback throw in the original; in ours the program runs on.
function continueAfter(method, transcript) {
  const empty = JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' } })
  const full = `${empty.slice(0, -1)},"n":1}`
  const [, second, third] = transcript.steps
  if (method === 'reload') {
    second.events = ['get id#1', `sees id#1 ${full}`, 'get id#1', 'reload() returns a promise', `sees id#1 ${full}`, `touch id#1 ${full}`]
  } else {
    second.events = ['get id#1', `sees id#1 ${full}`, 'destroy id#1', 'regenerate() returns a promise', `sees id#2 ${empty}`, `set id#2 ${empty}`]
  }
  const [id, data] = method === 'reload' ? ['id#1', { n: 1 }] : ['id#2', {}]
  second.response.status = 200
  setHeader(second, 'Content-Type', 'application/json')
  reply(second, id, data)
  if (method === 'regenerate' && !hasSetCookie(second)) addSetCookie(second, `${signed(id)}; Path=/; HttpOnly`)
  third.events = [`get ${id}`, `sees ${id} ${method === 'reload' ? full : empty}`, `touch ${id} ${method === 'reload' ? full : empty}`]
  reply(third, id, data)
}

module.exports = { differences }
