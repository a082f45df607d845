'use strict'

// The hosts a dialogue is played on. Each takes layers (a middleware, or [path, …middlewares] where the
// host can mount), the last handler and the error handler, and gives a listener for http.createServer.

const { requireFromPackage } = require('./library')

const hosts = {
  express5: expressLike(() => requireFromPackage('express')()),
  express4: expressLike(() => requireFromPackage('express4')()),
  connect: expressLike(() => requireFromPackage('connect')()),
  http: plain
}

function expressLike(create) {
  return ({ layers, handler, onError, trustProxy }) => {
    const app = create()
    if (trustProxy !== undefined) app.set('trust proxy', trustProxy)
    for (const layer of layers) app.use(...[].concat(layer))
    app.use(handler)
    // Express tells error handlers by their four parameters.
    app.use((error, req, res, next) => onError(error, req, res))
    return app
  }
}

function plain({ layers, handler, onError }) {
  const chain = [...layers, handler]
  return (req, res) => {
    let position = 0
    function next(error) {
      if (error) return onError(error, req, res)
      try {
        chain[position++]?.(req, res, next)
      } catch (thrown) {
        onError(thrown, req, res)
      }
    }
    next()
  }
}

module.exports = { hosts }
