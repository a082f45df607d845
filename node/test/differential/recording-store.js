'use strict'

// A store as an application would write it in JavaScript, which tells every call and can be made to fail.

const FAILURES = {
  error: method => new Error(`${method} failed`),
  ENOENT: method => Object.assign(new Error(`${method}: no such file`), { code: 'ENOENT' })
}

/**
 * options.deferred   answers come by setImmediate, else before the call returns
 * options.note       told one line per call
 * options.lacks      methods the store doesn't have, e.g. ['touch']
 */
function recordingStore(session, { deferred, note, lacks = [] }) {
  class RecordingStore extends session.Store {
    documents = new Map()
    fail = {}
    hold = null

    get(id, callback) {
      note(`get ${id}`)
      this.#answer('get', callback, () => parse(this.documents.get(id)))
    }

    set(id, data, callback) {
      const document = JSON.stringify(data)
      note(`set ${id} ${document}`)
      this.#answer('set', callback, () => void this.documents.set(id, document))
    }

    touch(id, data, callback) {
      note(`touch ${id} ${JSON.stringify(data)}`)
      this.#answer('touch', callback, () => {
        const current = parse(this.documents.get(id))
        if (current) this.documents.set(id, JSON.stringify({ ...current, cookie: data.cookie }))
      })
    }

    destroy(id, callback) {
      note(`destroy ${id}`)
      this.#answer('destroy', callback, () => void this.documents.delete(id))
    }

    // fail[method]: 'error', 'ENOENT' (callback errors), 'throw', 'silent' (no answer ever), or { answer } as given.
    #answer(method, callback = () => {}, work) {
      const failure = this.fail[method]
      if (failure === 'throw') throw new Error(`${method} threw`)
      if (failure === 'silent') return
      const deliver = FAILURES[failure]
        ? () => callback(FAILURES[failure](method))
        : answerWith(callback, failure ? failure.answer : work())
      if (this.hold?.method === method) this.hold.deliver = deliver
      else if (deferred) setImmediate(deliver)
      else deliver()
    }
  }
  for (const method of lacks) RecordingStore.prototype[method] = undefined
  return new RecordingStore()
}

function answerWith(callback, value) {
  return () => callback(null, value)
}

function parse(document) {
  return document && JSON.parse(document)
}

module.exports = { recordingStore }
