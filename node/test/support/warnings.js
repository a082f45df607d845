'use strict'

/** Collects what the process emits under this name while the test runs. */
function collecting(t, event, part) {
  const found = []
  const note = (told) => found.push(part(told))
  process.on(event, note)
  t.after(() => process.off(event, note))
  return found
}

/** Node's warnings with a code of ours. */
const warningsOf = (t) => collecting(t, 'warning', ({ code, message }) => `${code}: ${message}`)

/** depd's messages. */
const deprecationsOf = (t) => collecting(t, 'deprecation', ({ message }) => message)

module.exports = { deprecationsOf, warningsOf }
