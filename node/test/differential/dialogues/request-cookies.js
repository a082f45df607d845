'use strict'

// What a browser, or somebody else, may send as the session's cookie.

const BUMP = [['set', 'n', 2]]
const ID = 'seeded'
const SEED = () => ({
  [ID]: { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n: 1 },
  'with.dots.in': { cookie: { originalMaxAge: null, expires: null, path: '/' }, n: 1 },
  'ünï': { cookie: { originalMaxAge: null, expires: null, path: '/' }, n: 1 },
  'a b': { cookie: { originalMaxAge: null, expires: null, path: '/' }, n: 1 },
  '%': { cookie: { originalMaxAge: null, expires: null, path: '/' }, n: 1 }
})

const raw = (kit, id = ID, secret) => kit.sign(id, secret)
const encoded = (kit, id, secret) => encodeURIComponent(raw(kit, id, secret))

// Each gives the whole Cookie header.
const HEADERS = {
  'signed and percent-encoded': kit => `connect.sid=${encoded(kit)}`,
  'signed and not encoded': kit => `connect.sid=${raw(kit)}`,
  'signed, only the colon encoded': kit => `connect.sid=${raw(kit).replace(':', '%3A')}`,
  'signed, lower-case percent-encoding': kit => `connect.sid=${encoded(kit).replace(/%../g, hex => hex.toLowerCase())}`,
  'signed and quoted': kit => `connect.sid="${raw(kit)}"`,
  'signed, encoded and quoted': kit => `connect.sid="${encoded(kit)}"`,
  'quoted on one side': kit => `connect.sid="${encoded(kit)}`,
  'single quotes': kit => `connect.sid='${encoded(kit)}'`,
  'encoded twice': kit => `connect.sid=${encodeURIComponent(encoded(kit))}`,
  'among others': kit => `a=1; connect.sid=${encoded(kit)}; b=2`,
  'without spaces': kit => `a=1;connect.sid=${encoded(kit)};b=2`,
  'with many spaces and tabs': kit => `a=1;  \t connect.sid =  ${encoded(kit)}  ; b=2`,
  'with commas': kit => `a=1, connect.sid=${encoded(kit)}`,
  'after a cookie without value': kit => `flag; connect.sid=${encoded(kit)}`,
  'after an empty cookie': kit => `;; =x; connect.sid=${encoded(kit)}`,
  'name in other letters': kit => `Connect.Sid=${encoded(kit)}`,
  'a name that ends like it': kit => `xconnect.sid=${encoded(kit)}`,
  'a name that starts like it': kit => `connect.sid2=${encoded(kit)}`,
  'an attribute-like neighbour': kit => `$Version=1; connect.sid=${encoded(kit)}; $Path=/`,
  'an id with dots': kit => `connect.sid=${encoded(kit, 'with.dots.in')}`,
  'an id beyond ASCII': kit => `connect.sid=${encoded(kit, 'ünï')}`,
  'an id with a space': kit => `connect.sid=${encoded(kit, 'a b')}`,
  'an id with a percent sign': kit => `connect.sid=${encoded(kit, '%')}`,
  'an empty id, signed': kit => `connect.sid=${encoded(kit, '')}`,
  'an unknown id, signed': kit => `connect.sid=${encoded(kit, 'unknown')}`,
  'signed by another secret': kit => `connect.sid=${encoded(kit, ID, 'second cat')}`,
  'empty': () => 'connect.sid=',
  'no equals sign': () => 'connect.sid',
  'no header value': () => '',
  'the id unsigned': () => `connect.sid=${ID}`,
  'the id unsigned with s:': () => `connect.sid=s:${ID}`,
  'only s:': () => 'connect.sid=s:',
  'only s:.': () => 'connect.sid=s:.',
  'an empty signature': () => `connect.sid=s:${ID}.`,
  'a signature cut by one': kit => `connect.sid=${raw(kit).slice(0, -1)}`,
  'a signature with padding': kit => `connect.sid=${encodeURIComponent(raw(kit) + '=')}`,
  'a signature with one letter more': kit => `connect.sid=${encodeURIComponent(raw(kit) + 'A')}`,
  'a signature in the URL alphabet': kit => `connect.sid=${raw(kit).replace(/\+/g, '-').replace(/\//g, '_')}`,
  'a signature in other letters': kit => `connect.sid=${swapCase(raw(kit))}`,
  'capital S:': kit => `connect.sid=${raw(kit).replace('s:', 'S:')}`,
  'a changed id': kit => `connect.sid=${raw(kit).replace(ID, 'seedex')}`,
  'j: as cookie-parser writes JSON': () => 'connect.sid=j%3A%7B%7D',
  'broken percent-encoding': () => 'connect.sid=s%3Aabc%ZZ.def',
  'a broken percent sign at the end': kit => `connect.sid=${raw(kit)}%`,
  'bytes beyond ASCII': () => 'connect.sid=s:\xe4\xf6.\xfc',
  'very long': () => `connect.sid=s:${'x'.repeat(6000)}.y`,
  'names of Object.prototype': kit => `__proto__=x; constructor=y; connect.sid=${encoded(kit)}`,

  'twice the same': kit => `connect.sid=${encoded(kit)}; connect.sid=${encoded(kit)}`,
  'a good one, then a bad one': kit => `connect.sid=${encoded(kit)}; connect.sid=s:bad.bad`,
  'a bad one, then a good one': kit => `connect.sid=s:bad.bad; connect.sid=${encoded(kit)}`,
  'an unsigned one, then a good one': kit => `connect.sid=plain; connect.sid=${encoded(kit)}`,
  'an empty one, then a good one': kit => `connect.sid=; connect.sid=${encoded(kit)}`,
  'one of another secret, then a good one': kit => `connect.sid=${encoded(kit, ID, 'second cat')}; connect.sid=${encoded(kit)}`,
  'an unknown signed one, then a good one': kit => `connect.sid=${encoded(kit, 'unknown')}; connect.sid=${encoded(kit)}`,
  'a good one, then an unknown signed one': kit => `connect.sid=${encoded(kit)}; connect.sid=${encoded(kit, 'unknown')}`
}

