/**
 * The members of a session that was found. Each is parsed when it is first looked at, and at the end only those are
 * compared with what was stored: most requests look at one or two of them.
 *
 * A member is an own, enumerable property like any other. Only its descriptor shows that it has a getter.
 */

import type { Snapshot } from './native'
import { OWN_NAMES } from './own-names'

const MEMBERS = Symbol('members')

/** What a member is while nobody has looked at it. */
const UNREAD = Symbol('unread')

type Holder = Record<string, unknown> & { [MEMBERS]?: Members }

/** The members that a session was given by `spread`. */
export function membersOf(session: object): Members | undefined {
  return (session as Holder)[MEMBERS]
}

/**
 * Gives a session the members that were found. `false`: it has been given none, for some need to be looked at more
 * closely. `hasOwnWords`: what was found is just as we write it.
 */
export function spread(session: object, found: Snapshot, hasOwnWords: boolean): boolean {
  const names = namesIn(found.names)
  if (!names) return false
  Object.defineProperty(session, MEMBERS, { value: new Members(session as Holder, found, names, hasOwnWords) })
  for (let at = 0; at < names.length; at += 1) Object.defineProperty(session, names[at]!, accessor(at))
  return true
}

export class Members {
  private readonly values: unknown[] = []
  private starts: number[] | undefined
  /** The member that is asked only whether somebody has looked at it. */
  private probed = -1
  /** The data as they were when they were last written out, and what led there. */
  private latest: { text: string; steps: string | undefined } | undefined

  constructor(
    private readonly session: Holder,
    private readonly found: Snapshot,
    private readonly names: readonly string[],
    readonly hasOwnWords: boolean
  ) {
    for (let at = 0; at < names.length; at += 1) this.values.push(UNREAD)
  }

  get(at: number): unknown {
    const value = this.values[at]
    if (value !== UNREAD || this.probed === at) return value
    return (this.values[at] = JSON.parse(this.textAt(at)))
  }

  set(at: number, value: unknown, on: object): void {
    if (on === this.session) this.values[at] = value
    // A proxy, or an object that has the session as its prototype.
    else Object.defineProperty(on, this.names[at]!, { ...PLAIN, value })
  }

  /** Puts plain properties in the place of those with getters. */
  reveal(): void {
    const { session } = this
    this.names.forEach((name, at) => {
      const own = Object.getOwnPropertyDescriptor(session, name)
      if (own?.get === accessor(at).get && own?.configurable) Object.defineProperty(session, name, { ...PLAIN, value: session[name] })
    })
  }

  /** The data as JSON. What has not changed is what was found, to the letter. */
  text(): string {
    const { found, names, session } = this
    const now: string[] = []
    const texts: Text[] = []
    let isSame = true
    for (const name of Object.keys(session)) {
      if (name === 'cookie') continue
      const at = now.length
      const text = this.textOf(name, names[at] === name ? at : names.indexOf(name))
      isSame &&= text === AS_FOUND && names[at] === name
      now.push(name)
      texts.push(text)
    }
    if (isSame && now.length === names.length) return found.data
    const text = this.written(now, texts)
    this.latest = { text, steps: this.steps(now, texts) }
    return text
  }

  private written(now: readonly string[], texts: readonly Text[]): string {
    let members = ''
    now.forEach((name, at) => {
      const text = texts[at] === AS_FOUND ? this.textAt(this.names.indexOf(name)) : texts[at]
      if (text !== undefined) members += `${members && ','}${JSON.stringify(name)}:${text as string}`
    })
    return `{${members}}`
  }

  /** What led from what was found to this text: names and JSON (none: it is gone), all between NULs, if that can be said so. */
  stepsTo(text: string, from: unknown): string | undefined {
    const { latest } = this
    return from === this.found && latest?.text === text ? latest.steps : undefined
  }

