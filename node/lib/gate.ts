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
  guardHead(res, keeper)
  guardEnd(res, keeper)
}

function guardHead(res: Response, keeper: Gatekeeper): void {
  const writeHead = res.writeHead as unknown as ((...rest: unknown[]) => Response) | undefined
  if (typeof writeHead !== 'function') return
  let passed = false
  res.writeHead = function (this: Response, status: number, ...rest: unknown[]) {
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

function guardEnd(res: Response, keeper: Gatekeeper): void {
  if (typeof res.end !== 'function') return
  const end = res.end as unknown as (this: Response, ...rest: Arguments) => Response
  let ended = false
  let failed = false
  res.end = function (this: Response, ...rest: Arguments) {
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
    release = holdBack(res)
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

/** Makes a response behave as one that has ended. The result takes that back. */
function holdBack(res: Response): () => void {
  const held = res as unknown as Record<string, unknown>
  const before = SHADOWED.map((name) => (Object.hasOwn(res, name) ? Object.getOwnPropertyDescriptor(res, name) : undefined))
  SHADOWED.forEach((name, at) => {
    // To assign is several times as fast as to define.
    if (name in SHADOWS && (before[at]?.writable ?? true)) held[name] = SHADOWS[name]
    else Object.defineProperty(res, name, ACCESSORS[name] ?? { value: SHADOWS[name], writable: true, configurable: true })
  })
  return () => {
    // Backwards: a property that was added last can be deleted without making the response slow for all that follows.
    for (let at = SHADOWED.length - 1; at >= 0; at -= 1) {
      const [name, own] = [SHADOWED[at]!, before[at]]
      if (own?.writable) held[name] = own.value
      else if (own) Object.defineProperty(res, name, own)
      else delete held[name]
    }
  }
}

const SHADOWS: Record<string, unknown> = {
  setHeader: refusing('set'),
  setHeaders: refusing('set'),
  appendHeader: refusing('append'),
  removeHeader: refusing('remove'),
  writeHead: refusing('write'),
  flushHeaders: () => {},
  write: writeAfterEnd,
  end: endAfterEnd
}

const ACCESSORS: Record<string, PropertyDescriptor> = {
  headersSent: { get: () => true, configurable: true },
  writableEnded: { get: () => true, configurable: true }
}

const SHADOWED = [...Object.keys(SHADOWS), ...Object.keys(ACCESSORS)]

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
