'use strict'

// A store as an application writes its own: the three methods that every store must have, and no more.

module.exports = ({ Store }) => class PlainStore extends Store {
  constructor(rows = new Map()) {
    super()
    this.rows = rows
  }

  get(id, callback) {
    const row = this.rows.get(id)
    setImmediate(callback, null, row && JSON.parse(row))
  }

  set(id, session, callback) {
    this.rows.set(id, JSON.stringify(session))
    setImmediate(callback, null)
  }

  destroy(id, callback) {
    this.rows.delete(id)
    setImmediate(callback, null)
  }
}
