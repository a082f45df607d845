'use strict'

// Plays a dialogue: sends what its browsers send and compares what comes back.

const assert = require('node:assert/strict')
const { isDeepStrictEqual } = require('node:util')

const { ofCookie, ofToken } = require('./credential')
const { Jar } = require('./jar')
const { fill } = require('./template')

/** Throws what was different from the dialogue, naming the step. */
async function play(dialogue, backstage) {
  for (const [id, document] of Object.entries(dialogue.stored)) await backstage.seed(id, document)
  await backstage.start(dialogue.app)
  const stage = new Stage(dialogue.app, backstage)
  for (const [at, step] of dialogue.steps.entries()) {
    const differences = await stage.act(step)
    const where = `step ${at + 1}, ${step.browser}: ${step.send ?? ''}${step.why ? ` (${step.why})` : ''}`
    assert.ok(differences.length === 0, `\n«${dialogue.name}»\n${where}\n- ${differences.join('\n- ')}\n`)
  }
}

/** Where a dialogue stands. */
class Stage {
  browsers = new Map()
  /** All ids that anyone was ever given. */
  ids = new Set()

  constructor(app, backstage) {
    this.app = app
    this.backstage = backstage
  }

  /** One step. Gives what was different than expected. */
  async act(step) {
    if (step.restart) {
      this.app = step.restart
      await this.backstage.start(step.restart)
    }
    this.backstage.pass(step.after)
    if (step.copy_of) this.browsers.set(step.browser, copied(this.browsers.get(step.copy_of)))
    if (step.reopen) this.browser(step).jar.close()
    if (!step.send) return []
    const { request, url } = this.request(step)
    return this.compare(step, url, await this.backstage.send(request))
  }

  request(step) {
    const [, method, target] = /^(\w+) (\/.*)$/.exec(this.fill(step, step.send))
    const url = urlOf(step.at, target)
    const headers = { host: url.host, 'x-forwarded-proto': url.secure ? 'https' : 'http' }
    for (const [name, value] of Object.entries(step.headers)) headers[name] = this.fill(step, value)
    const body = this.fill(step, step.form)
    if (body) headers['content-type'] = 'application/x-www-form-urlencoded'
    const cookies = headers.cookie ?? this.browser(step).jar.header(url)
    if (cookies) headers.cookie = cookies
    return { request: { method, target, headers, body }, url }
  }

  /** Compares a response with what is expected, and lets the browser take its cookies. */
  compare(step, url, response) {
    const { expect } = step
    const differences = []
    const differ = (text) => differences.push(text)
    if (response.status !== expect.status) differ(`the status is not ${expect.status}`)
    if (expect.body !== undefined && !isDeepStrictEqual(parsed(response.text), expect.body)) {
      differ(`the body is not ${JSON.stringify(expect.body)}`)
    }
    const setCookies = response.headers['set-cookie'] ?? []
    for (const text of setCookies) this.browser(step).jar.take(text, url)
    const problem = this.credential(step, response)
    if (problem) differ(problem)
    if (expect.set_cookie !== undefined) {
      const wanted = this.fill(step, expect.set_cookie)
      const ours = setCookies.filter((text) => text.startsWith(`${this.cookieName}=`))
      if (!isDeepStrictEqual(ours, [wanted])) differ(`our Set-Cookie is not\n    ${wanted}`)
    }
    for (const [name, pattern] of Object.entries(expect.headers)) {
      const wanted = pattern === null ? undefined : this.fill(step, pattern)
      if (response.headers[name]?.join(', ') !== wanted) differ(`the header ${name} is not ${wanted}`)
    }
    return differences.length > 0 ? [...differences, `it was answered\n    ${shown(response)}`] : []
  }

  /** Compares what an answer does with the browser's credential. */
  credential(step, response) {
    const expected = step.expect.credential
    const answers = this.answers(response)
    if (answers.length === 0) return expected === 'none' ? undefined : `no credential was sent, but expected: ${expected}`
    if (answers.length > 1) return `${answers.length} credentials were sent`
    const [{ byCookie, value }] = answers
    if (value === '') return this.removal(step, byCookie)
    const credential = byCookie ? ofCookie(value) : ofToken(value)
    if (!credential || !this.isOurs(credential.id)) return `${value} has not the form of a credential`
    const isGood = this.isExpected(step, credential.id)
    this.ids.add(credential.id)
    this.browser(step).credential = credential
    return isGood ? undefined : `a credential was sent that is not as expected: ${expected}`
  }

  removal(step, byCookie) {
    if (step.expect.credential !== 'removed') return `the credential was removed, but expected: ${step.expect.credential}`
    const isKept = byCookie && this.browser(step).jar.has(this.cookieName)
    return isKept ? 'the cookie was removed, but the browser still has it' : undefined
  }

  isExpected(step, id) {
    switch (step.expect.credential) {
      case 'none':
      case 'removed': return false
      case 'new': return !this.ids.has(id)
      case 'same': return this.browser(step).credential?.id === id
      default: return this.browsers.get(step.expect.credential)?.credential?.id === id
    }
  }

  /** The credentials that a response brings or takes away, and whether each is a cookie. */
  answers({ headers }) {
    const { transports = ['cookie'] } = this.app
    return transports.flatMap((transport) => {
      if (transport === 'bearer') return (headers['session-token'] ?? []).map((value) => ({ byCookie: false, value }))
      if (transport !== 'cookie') return (headers[transport] ?? []).map((value) => ({ byCookie: false, value }))
      const prefix = `${this.cookieName}=`
      const ours = (headers['set-cookie'] ?? []).filter((text) => text.startsWith(prefix))
      return ours.map((text) => ({ byCookie: true, value: text.slice(prefix.length).split(';')[0] }))
    })
  }

  /** Whether the application could have made this id. */
  isOurs(id) {
    return id.length === 32 || (this.app.ids?.includes(id) ?? false)
  }

  get cookieName() {
    return this.app.cookie?.name ?? (this.app.profile === 'express' ? 'connect.sid' : '__Host-session')
  }

  fill(step, text) {
    return fill(text, (name = step.browser) => this.browsers.get(name)?.credential)
  }

  /** A browser: its cookies, and the credential that it was last given, by whatever way. */
  browser({ browser: name }) {
    if (!this.browsers.has(name)) this.browsers.set(name, { jar: new Jar(), credential: undefined })
    return this.browsers.get(name)
  }
}

function copied({ jar, credential }) {
  return { jar: jar.copy(), credential }
}

function urlOf(origin, target) {
  const [, scheme, host] = /^(https?):\/\/([^/:]+)(?::\d+)?$/.exec(origin)
  return { secure: scheme === 'https', host, path: target.split('?')[0] }
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function shown({ status, headers, text }) {
  const lines = Object.entries(headers).flatMap(([name, values]) => values.map((value) => `${name}: ${value}`))
  return [status, ...lines, text].join('\n    ')
}

module.exports = { play }
