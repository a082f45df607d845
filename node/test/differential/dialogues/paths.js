'use strict'

// cookie.path decides which requests have a session.

const BUMP = [['set', 'n', 1]]
const PATHS = {
  '/': ['/', '/x', '//x', '/x?y=/z'],
  '/admin': ['/', '/admin', '/admin/', '/admin/x', '/admin?x=1', '/admin#x', '/administrator', '/Admin', '/x/admin', '/admin;x', '/admin.html', '//admin'],
  '/admin/': ['/admin', '/admin/', '/admin/x', '/admin?x'],
  '/a b': ['/a%20b', '/a%20b/c'],
  '/a%20b': ['/a%20b', '/a%20b/c'],
  'admin': ['/admin', '/'],
  '/é': ['/%C3%A9']
}

module.exports = [
  ...Object.entries(PATHS).flatMap(([path, urls]) => urls.map(url => ({
    name: `cookie for ${path}, request for ${url}`,
    options: { cookie: { path } },
    stores: ['sync'],
    hosts: ['express5', 'http'],
    steps: [{ url, do: BUMP }, { url }]
  }))),
  {
    name: 'an absolute request target',
    options: { cookie: { path: '/admin' } },
    stores: ['sync'],
    steps: [{ url: 'http://example.com/admin/x', do: BUMP }, { url: 'http://example.com/x', do: BUMP }]
  },
  {
    name: 'the target * of OPTIONS',
    stores: ['sync'],
    hosts: ['express5', 'http'],
    steps: [{ url: '*', method: 'OPTIONS', do: BUMP }]
  },
  {
    name: 'mounted: the whole path counts, not the rest below the mount',
    hosts: ['express5', 'express4', 'connect'],
    layers: kit => [['/app', kit.middleware({ cookie: { path: '/app' } })]],
    steps: [{ url: '/app/x', do: BUMP }, { url: '/app/y' }, { url: '/x', do: BUMP }]
  },
  {
    name: 'mounted: a cookie path below the mount',
    hosts: ['express5', 'express4', 'connect'],
    layers: kit => [['/app', kit.middleware({ cookie: { path: '/x' } })]],
    steps: [{ url: '/app/x', do: BUMP }]
  },
  {
    name: 'a URL rewritten before the session: the original counts',
    stores: ['sync'],
    hosts: ['express5', 'express4', 'connect'],
    options: { cookie: { path: '/old' } },
    before: [() => (req, res, next) => { req.url = req.url.replace('/old', '/new'); next() }],
    steps: [{ url: '/old/x', do: BUMP }, { url: '/new/x', do: BUMP }]
  }
]
