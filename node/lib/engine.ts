/**
 * The addon's engine, which takes and gives a session as one text: its parts between NULs. An object costs several
 * times as much to carry across the border.
 */

import { setImmediate } from 'node:timers'

import { lateAnswer, tellAnswers, ticket } from './answers'
import type { LateAnswer } from './answers'
import type { Changes, Engine, EngineOptions, MaybePromise, NativeHandle, Retired, Saved, Snapshot, UserSessionRecord } from './native'

/** What the addon exports. Each call has a ticket; `undefined`: the answer is told later, once `goOn` has been called. */
export interface RawEngine {
  readonly isImmediate: boolean
  load(ticket: number, id: string): string | null | undefined
  create(ticket: number, id: string, data?: string, cookie?: string, changes?: Changes): string | undefined
  commit(ticket: number, from: string, data?: string, cookie?: string, changes?: Changes): string | undefined
  amend(ticket: number, id: string, version: string, steps?: string, cookie?: string, changes?: Changes): string | undefined
  touch(ticket: number, from: string): number | null | undefined
  visit(ticket: number, id: string): null | undefined
  destroy(ticket: number, id: string): boolean | undefined
  forUser(ticket: number, user: string): UserSessionRecord[] | undefined
  revoke(ticket: number, user: string, fingerprint: string): boolean | undefined
  revokeAll(ticket: number, user: string, except: string | null): number | undefined
  all(ticket: number): string[] | undefined
  total(ticket: number): number | undefined
  clear(ticket: number): number | undefined
  goOn(): LateAnswer[]
}

export type RawEngineClass = new (store: NativeHandle, options: EngineOptions, tell: (answers: LateAnswer[]) => void) => RawEngine

/** As it was when this was loaded: a test may put a clock of its own in its place. */
const atTheEndOfTheTurn = setImmediate

export function engineOf(Raw: RawEngineClass): new (store: NativeHandle, options: EngineOptions) => Engine {
  return class implements Engine {
    readonly isImmediate: boolean
    private readonly raw: RawEngine
    private isToGoOn = false

    constructor(store: NativeHandle, options: EngineOptions) {
      this.raw = new Raw(store, options, tellAnswers)
      this.isImmediate = this.raw.isImmediate
    }

    load(id: string): MaybePromise<Snapshot | Retired | null> {
      const at = ticket()
      return chain(this.answerTo(at, this.raw.load(at, id)), (text) => (text === null ? null : read(text, '{}')))
    }

    create(id: string, changes: Changes): MaybePromise<Saved> {
      const at = ticket()
      const { data, cookie } = changes
      return chain(this.answerTo(at, this.raw.create(at, id, data, cookie, further(changes))), (text) => saved(text, data))
    }

    commit(from: Snapshot | Retired, changes: Changes): MaybePromise<Saved> {
      const at = ticket()
      const { data, steps, cookie } = changes
      // What stands in memory need not be carried there.
      const text =
        this.isImmediate && steps !== undefined && !from.retired
          ? this.raw.amend(at, from.id, from.version, steps || undefined, cookie, further(changes))
          : this.raw.commit(at, write(from), data, cookie, further(changes))
      return chain(this.answerTo(at, text), (text) => saved(text, data))
    }

    touch(from: Snapshot): MaybePromise<number | null> {
      const at = ticket()
      return this.answerTo(at, this.raw.touch(at, write(from)))
    }

    visit(id: string): MaybePromise<unknown> {
      const at = ticket()
      return this.answerTo(at, this.raw.visit(at, id))
    }

    destroy(id: string): MaybePromise<boolean> {
      const at = ticket()
      return this.answerTo(at, this.raw.destroy(at, id))
    }

    forUser(user: string): MaybePromise<UserSessionRecord[]> {
      const at = ticket()
      return this.answerTo(at, this.raw.forUser(at, user))
    }

    revoke(user: string, fingerprint: string): MaybePromise<boolean> {
      const at = ticket()
      return this.answerTo(at, this.raw.revoke(at, user, fingerprint))
    }

    revokeAll(user: string, except: string | null): MaybePromise<number> {
      const at = ticket()
      return this.answerTo(at, this.raw.revokeAll(at, user, except))
    }

    all(): MaybePromise<string[]> {
      const at = ticket()
      return this.answerTo(at, this.raw.all(at))
    }

    total(): MaybePromise<number> {
      const at = ticket()
      return this.answerTo(at, this.raw.total(at))
    }

    clear(): MaybePromise<number> {
      const at = ticket()
      return this.answerTo(at, this.raw.clear(at))
    }

    /** What a call has answered, or, if that is nothing yet, a promise of it. */
    private answerTo<T>(ticket: number, answer: T | undefined): MaybePromise<T> {
      if (answer !== undefined) return answer
      if (!this.isToGoOn) {
        atTheEndOfTheTurn(() => this.goOn())
        this.isToGoOn = true
      }
      return lateAnswer(ticket)
    }

    /** What was begun in one turn is handed over together: to wake a thread for each costs more than most of the work. */
    private goOn(): void {
      this.isToGoOn = false
      tellAnswers(this.raw.goOn())
    }
  }
}

/** Goes on with an answer, at once if it is there. */
export function chain<T, U>(answer: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}

function saved(text: string, sent: string | undefined): Saved {
  return text === 'ended' || text === 'added' ? text : (read(text, sent ?? '{}') as Snapshot)
}

/** Data that are just what was sent are left out. */
function read(text: string, sent: string): Snapshot | Retired {
  const parts = text.split('\0')
  // By their places: this is done with every request, and a pattern takes several times as long.
  const version = parts[0]!
  const due = parts[2]!
  const owner = parts[3]!
  if (version === 'retired') return { retired: true, id: text.slice('retired\0'.length) }
  return {
    id: parts.length === 10 ? parts[9]! : parts.slice(9).join('\0'),
    version,
    remaining: Number(parts[1]),
    due: due === '1' || due === '3',
    credentialDue: due === '2' || due === '3',
    owner: owner === 'null' ? null : (JSON.parse(owner) as string),
    cookie: parts[4]!,
    data: parts[5] || sent,
    facts: parts[6]!,
    names: parts[7]!,
    lengths: parts[8]!
  }
}

function write(from: Snapshot | Retired): string {
  if (from.retired) return `retired\0${from.id}`
  return `${from.version}\0${from.remaining}\0\0\0${from.cookie}\0${from.data}\0${from.facts}\0${from.id}`
}

/** What is seldom to be done. Nothing costs nothing. */
function further({ computed, sent, intent, nextId, owner, device }: Changes): Changes | undefined {
  const isUsual = !computed && !sent && !intent && !nextId && !owner && !device
  return isUsual ? undefined : { computed, sent, intent, nextId, owner, device }
}
