'use strict'

// A store that fails, method by method, way by way.

const NEW = [['set', 'n', 1]]
const CHANGE = [['set', 'n', 2]]
const PLAIN = { hosts: ['express5', 'http'], stores: ['sync', 'deferred'] }
const ONE_HOST = { hosts: ['express5'], stores: ['sync'] }

module.exports = [
  // get
  { name: 'get: an error is next(err), without a session', ...PLAIN, steps: [NEW, { fail: { get: 'error' } }, []] },
  { name: 'get: ENOENT is an unknown session', ...PLAIN, steps: [NEW, { fail: { get: 'ENOENT' }, do: CHANGE }, []] },
  { name: 'get: a thrown error comes out of the middleware', hosts: ['express5', 'express4', 'http'], stores: ['sync'], steps: [NEW, { fail: { get: 'throw' } }] },
  { name: 'get: no answer', ...ONE_HOST, mayHang: true, options: { storeDeadline: 60 }, steps: [NEW, { fail: { get: 'silent' } }] },

  // set
  { name: 'set: an error at the end, new session', ...PLAIN, steps: [{ fail: { set: 'error' }, do: NEW }, []] },
  { name: 'set: an error at the end, old session', ...PLAIN, steps: [NEW, { fail: { set: 'error' }, do: CHANGE }, []] },
  { name: 'set: an error at the end of a stream', ...PLAIN, steps: [NEW, { fail: { set: 'error' }, do: [['set', 'n', 2], ['write', 'part'], ['end', 'rest']] }, []] },
  { name: 'set: an error in the handler', ...PLAIN, steps: [{ fail: { set: 'error' }, do: [...NEW, ['save']] }, []] },
  { name: 'set: ENOENT is an error', ...PLAIN, steps: [NEW, { fail: { set: 'ENOENT' }, do: CHANGE }] },
  { name: 'set: an error in the handler without a callback', ...ONE_HOST, steps: [{ fail: { set: 'error' }, do: [...NEW, ({ req }) => { req.session.save() }] }] },
  { name: 'set: a thrown error at the end', ...ONE_HOST, mayHang: true, steps: [NEW, { fail: { set: 'throw' }, do: CHANGE }] },
  { name: 'set: a thrown error in the handler', ...ONE_HOST, mayHang: true, steps: [{ fail: { set: 'throw' }, do: [...NEW, ({ req }) => { req.session.save(() => {}) }] }] },
  { name: 'set: no answer', ...ONE_HOST, mayHang: true, options: { storeDeadline: 60 }, steps: [NEW, { fail: { set: 'silent' }, do: [['set', 'n', 2], ['end']] }] },

  // touch
  { name: 'touch: an error', ...PLAIN, steps: [NEW, { fail: { touch: 'error' } }, []] },
  { name: 'touch: an error after a stream', ...PLAIN, steps: [NEW, { fail: { touch: 'error' }, do: [['write', 'part'], ['end', 'rest']] }, []] },
  { name: 'touch: a thrown error', ...ONE_HOST, mayHang: true, steps: [NEW, { fail: { touch: 'throw' } }] },

  // destroy
  { name: 'destroy: an error in the handler', ...PLAIN, steps: [NEW, { fail: { destroy: 'error' }, do: [['destroy']] }, []] },
  { name: 'destroy: an error at the end', ...PLAIN, options: { unset: 'destroy' }, steps: [NEW, { fail: { destroy: 'error' }, do: [['null']] }, []] },
  { name: 'destroy: a thrown error in the handler', ...ONE_HOST, steps: [NEW, { fail: { destroy: 'throw' }, do: [['destroy']] }] },
  { name: 'destroy: a thrown error at the end', ...ONE_HOST, mayHang: true, options: { unset: 'destroy' }, steps: [NEW, { fail: { destroy: 'throw' }, do: [['null']] }] },

  // in methods
  { name: 'reload: an error of get', ...PLAIN, steps: [NEW, { do: [({ kit }) => { kit.store.fail = { get: 'error' } }, ['reload']] }] },
  { name: 'reload: ENOENT', ...PLAIN, steps: [NEW, { do: [({ kit }) => { kit.store.fail = { get: 'ENOENT' } }, ['reload']] }] },
  { name: 'regenerate: an error of destroy', ...PLAIN, steps: [NEW, { fail: { destroy: 'error' }, do: [['regenerate'], ['set', 'n', 3]] }, []] }
]
