'use strict'

// The Cookie constructor, without any request.

const ARGUMENTS = {
  'nothing': () => [],
  'null': () => [null],
  'false': () => [false],
  'an empty object': () => [{}],
  'a string': () => ['x'],
  'a function': () => [() => ({})],
  'a number': () => [7],
  'true': () => [true],
  'an array': () => [['x']],
  'maxAge': () => [{ maxAge: 60_000 }],
  'maxAge a string': () => [{ maxAge: '5' }],
  'maxAge a Date': () => [{ maxAge: new Date(Date.now() + 60_000) }],
  'expires': () => [{ expires: new Date(Date.now() + 60_000) }],
  'expires a string': () => [{ expires: 'x' }],
  'originalMaxAge': () => [{ originalMaxAge: 120_000 }],
  'all': () => [{ domain: 'd', path: '/p', maxAge: 60_000, httpOnly: false, secure: true, partitioned: true, priority: 'low', sameSite: 'none' }],
  'unknown keys': () => [{ colour: 'blue', 7: 'x' }],
  'data': () => [{ data: {} }],
  'another cookie': kit => [new kit.session.Cookie({ maxAge: 60_000, domain: 'd' })]
}

module.exports = [
  ...Object.entries(ARGUMENTS).map(([name, args]) => ({
    name: `made of ${name}`,
    script: kit => {
      const made = kit.attempt(() => new kit.session.Cookie(...args(kit)))
      if (made) tell(kit, made)
    }
  })),
  {
    name: 'its accessors',
    script: kit => {
      const cookie = new kit.session.Cookie()
      kit.note(`${cookie.maxAge} ${cookie.expires} ${cookie.constructor === Object}`)
      cookie.maxAge = 60_000
      kit.note(`${Math.round(cookie.maxAge / 1000)} ${cookie.expires.toISOString()} ${Math.round(cookie.originalMaxAge / 1000)}`)
      cookie.expires = new Date(Date.now() + 20_000)
      kit.note(`${Math.round(cookie.maxAge / 1000)} ${Math.round(cookie.originalMaxAge / 1000)}`)
      cookie.expires = null
      kit.note(`${cookie.maxAge} ${cookie.originalMaxAge}`)
      cookie.maxAge = false
      kit.note(`${cookie.maxAge} ${cookie.expires}`)
      kit.attempt(() => { cookie.maxAge = 'x' })
      kit.attempt(() => { cookie.data = {} })
      kit.note(Object.getOwnPropertyNames(Object.getPrototypeOf(cookie)).sort().join())
    }
  },
  {
    name: 'serialize',
    script: kit => {
      const cookie = new kit.session.Cookie({ maxAge: 60_000, sameSite: 'lax', priority: 'high', domain: 'example.com' })
      kit.note(cookie.serialize('name', 'a value; ü'))
      kit.attempt(() => cookie.serialize('bad name', 'x'))
      cookie.path = '/;'
      kit.attempt(() => cookie.serialize('name', 'x'))
    }
  },
  {
    name: 'can be called without new only as a method of something',
    script: kit => { kit.attempt(() => kit.session.Cookie({})) }
  }
]

function tell(kit, cookie) {
  kit.note(Object.keys(cookie).join())
  kit.note(JSON.stringify(cookie))
  kit.note(Object.keys(cookie.data).join())
  kit.attempt(() => kit.note(cookie.serialize('sid', 'value')))
}
