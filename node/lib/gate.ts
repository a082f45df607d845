/**
 * Holds a response back until its session is saved.
 *
 * Nothing of it has left when `end` is called, mostly. Then the session is saved first, and a save that fails is
 * an error like any other, which the application can still answer. What was sent before stays sent; then only the
 * end waits.
 */

import type { Response } from './request'

export interface Gatekeeper {
  /** The head is about to leave: the last moment for a cookie. */
  head(): void
  /** The handler is done. `done` is called once, at once or later. */
  finish(done: (error?: unknown) => void): void
  /** It could not be saved. `open`: nothing has left, so another answer can be given. */
  failed(error: unknown, open: boolean): void
}

type Arguments = [chunk?: unknown, encoding?: unknown, callback?: unknown]

/** Stands between a handler and its response. A response without methods is left alone. */
export function guard(res: Response, keeper: Gatekeeper): void {
  const gate: Gate = { isClosed: false }
  guardHead(res, keeper, gate)
  guardEnd(res, keeper, gate)
}

/** What we have put into a response. */
interface Gate {
  isClosed: boolean
  writeHead?: unknown
  end?: unknown
}

function guardHead(res: Response, keeper: Gatekeeper, gate: Gate): void {
  const writeHead = res.writeHead as unknown as ((...rest: unknown[]) => Response) | undefined
  if (typeof writeHead !== 'function') return
  let passed = false
  res.writeHead = gate.writeHead = function (this: Response, status: number, ...rest: unknown[]) {
    if (gate.isClosed) throw headersSent('write')
    if (passed) return writeHead.call(this, status, ...rest)
    const reason = typeof rest[0] === 'string' ? rest : []
    const headers = typeof rest[0] === 'string' ? rest[1] : (rest[1] ?? rest[0])
    setHeaders(this, headers)
    passed = true
    keeper.head()
    return reason.length > 0 ? writeHead.call(this, status, reason[0]) : writeHead.call(this, status)
  } as Response['writeHead']
}

/** Headers given to `writeHead` replace those of their name; a list of them may name one several times. */
function setHeaders(res: Response, headers: unknown): void {
  if (!headers || typeof headers !== 'object') return
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) if (name) res.setHeader(name, value as string)
    return
  }
  const list = pairs(headers)
  for (const [name] of list) res.removeHeader(name)
  for (const [name, value] of list) append(res, name, value)
}

function pairs(list: unknown[]): [string, string | string[]][] {
  if (list.every((entry) => Array.isArray(entry))) return list as [string, string | string[]][]
  if (list.length % 2 !== 0) throw new TypeError('headers array is malformed')
  return Array.from({ length: list.length / 2 }, (_, at) => [list[2 * at], list[2 * at + 1]] as [string, string])
}

/** Adds a header beside others of its name. */
export function append(res: Response, name: string, value: string | string[]): void {
  const before = res.getHeader(name)
  if (before === undefined) res.setHeader(name, value)
  else res.setHeader(name, ([] as string[]).concat(Array.isArray(before) ? before : String(before), value))
}

function guardEnd(res: Response, keeper: Gatekeeper, gate: Gate): void {
  if (typeof res.end !== 'function') return
  const end = res.end as unknown as (this: Response, ...rest: Arguments) => Response
  let ended = false
  let failed = false
  res.end = gate.end = function (this: Response, ...rest: Arguments) {
    // After a failure this is the other answer; otherwise the response has had its end.
    if (failed) return end.apply(this, rest)
    if (ended) return endAfterEnd.apply(this, rest)
    ended = true
    let release: (() => void) | undefined
    let outcome: { error?: unknown } | undefined
    keeper.finish((error) => {
      outcome = { error }
      if (release) settle()
    })
    // What was saved at once goes out at once. A failure is told later: the handler is not done yet.
    if (outcome && !outcome.error) return attempt()
    release = holdBack(res, gate)
    if (outcome) setImmediate(settle)
    return this

    /** Node refuses what can't be sent: a number, say. */
    function attempt(): Response {
      try {
        return end.apply(res, rest)
      } catch (refused) {
        failed = true
        throw refused
      }
    }

    function settle(): void {
      release!()
      const error = outcome!.error
      failed = Boolean(error) && !res.headersSent
      if (failed) return keeper.failed(error, true)
      try {
        attempt()
      } catch (refused) {
        // The handler that gave it is long gone.
        return keeper.failed(refused, !res.headersSent)
      }
      if (error) keeper.failed(error, false)
    }
  } as Response['end']
}

/**
 * Makes a response behave as one that has ended. The result takes that back.
 *
 * By its prototype: a property that is added to an Express response and deleted again costs some microseconds, for no
 * two of these have the same shape.
 */
