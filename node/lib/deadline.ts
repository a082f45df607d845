/**
 * One timer for all calls that wait equally long. A timer for each would cost more than the rest of a call to a store
 * that is quick.
 *
 * It never keeps the process alive: whoever waits for an answer has a connection open.
 */

export interface Call {
  /** The moment by which it has to be answered. */
  due: number
  late(): void
}

export class Deadline {
  /** What waits, the oldest first: as all wait equally long, that is what is due first. */
  private readonly calls = new Set<Call>()
  private timer: NodeJS.Timeout | undefined

  private constructor(private readonly milliseconds: number) {}

  /** The deadline of this length. */
  static of(milliseconds: number): Deadline {
    const known = deadlines.get(milliseconds) ?? new Deadline(Math.min(milliseconds, LONGEST))
    deadlines.set(milliseconds, known)
    return known
  }

  /** Begins to wait; `late` is called unless it is forgotten in time. */
  await(late: () => void): Call {
    const call = { due: performance.now() + this.milliseconds, late }
    this.calls.add(call)
    if (!this.timer) this.look(this.milliseconds)
    else if (this.calls.size === 1) this.timer.ref()
    return call
  }

  forget(call: Call): void {
    if (this.calls.delete(call) && this.calls.size === 0) this.timer?.unref()
  }

  private look(after: number): void {
    this.timer = setTimeout(() => this.end(), after)
  }

  private end(): void {
    this.timer = undefined
    const now = performance.now()
    for (const call of this.calls) {
      if (call.due > now) return this.look(Math.ceil(call.due - now))
      this.calls.delete(call)
      try {
        call.late()
      } finally {
        // What the application throws must not keep the others waiting.
        if (!this.timer && this.calls.size > 0) this.look(0)
      }
    }
  }
}

/** What a timer can wait; beyond that Node's fires at once. */
const LONGEST = 2 ** 31 - 1

/** As many as applications have middlewares with deadlines of their own. */
const deadlines = new Map<number, Deadline>()
