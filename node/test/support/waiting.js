'use strict'

const { once } = require('node:events')

/** A promise that is kept from outside. */
function deferred() {
  let resolve
  const promise = new Promise((kept) => (resolve = kept))
  return { promise, resolve }
}

/** Nobody passes before `count` have come. */
function barrier(count) {
  const { promise, resolve } = deferred()
  return () => {
    if (--count === 0) resolve()
    return promise
  }
}

/** Asks again until the answer is good. */
async function until(ask) {
  const end = Date.now() + 30_000
  while (Date.now() < end) {
    const answer = await ask()
    if (answer) return answer
  }
  throw new Error(`after half a minute this is not so: ${ask}`)
}

/** Calls a function that takes a callback, and waits for that. */
function called(act) {
  return new Promise((resolve, reject) => act((error, value) => (error ? reject(error) : resolve(value))))
}

/** Waits for an event of which the wait alone keeps no process alive. */
async function heard(emitter, event) {
  const alive = setInterval(() => {}, 1000)
  try {
    return await once(emitter, event)
  } finally {
    clearInterval(alive)
  }
}

module.exports = { barrier, called, deferred, heard, until }