function holdBack(res: Response, gate: Gate): () => void {
  const prototype = Object.getPrototypeOf(res) as object
  const ended = endedOf(prototype)
  const head = headOf(res)
  const own = new Map<string, PropertyDescriptor>()
  for (const name of SHADOWED) if (isOthers(res, name, gate)) own.set(name, Object.getOwnPropertyDescriptor(res, name)!)
  for (const [name, before] of own) put(res, name, before, SHADOWS[name]!)
  // Error pages go by this, and Express may change the prototype.
  if (!own.has('headersSent')) Object.defineProperty(res, 'headersSent', SHADOWS.headersSent!)
  Object.setPrototypeOf(res, ended)
  gate.isClosed = true
  return () => {
    gate.isClosed = false
    for (const name of SHADOWED) if (isOthers(res, name, gate)) putBack(res, name, own.get(name), gate)
    const isOpened = Object.getPrototypeOf(res) !== ended
    if (!isOpened) Object.setPrototypeOf(res, prototype)
    if (head && !res.headersSent) restore(res, head, isOpened)
  }
}

/** Whether this very response has such a property, and not from us. */
function isOthers(res: Response, name: string, gate: Gate): boolean {
  return Object.hasOwn(res, name) && !((name === 'end' || name === 'writeHead') && res[name] === gate[name])
}

/** To assign is several times as fast as to define. */
function put(res: Response, name: string, before: PropertyDescriptor, now: PropertyDescriptor): void {
  if (before.writable && 'value' in SHADOWS[name]!) (res as unknown as Record<string, unknown>)[name] = now.value
  else Object.defineProperty(res, name, now)
}

function putBack(res: Response, name: string, before: PropertyDescriptor | undefined, gate: Gate): void {
  const held = res as unknown as Record<string, unknown>
  if (before) put(res, name, before, before)
  // What was put there meanwhile stands over what refuses.
  else if (name === 'end' || name === 'writeHead') held[name] = gate[name]
  else delete held[name]
}

/** What a head says that has not been sent. */
type Head = { statusCode: number; statusMessage: string | undefined; headers: ReturnType<Response['getHeaders']> }

function headOf(res: Response): Head | undefined {
  if (res.headersSent || typeof res.getHeaders !== 'function') return undefined
  const headers = res.getHeaders()
  // Node adds to lists in place.
  for (const [name, value] of Object.entries(headers)) if (Array.isArray(value)) headers[name] = [...value]
  return { statusCode: res.statusCode, statusMessage: ownMessage(res), headers }
}

/** HTTP/2 has none, and Node warns of whoever looks. */
function ownMessage(res: Response): string | undefined {
  return Object.hasOwn(res, 'statusMessage') ? res.statusMessage : undefined
}

/**
 * Puts a head back as it was: whatever was said since came too late. Headers could be changed only where Express has given
 * the response another prototype, as it does when mounted applications are entered and left.
 */
function restore(res: Response, head: Head, isOpened: boolean): void {
  res.statusCode = head.statusCode
  if (ownMessage(res) !== head.statusMessage) res.statusMessage = head.statusMessage!
  if (!isOpened) return
  for (const name of res.getHeaderNames()) if (!(name in head.headers)) res.removeHeader(name)
  for (const [name, value] of Object.entries(head.headers)) if (res.getHeader(name) !== value) res.setHeader(name, value!)
}

/** The prototype of responses that have ended, in front of this one. */
function endedOf(prototype: object): object {
  let ended = prototypes.get(prototype)
  if (!ended) prototypes.set(prototype, (ended = Object.create(prototype, SHADOWS) as object))
  return ended
}

const prototypes = new WeakMap<object, object>()

const SHADOWS: PropertyDescriptorMap = {
  setHeader: method(refusing('set')),
  setHeaders: method(refusing('set')),
  appendHeader: method(refusing('append')),
  removeHeader: method(refusing('remove')),
  writeHead: method(refusing('write')),
  flushHeaders: method(() => {}),
  write: method(writeAfterEnd),
  end: method(endAfterEnd),
  headersSent: { get: () => true, configurable: true },
  writableEnded: { get: () => true, configurable: true }
}

const SHADOWED = Object.keys(SHADOWS)

function method(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true }
}

function refusing(verb: string): () => never {
  return () => {
    throw headersSent(verb)
  }
}

function headersSent(verb: string): Error {
  const error = new Error(`Cannot ${verb} headers after they are sent to the client`)
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}

/** As Node's: the error goes to the callback and to the response's listeners. */
function writeAfterEnd(this: Response, _chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' })
  const told = typeof encoding === 'function' ? encoding : callback
  process.nextTick(() => {
    if (typeof told === 'function') told(error)
    if (!this.destroyed) this.emit('error', error)
  })
  return false
}

function endAfterEnd(this: Response, ...rest: Arguments): Response {
  const told = rest.find((one) => typeof one === 'function') as ((error?: unknown) => void) | undefined
  const error = new Error('Cannot call end after a stream was finished')
  if (told) process.nextTick(told, Object.assign(error, { code: 'ERR_STREAM_ALREADY_FINISHED' }))
  return this
}
