'use strict'

/**
 * The Express half of the demo site, `cargo xtask demo`. The axum half starts it, and ends it by closing its
 * standard input: so it is never left behind.
 */

const { readFileSync } = require('node:fs')
const { parseArgs } = require('node:util')

const { application } = require('./app')
const { open } = require('./store')

const { base, port, axum } = parseArgs({
  options: { base: { type: 'string' }, port: { type: 'string' }, axum: { type: 'string' } }
}).values

const { app, close } = application({ store: open(base, process.env.STORE_URL), secret: secret(base), axum })
const server = app.listen(Number(port), '127.0.0.1', (error) => {
  if (error) {
    console.error(`error: the Express half can’t listen on port ${port}: ${error.code}`)
    process.exit(1)
  }
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})

// Ctrl-C reaches both halves. The axum half decides.
process.on('SIGINT', () => {})
process.stdin.resume().on('end', () => server.close(close))

/** The secrets that sign the cookies, by the axum half's rules: given, or kept beside its files. */
function secret(base) {
  const { SESSION_SECRET } = process.env
  if (SESSION_SECRET === undefined) return readFileSync(`${base}.secret`, 'utf8').trim()
  return SESSION_SECRET.split(',').map((secret) => secret.trim()).filter((secret) => secret !== '')
}
