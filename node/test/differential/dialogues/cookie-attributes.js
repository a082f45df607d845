'use strict'

// Every cookie attribute, good and bad, as it is sent and as it is stored.

const ONE_WAY = { stores: ['sync'], hosts: ['express5', 'http'] }
const STEPS = [[['set', 'n', 1]], [], [['set', 'n', 2]]]

// Values a visitor's session is made with; names tell them apart in the list of tests.
const COOKIES = {
  'nothing given': {},
  'httpOnly false': { httpOnly: false },
  'httpOnly undefined': { httpOnly: undefined },
  'httpOnly of a truthy value': { httpOnly: 'yes' },
  'secure false': { secure: false },
  'secure true over http': { secure: true },
  'domain': { domain: 'example.com' },
  'domain with a leading dot': { domain: '.example.com' },
  'domain empty': { domain: '' },
  'domain with a semicolon': { domain: 'example.com; x' },
  'domain with a space': { domain: 'exam ple.com' },
  'domain that is a number': { domain: 7 },
  'domain with a port': { domain: 'example.com:80' },
  'path': { path: '/' },
  'path empty': { path: '' },
  'path null': { path: null },
  'path with a semicolon': { path: '/;x' },
  'path with letters beyond ASCII': { path: '/é' },
  'sameSite true': { sameSite: true },
  'sameSite false': { sameSite: false },
  'sameSite strict': { sameSite: 'strict' },
  'sameSite lax': { sameSite: 'lax' },
  'sameSite none': { sameSite: 'none' },
  'sameSite in capitals': { sameSite: 'LAX' },
  'sameSite of another word': { sameSite: 'maybe' },
  'sameSite null': { sameSite: null },
  'sameSite a number': { sameSite: 1 },
  'priority low': { priority: 'low' },
  'priority medium': { priority: 'medium' },
  'priority high': { priority: 'high' },
  'priority in capitals': { priority: 'HIGH' },
  'priority of another word': { priority: 'urgent' },
  'priority a number': { priority: 1 },
  'partitioned true': { partitioned: true },
  'partitioned false': { partitioned: false },
  'maxAge': { maxAge: 60_000 },
  'maxAge null': { maxAge: null },
  'maxAge undefined': { maxAge: undefined },
  'maxAge false': { maxAge: false },
  'maxAge zero': { maxAge: 0 },
  'maxAge negative': { maxAge: -60_000 },
  'maxAge of a year': { maxAge: 365 * 24 * 3600 * 1000 },
  'maxAge with a fraction': { maxAge: 60_000.5 },
  'maxAge NaN': { maxAge: NaN },
  'maxAge infinite': { maxAge: Infinity },
  'maxAge a string': { maxAge: '60000' },
  'maxAge an object': { maxAge: {} },
  'maxAge true': { maxAge: true },
  'expires': () => ({ expires: new Date(Date.now() + 120_000) }),
  'expires null': { expires: null },
  'expires false': { expires: false },
  'expires in the past': { expires: new Date(0) },
  'expires an invalid date': { expires: new Date(NaN) },
  'expires a string': { expires: 'tomorrow' },
  'expires a number': { expires: 60_000 },
  'expires after maxAge': () => ({ maxAge: 60_000, expires: new Date(Date.now() + 120_000) }),
  'maxAge after expires': () => ({ expires: new Date(Date.now() + 120_000), maxAge: 60_000 }),
  'originalMaxAge given': { originalMaxAge: 120_000, maxAge: 60_000 },
  'originalMaxAge null': { originalMaxAge: null, maxAge: 60_000 },
  'an attribute of an unknown name': { colour: 'blue' },
  'signed and encode do nothing': { signed: true, encode: value => value.toUpperCase() },
  'data is not copied': { data: { path: '/x' } },
  'everything': {
    domain: 'example.com', path: '/', maxAge: 60_000, httpOnly: true, secure: false, partitioned: true, priority: 'high', sameSite: 'lax'
  },
  'attributes given by a prototype': Object.create({ maxAge: 60_000, sameSite: 'lax' }),
  'attributes given by a class instance': new (class { priority = 'low' })()
}

module.exports = Object.entries(COOKIES).map(([name, cookie]) => ({
  name,
  // Dates are made when the dialogue starts.
  options: () => ({ cookie: typeof cookie === 'function' ? cookie() : cookie }),
  steps: STEPS,
  ...ONE_WAY
}))
