'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { Cookie } = require('..')
const { deprecationsOf } = require('./support/warnings')

const NOW = Date.UTC(2030, 0, 1)

/** Stops the clock. */
function stopped(t) {
  t.mock.timers.enable({ apis: ['Date'], now: NOW })
}

test('a cookie has a path and is closed to scripts, and lives as long as the browser', () => {
  const cookie = new Cookie()
  assert.deepEqual(Object.entries(cookie), [['path', '/'], ['_expires', null], ['originalMaxAge', null], ['httpOnly', true]])
  assert.equal(cookie.maxAge, null)
  assert.equal(cookie.constructor, Object)
  assert.equal(cookie.serialize('name', 'value'), 'name=value; Path=/; HttpOnly')
})

test('a cookie takes over any property but data', () => {
  const cookie = new Cookie({ data: 'no', label: 'yes', domain: 'example.com' })
  assert.deepEqual([cookie.label, cookie.domain], ['yes', 'example.com'])
  assert.equal(typeof cookie.data, 'object')
})

test('options of a cookie are an object', () => {
  for (const options of ['text', 1, true, () => {}]) {
    assert.throws(() => new Cookie(options), new TypeError('argument options must be a object'))
  }
  for (const options of [undefined, null, false, 0, '']) assert.equal(new Cookie(options).path, '/')
})

test('a maxAge is a time from now, of which the original is kept', (t) => {
  stopped(t)
  const cookie = new Cookie({ maxAge: 2000 })
  t.mock.timers.setTime(NOW + 500)
  assert.equal(cookie.maxAge, 1500)
  assert.equal(cookie.originalMaxAge, 2000)
  assert.equal(cookie.expires.valueOf(), NOW + 2000)
})

test('a maxAge may be null or false, and nothing else that is no number', (t) => {
  const deprecations = deprecationsOf(t)
  for (const age of ['2000', {}, true, []]) {
    assert.throws(() => new Cookie({ maxAge: age }), new TypeError('maxAge must be a number or Date'))
  }
  for (const age of [null, false]) assert.equal(new Cookie({ maxAge: age }).maxAge, age)
  assert.deepEqual(deprecations, [])
})

test('a maxAge that is a date is deprecated', (t) => {
  stopped(t)
  const deprecations = deprecationsOf(t)
  const cookie = new Cookie({ maxAge: new Date(NOW + 3000) })
  assert.equal(cookie.maxAge, 3000)
  assert.equal(cookie.originalMaxAge, 3000)
  assert.deepEqual(deprecations, ['maxAge as Date; pass number of milliseconds instead'])
})

test('expires sets the original age, too', (t) => {
  stopped(t)
  const cookie = new Cookie({ expires: new Date(NOW + 4000) })
  assert.deepEqual([cookie.maxAge, cookie.originalMaxAge], [4000, 4000])
  cookie.expires = null
  assert.deepEqual([cookie.maxAge, cookie.originalMaxAge], [null, null])
})

test('an expires that is no date is given back as it is', () => {
  const cookie = new Cookie({ expires: 'tomorrow' })
  assert.deepEqual([cookie.expires, cookie.maxAge], ['tomorrow', 'tomorrow'])
})

test('the last of expires and maxAge decides', (t) => {
  stopped(t)
  const expires = new Date(NOW + 1000)
  assert.equal(new Cookie({ expires, maxAge: 5000 }).maxAge, 5000)
  assert.equal(new Cookie({ maxAge: 5000, expires }).maxAge, 1000)
})

test('an original age that is given is kept', () => {
  assert.equal(new Cookie({ originalMaxAge: 7, maxAge: 2000, path: '/' }).originalMaxAge, 2000)
  assert.equal(new Cookie({ maxAge: 2000, originalMaxAge: 7 }).originalMaxAge, 7)
})

const EVERYTHING = {
  domain: 'example.com', path: '/shop', expires: new Date(NOW), httpOnly: true, secure: true, partitioned: true,
  priority: 'high', sameSite: 'lax'
}

test('attributes have one order', () => {
  const backwards = Object.fromEntries(Object.entries(EVERYTHING).reverse())
  assert.equal(
    new Cookie(backwards).serialize('sid', 'a b'),
    'sid=a%20b; Domain=example.com; Path=/shop; Expires=Tue, 01 Jan 2030 00:00:00 GMT; HttpOnly; Secure; Partitioned; ' +
      'Priority=High; SameSite=Lax'
  )
})

test('the JSON of a cookie has one order and leaves out what is not set', (t) => {
  stopped(t)
  assert.equal(
    JSON.stringify(new Cookie({ ...EVERYTHING, originalMaxAge: 0 })),
    '{"originalMaxAge":0,"partitioned":true,"priority":"high","expires":"2030-01-01T00:00:00.000Z","secure":true,' +
      '"httpOnly":true,"domain":"example.com","path":"/shop","sameSite":"lax"}'
  )
  assert.equal(JSON.stringify(new Cookie()), '{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}')
})

const WRITTEN = [
  [{ httpOnly: false }, 'sid=x; Path=/'],
  [{ path: '' }, 'sid=x; HttpOnly'],
  [{ path: null }, 'sid=x; HttpOnly'],
  [{ domain: '.example.com' }, 'sid=x; Domain=.example.com; Path=/; HttpOnly'],
  [{ sameSite: true }, 'sid=x; Path=/; HttpOnly; SameSite=Strict'],
  [{ sameSite: 'Strict' }, 'sid=x; Path=/; HttpOnly; SameSite=Strict'],
  [{ sameSite: 'NONE' }, 'sid=x; Path=/; HttpOnly; SameSite=None'],
  [{ sameSite: false }, 'sid=x; Path=/; HttpOnly'],
  [{ priority: 'Low' }, 'sid=x; Path=/; HttpOnly; Priority=Low'],
  [{ priority: 'medium' }, 'sid=x; Path=/; HttpOnly; Priority=Medium']
]

for (const [options, header] of WRITTEN) {
  test(`${JSON.stringify(options)} is written as ${header}`, () => {
    assert.equal(new Cookie(options).serialize('sid', 'x'), header)
  })
}

const REFUSED = [
  ['domain', ['example.com; Secure', 'a b', 'example..com', '-a.com', 'ä.de']],
  ['path', ['/;', '/\r\n', '/ä']],
  ['expires', ['tomorrow', 1, new Date(NaN)]],
  ['priority', ['urgent', 'constructor', 1, {}]],
  ['sameSite', ['loose', 'constructor', 'true', 1, {}]]
]

for (const [option, values] of REFUSED) {
  test(`a bad ${option} is refused by name when the header is written`, () => {
    for (const value of values) {
      const cookie = new Cookie({ [option]: value })
      assert.throws(() => cookie.serialize('sid', 'x'), new TypeError(`option ${option} is invalid`))
    }
  })
}

test('a bad name is refused', () => {
  for (const name of ['', 'a b', 'a=b', 'a;b', 'ä']) {
    assert.throws(() => new Cookie().serialize(name, 'x'), new TypeError('argument name is invalid'))
  }
})
