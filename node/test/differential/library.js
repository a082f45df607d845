'use strict'

// The two libraries, each known only by its module path, so that one player serves both.

const path = require('node:path')
const { createRequire } = require('node:module')

const PACKAGE = path.resolve(__dirname, '../..')
const requireFromPackage = createRequire(path.join(PACKAGE, 'package.json'))

const ORIGINAL = library('express-session', requireFromPackage.resolve('express-session'))

// Another module can be put in our place by its name or path. The original against itself checks the suite: then
// no difference is expected.
const AGAINST = process.env.HANDSTAMP_DIFFERENTIAL_AGAINST
const againstItself = AGAINST === 'express-session'
const OURS = againstItself
  ? ORIGINAL
  : library('handstamp', AGAINST ?? path.join(PACKAGE, 'dist/index.js'))

function library(namespace, entry) {
  return { namespace, entry, load: () => require(entry), loadFresh: () => loadFresh(entry) }
}

// depd and NODE_ENV are read once per module instance; a dialogue about them needs an instance of its own.
// Native addons stay in the cache: they can't be loaded twice.
function loadFresh(entry) {
  const root = path.dirname(entry) + path.sep
  const ownModules = Object.keys(require.cache).filter(file =>
    file.startsWith(root) && !file.endsWith('.node') && !file.slice(root.length).includes('node_modules'))
  const kept = ownModules.map(file => [file, require.cache[file]])
  for (const file of ownModules) delete require.cache[file]
  try {
    return require(entry)
  } finally {
    for (const [file, module] of kept) require.cache[file] = module
  }
}

module.exports = { ORIGINAL, OURS, againstItself, requireFromPackage }
