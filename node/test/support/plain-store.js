'use strict'

const { Store } = require('../..')
const { deferred } = require('./waiting')

/** A store as applications write them, with a list of its calls. Any call can be held, or fail. */
class PlainStore extends Store {
  calls = []
  sessions = new Map()
  held = new Map()

  get(id, callback) {
    this.answer('get', id, callback, () => JSON.parse(this.sessions.get(id) ?? 'null'))
  }

  set(id, session, callback) {
    const text = JSON.stringify(session)
    this.answer('set', id, callback, () => void this.sessions.set(id, text))
  }

  touch(id, _session, callback) {
    this.answer('touch', id, callback, () => {})
  }

  destroy(id, callback) {
    this.answer('destroy', id, callback, () => void this.sessions.delete(id))
  }

  /** The next call of this method waits: `reached` tells that it was made, `release` lets it go on, or fail. */
  hold(method) {
    const reached = deferred()
    const released = deferred()
    this.held.set(method, { reached, released })
    return { reached: reached.promise, release: (error) => released.resolve(error) }
  }

  /** The next call of this method fails. */
  fail(method, error) {
    this.hold(method).release(error)
  }

  answer(method, id, callback = () => {}, act) {
    this.calls.push(`${method} ${id}`)
    const hold = this.held.get(method)
    this.held.delete(method)
    const finish = (error) => (error ? callback(error) : callback(null, act()))
    if (!hold) return setImmediate(finish)
    hold.reached.resolve(id)
    hold.released.promise.then((error) => setImmediate(finish, error))
  }
}

module.exports = { PlainStore }