  private steps(now: readonly string[], texts: readonly Text[]): string | undefined {
    const steps: string[] = []
    now.forEach((name, at) => {
      if (texts[at] !== AS_FOUND) steps.push(name, (texts[at] as string | undefined) ?? '')
    })
    if (now.length - steps.length / 2 < this.names.length) {
      for (const name of this.names) if (!now.includes(name)) steps.push(name, '')
    }
    return steps.every((part, at) => at % 2 === 1 || isSayable(part)) ? steps.join('\0') : undefined
  }

  /** What a property has become, which was found at a place or (-1) is new. */
  private textOf(name: string, at: number): Text {
    if (at < 0) return json(name, this.session[name])
    if (this.isUnread(at)) return AS_FOUND
    const text = json(name, this.session[name])
    return text !== undefined && this.isFound(at, text) ? AS_FOUND : text
  }

  /** Others put the same in other words, 1.0 for 1 say. */
  private isFound(at: number, text: string): boolean {
    const found = this.textAt(at)
    return text === found || (!this.hasOwnWords && text === JSON.stringify(JSON.parse(found)))
  }

  private isUnread(at: number): boolean {
    if (this.values[at] !== UNREAD) return false
    this.probed = at
    try {
      return this.session[this.names[at]!] === UNREAD
    } finally {
      this.probed = -1
    }
  }

  private textAt(at: number): string {
    const { found, names } = this
    const starts = (this.starts ??= startsOf(names, found.lengths))
    // The comma, the quotes around the next name and the colon, or the brace.
    const end = at + 1 < names.length ? starts[at + 1]! - names[at + 1]!.length - 4 : found.data.length - 1
    return found.data.slice(starts[at], end)
  }
}

/** Stands for the text that was found. */
const AS_FOUND = Symbol('as found')

/** A property as JSON. It may have none. */
type Text = string | undefined | typeof AS_FOUND

const PLAIN = { writable: true, enumerable: true, configurable: true }

/** The property of the member at a place: one for all sessions, so that those of the same members have the same shape. */
function accessor(at: number): PropertyDescriptor {
  return (ACCESSORS[at] ??= {
    configurable: true,
    enumerable: true,
    get(this: object) {
      return membersOf(this)!.get(at)
    },
    set(this: object, value: unknown) {
      membersOf(this)!.set(at, value, this)
    }
  })
}

const ACCESSORS: PropertyDescriptor[] = []

/** As many lists of names as applications have kinds of sessions, and some more. */
const MOST_LISTS = 1000
const lists = new Map<string, readonly string[] | null>()

/** The names of members, as the engine lists them, if a session can hold all of them in this order. */
function namesIn(list: string): readonly string[] | null {
  let names = lists.get(list)
  if (names !== undefined) return names
  names = list === '' ? null : list.split('\x01')
  if (names?.some((name) => name in OWN_NAMES || UNUSUAL.test(name))) names = null
  if (lists.size >= MOST_LISTS) lists.clear()
  lists.set(list, names)
  return names
}

/** Names that mean something to JSON, and those that come in front of all others: numbers. */
const UNUSUAL = /^(?:cookie|toJSON|\d+)$/

/** Where each member's value begins. */
function startsOf(names: readonly string[], lengths: string): number[] {
  const starts: number[] = []
  let at = 0
  let end = 0
  for (const name of names) {
    // The brace or the comma, the quotes and the colon.
    starts.push(end + name.length + 4)
    let length = 0
    for (let digit = lengths.charCodeAt(at) - ZERO; digit >= 0; digit = lengths.charCodeAt(++at) - ZERO) length = 10 * length + digit
    at += 1
    end += name.length + 4 + length
  }
  return starts
}

const ZERO = '0'.charCodeAt(0)

/** A property's value as JSON, if it has any. */
function json(name: string, value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : 'null'
  if (typeof (value as { toJSON?: unknown } | null | undefined)?.toJSON !== 'function') return JSON.stringify(value)
  // It is told the name.
  const object = JSON.stringify({ [name]: value })
  return object === '{}' ? undefined : object.slice(JSON.stringify(name).length + 2, -1)
}

/** Whether the engine takes a step on this name: it needs no escapes and is not the engine's own. */
function isSayable(name: string): boolean {
  return name !== '__handstamp' && JSON.stringify(name).length === name.length + 2
}
