'use strict'

// The one list of intended differences. An entry says why, where, and what ours answers instead:
//   id          a short name
//   reason      one sentence
//   dialogues   names as "topic: name"; or
//   applies     a predicate of a dialogue, for differences met all over
//   ways        where it shows itself, if not everywhere
//   expect      turns the original's transcript into ours (a clone, changed in place)
// A named dialogue that an entry leaves unchanged fails; so does an entry that changes nothing anywhere; and
// where ours answers as the original does, the test says that the entry no longer differs.

const { addSetCookie, answerError, attributes, dropSetCookies, hasSetCookie, reply, setHeader, signed, withoutSession } = require('./patches')

const everywhere = () => true
// The operations of a step's program; functions in it tell nothing.
const programOf = step => [step, step?.do].find(Array.isArray)?.filter(Array.isArray) ?? []

const differences = [
  {
    id: 'commit-before-headers',
    reason: 'A client that has the headers of a redirect asks again at once; its session must be stored by then.',
    applies: everywhere,
    expect: eachStep(step => {
      if (!step.openAtEnd) return
      step.events = step.events.map(event => event.replace(/^headers left before/, 'nothing left before'))
    })
  },
  {
    id: 'framing',
    reason: 'The body is held whole until the session is stored, so its length is known and Node sends it.',
    applies: everywhere,
    expect: eachStep((step, { played }) => {
      if (!step.openAtEnd || step.response.failure || handlerFrames(played)) return
      const chunked = step.response.headers.indexOf('Transfer-Encoding: chunked')
      if (chunked >= 0) step.response.headers[chunked] = `Content-Length: ${bodyLength(step, played)}`
    })
  },
  {
    id: 'failed-commit-is-an-error',
    reason: 'A session that could not be stored must not look like success: the response is still open, so it is a 500.',
    applies: everywhere,
    expect: eachStep((step, { way }) => {
      const index = step.events.findIndex(event => /^next\(Error: (set|touch|destroy)\b.*\) on a sent response$/.test(event))
      if (index < 0 || !step.openAtEnd) return
      step.events[index] = step.events[index].replace('a sent response', 'an open response')
      answerError(step, /^next\(Error: (.*)\) on/.exec(step.events[index])[1], way)
    })
  },
  {
    id: 'errors-can-be-answered',
    reason: 'After an error inside `end` (a store that throws, data JSON cannot hold, a cookie that cannot be made) the original ignores the error handler\'s `end`, and the request hangs.',
    applies: everywhere,
    expect: eachStep((step, { way }) => {
      const index = step.events.findIndex(event => /^(the error can not be answered|answering the error throws)/.test(event))
      if (index < 0) return
      step.events.splice(index, 1)
      answerError(step, /^next\(\w+: (.*)\) on/s.exec(step.events[index - 1])[1], way)
    })
  },
  {
    id: 'store-deadline',
    reason: 'A store that never answers must not keep visitors waiting for ever.',
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
    reason: 'A browser should not go on sending the id of a session that is gone.',
    applies: everywhere,
    expect: eachStep((step, { dialogue }) => {
      if (!step.events.includes('destroy → ok') || !step.openAtEnd || step.response.failure || !broughtSession(step)) return
      const { path = '/', httpOnly = true, ...rest } = (typeof dialogue.options?.cookie === 'object' && dialogue.options.cookie) || {}
      addSetCookie(step, `connect.sid=${attributes({ ...rest, path, httpOnly, expires: 'Thu, 01 Jan 1970 00:00:00 GMT' })}`)
    })
  },
  {
    id: 'cookie-changes-count',
    reason: 'A handler that changes req.session.cookie means it: "remember me" must reach the store and the browser.',
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
    id: 're-sign',
    reason: 'A rotated secret can only be dropped when browsers have got cookies of the new one.',
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
    id: 'good-duplicate',
    reason: 'A bad cookie of the same name, set for another path or domain, must not sign the visitor out.',
    dialogues: ['a bad one', 'an unsigned one', 'an empty one', 'one of another secret']
      .map(name => `request-cookies: ${name}, then a good one`),
    expect: eachStep(step => {
      const document = n => JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n })
      step.events = ['get seeded', `sees seeded ${document(1)}`, `set seeded ${document(2)}`]
      dropSetCookies(step)
      reply(step, 'seeded', { n: 2 })
    })
  },
  {
    id: 'path-boundary',
    reason: 'A cookie for /admin is not sent to /administrator (RFC 6265, 5.1.4), so a session made there is lost at once.',
    dialogues: ['/administrator', '/admin;x', '/admin.html'].map(url => `paths: cookie for /admin, request for ${url}`),
    expect: eachStep(withoutSession)
  },
  {
    id: 'cookie-function-once',
    reason: 'The function is asked once for a session, so that it cannot answer twice differently.',
    dialogues: ['cookie-function: how often it is called, and with what'],
    expect: eachStep(step => {
      const first = step.events.indexOf('cookie(/)')
      step.events = step.events.filter((event, index) => event !== 'cookie(/)' || index === first)
    })
  },
  {
    id: 'cookie-function-auto',
    reason: '\'auto\' means the same whether the options are an object or come from a function.',
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
    id: 'own-cookie-options',
    reason: 'Two middlewares on one store keep their own options; the original leaves the later one\'s on the store.',
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
    reason: 'Two middlewares on one store keep their own genid.',
    dialogues: ['hosting: two middlewares on one store, different genid'],
    expect: transcript => {
      const step = transcript.steps[0]
      step.events = step.events.map(event => event.replace('for-shop', 'for-admin'))
      step.response.headers = step.response.headers.map(header => header.replace('for-shop', 'for-admin'))
      reply(step, 'for-admin', { n: 1 })
    }
  },
  {
    id: 'genid-promise',
    reason: 'Ids may come from a service; the original takes the promise itself for an id and stores nothing.',
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
    id: 'methods-promise',
    reason: 'Without a callback every method gives a promise, where the original returns nothing of use or throws.',
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
    reason: 'Node\'s `end` returns the response.',
    dialogues: ['responses: what end and write return'],
    expect: eachStep(step => {
      step.events = step.events.map(event => event.replace(/^end returns (true|false)$/, 'end returns the response'))
    })
  },
  {
    id: 'end-callback',
    reason: 'Node\'s `end` takes a callback in all its forms and calls it once.',
    dialogues: ['responses: end(text, encoding, callback)'],
    expect: eachStep(step => step.events.push('end called back'))
  },
  {
    id: 'end-callback-only',
    reason: 'Node\'s `end` takes a callback alone; the original takes it for a chunk when the store answers later.',
    dialogues: ['responses: end(callback)'],
    ways: way => way.store === 'deferred',
    expect: eachStep(step => {
      step.events = step.events.filter(event => !event.startsWith('next('))
    })
  }
]

/** Applies a change to each step; it is told the step as the dialogue has it (played), the dialogue and the way. */
function eachStep(change) {
  return (transcript, { dialogue, way }) => transcript.steps.forEach((step, index) => {
    if (step.response) change(step, { dialogue, way, played: dialogue.steps[index] })
  })
}

// The handler decided the framing itself where it set a Transfer-Encoding or has no use for Content-Length.
function handlerFrames(played) {
  return programOf(played).some(([name, header]) => name === 'header' && header === 'Transfer-Encoding')
}

// A HEAD response has no body to measure; the program's last `end` tells.
function bodyLength(step, played) {
  if (played.method !== 'HEAD') return Buffer.byteLength(step.response.body)
  return Buffer.byteLength(programOf(played).find(([name]) => name === 'end')?.[1] ?? '')
}

// Only a cookie that was verified is worth clearing.
function broughtSession(step) {
  return step.sent.includes('{signed by keyboard cat}')
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
