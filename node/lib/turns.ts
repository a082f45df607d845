/** One at a time, by name: the requests that lost a race for the same session queue up. */

export class Turns {
  private readonly waiting = new Map<string, (() => void)[]>()

  /** Calls `act` when it is its turn. It passes the turn on by calling what it is given. */
  take(name: string, act: (pass: () => void) => void): void {
    const queue = this.waiting.get(name)
    const go = () => act(() => this.pass(name))
    if (queue) return void queue.push(go)
    this.waiting.set(name, [])
    go()
  }

  private pass(name: string): void {
    const next = this.waiting.get(name)?.shift()
    if (next) next()
    else this.waiting.delete(name)
  }
}
