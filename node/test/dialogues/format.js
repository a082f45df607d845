'use strict'

// The format of the dialogue files. Fields that nobody knows are refused: a misspelt expectation must not be a met one.

const COOKIE = ['name', 'domain', 'path', 'secure', 'http_only', 'same_site', 'partitioned', 'priority']
const APP = ['profile', 'cookie', 'idle', 'absolute', 'persistent', 'grace', 'transports', 'resave', 'rolling',
  'save_uninitialized', 'secrets', 'ids']
const EXPECT = ['status', 'body', 'credential', 'set_cookie', 'headers', 'store']
const STEP = ['browser', 'why', 'restart', 'after', 'copy_of', 'reopen', 'at', 'send', 'headers', 'form', 'expect']

/** A dialogue of this JSON, with the defaults filled in. */
function parse(json) {
  const { name, proves, app = {}, stored = {}, steps, ...unknown } = JSON.parse(json)
  refuse(unknown)
  checkApp(app)
  return { name, proves, app, stored, steps: steps.map(step) }
}

function step(given) {
  only(given, STEP)
  const { expect = {}, restart, ...others } = given
  only(expect, EXPECT)
  if (restart) checkApp(restart)
  const answer = { status: 200, credential: 'none', headers: {}, ...expect }
  return { browser: 'anna', after: 0, at: 'https://shop.example.com', headers: {}, form: '', ...others, restart, expect: answer }
}

function checkApp(app) {
  only(app, APP)
  only(app.cookie ?? {}, COOKIE)
}

function only(given, names) {
  refuse(Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name))))
}

function refuse(unknown) {
  const names = Object.keys(unknown)
  if (names.length > 0) throw new Error(`dialogues have no field named ${names.join(', ')}`)
}

module.exports = { parse }