module.exports = [
  ...Object.entries(HEADERS).map(([name, header]) => ({
    name,
    seed: SEED,
    hosts: ['express5', 'http'],
    stores: ['sync'],
    steps: [{ cookie: (_, kit) => header(kit), do: BUMP }]
  })),
  {
    name: 'the Cookie header sent twice',
    seed: SEED,
    stores: ['sync'],
    steps: [{ prepare: kit => { kit.twice = ['a=1', kit.cookie(ID)] }, cookie: (_, kit) => kit.twice, do: BUMP }]
  },
  {
    name: 'a session that was deleted gets a new id, never the client\'s',
    steps: [BUMP, [({ req, kit }) => new Promise(resolve => kit.store.destroy(req.sessionID, resolve))], BUMP, []]
  },
  {
    name: 'two sessions of different names side by side',
    options: { name: 'mine' },
    steps: [{ cookie: (_, kit) => kit.cookie('other', undefined, 'connect.sid'), do: BUMP }, []]
  },
  {
    name: 'a __Host- name',
    options: { name: '__Host-sid', cookie: { secure: true, path: '/' }, proxy: true },
    steps: [{ headers: { 'X-Forwarded-Proto': 'https' }, do: BUMP }, []]
  },
  {
    name: 'an id of 200 letters',
    options: { genid: () => 'i'.repeat(200) },
    steps: [BUMP, []]
  }
]

function swapCase(text) {
  const [head, tail] = text.split(/\.(?=[^.]*$)/)
  return `${head}.${tail.replace(/[a-z]/gi, letter => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()))}`
}
