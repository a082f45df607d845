'use strict'

// Requests at the same time, in an order that no library's timing can change: each has its session before the first
// handler begins, and then one handler acts at a time, until it passes its turn on or has been answered.

class Meeting {
  #acting
  #waiting = []
  #arrived = () => {}

  /** Resolves when the one who comes next waits for a turn, or has been answered without. */
  arrival() {
    return new Promise(resolve => { this.#arrived = resolve })
  }

  begin() {
    const { name, act } = this.#waiting.shift() ?? {}
    this.#acting = name
    act?.()
  }

  /** Resolves when it is this one's turn; who has it, passes it on and queues up again. */
  turn(name) {
    return new Promise(act => {
      this.#waiting.push({ name, act })
      this.leave(name)
    })
  }

  leave(name) {
    this.#arrived()
    if (name === this.#acting) this.begin()
  }
}

module.exports = { Meeting }
