/** Stores of the engine: every write is conditional, and what others wrote meanwhile is merged. */

import { isSpent, parsedCookie } from './cookie'
import type { Exchange, Update } from './exchange'
import type { Keeper, Rotation } from './keeper'
import { membersOf, spread } from './members'
import type { Changes, Engine, MaybePromise, Retired, Saved, Snapshot } from './native'
import { OWN_NAMES } from './own-names'
import { OwnWords } from './own-words'
import type { Plan } from './plan'
import type { Callback, Request } from './request'
import { Session, dataText } from './session'
import type { SessionData } from './session'
import { createSession } from './store'
import { Turns } from './turns'

/** How often a value is computed anew because another request was faster. */
const MAX_ATTEMPTS = 256

export class EngineKeeper implements Keeper {
  private readonly turns = new Turns()
  private readonly ownWords = new OwnWords()

  readonly visit?: (id: string, done: Callback) => void

  constructor(private readonly engine: Engine) {
    if (engine.isImmediate) this.visit = (id, done) => settle(() => engine.visit(id), (error) => done(error))
  }

  find(exchange: Exchange, id: string, done: Callback<boolean>): void {
    settle(() => this.engine.load(id), (error, found) => {
      if (error) return done(error)
      if (!found) return done(null, false)
      exchange.memory = found
      exchange.due = !found.retired && (found.due || (exchange.app.options.strict && found.credentialDue))
      if (found.retired) exchange.adoptRetired(id)
      else adopt(exchange, id, found, this.ownWords.has(found))
      done(null, true)
    })
  }

  save(exchange: Exchange, session: Session, data: string, done: Callback): void {
    if (isSpent(session.cookie)) return this.destroy(exchange, session.id, done)
    exchange.inTurn((pass) =>
      this.attempt(exchange, session, data, after(pass, done), 1)
    )
  }

  touch(exchange: Exchange, _session: () => Session, done: Callback): void {
    const from = exchange.memory as Snapshot | undefined
    if (!from || from.retired || !exchange.due) return done()
    settle(() => this.engine.touch(from), (error, left) => {
      if (error) return done(error)
      if (left === null) exchange.endedMeanwhile(from.id)
      done()
    })
  }

  destroy(_exchange: Exchange, id: string, done: Callback): void {
    settle(() => this.engine.destroy(id), (error) => done(error))
  }

  rotate(exchange: Exchange, session: Session, rotation: Rotation, done: Callback): void {
    const from = memoryOf(exchange, session)
    // What is not stored yet has no id that anybody knows.
    if (!from && rotation.intent === 'rotate') {
      exchange.rename(session, rotation.nextId!)
      return done()
    }
    exchange.inTurn((pass) => this.renew(exchange, session, rotation, after(pass, done)))
  }

  private renew(exchange: Exchange, session: Session, rotation: Rotation, done: Callback): void {
    const from = memoryOf(exchange, session)
    // Another user's data go, but not before it is certain that this one is signed in.
    const others = isOthers(exchange, rotation) ? Object.keys(session) : []
    const data = others.length > 0 ? '{}' : dataText(session)
    // A login gives the session the configured life; what its cookie says counts for more.
    const cookie = JSON.stringify(session.cookie)
    const work = others.length > 0 ? { data } : changesOf(exchange, session, data, this.unseen(from))
    const changes = { ...work, cookie, ...rotation }
    const create = () => this.engine.create(rotation.nextId!, changes)
    const takeBack = exchange.ledger.settle(session, data)
    const finish: Callback<Saved> = (error, saved) => {
      if (error) {
        takeBack()
        return done(error)
      }
      for (const key of others) if (key !== 'cookie') delete session[key]
      this.keep(exchange, session, data, new Map(exchange.updates), saved!)
      done()
    }
    settle(() => (from ? this.engine.commit(from, changes) : create()), (error, saved) => {
      // It was ended meanwhile; whoever signs in now gets a session all the same.
      const isOver = !error && typeof saved !== 'object' && rotation.intent === 'login'
      if (isOver) settle(create, finish)
      else finish(error, saved)
    })
  }

  adjust(exchange: Exchange, plan: Plan, modified: boolean): Plan {
    const from = exchange.memory as Snapshot | Retired | undefined
    if (!from || plan.store === 'destroy' || from.id !== exchange.req.sessionID) return plan
    // Nobody who comes by an id that a login has retired may get a credential.
    if (from.retired) return { store: modified ? 'save' : 'none', sendCookie: false }
    // Only a conditional write tells whether the id is still the session's; the late answer of a parallel request
    // could bring an old id back otherwise.
    if (plan.sendCookie && !exchange.isConfirmed) return { store: 'save', sendCookie: true }
    return plan.store === 'save' && !modified ? { ...plan, store: 'touch' } : plan
  }

  private attempt(exchange: Exchange, session: Session, data: string, done: Callback, attempts: number): void {
    const { ledger } = exchange
    const from = memoryOf(exchange, session)
    // What the handler does from now on is for the next save.
    const { cookieUnsaved } = ledger
    const updates = exchange.updates.size > 0 ? new Map(exchange.updates) : exchange.updates
    let changes: Changes
    try {
      changes = this.changesOf(exchange, session, data, from)
    } catch (error) {
      return done(error)
    }
    ledger.cookieUnsaved = false
    settle(() => (from ? this.engine.commit(from, changes) : this.engine.create(session.id, changes)), (error, saved) => {
      if (error) ledger.cookieUnsaved ||= cookieUnsaved
      if (isStale(error) && attempts < MAX_ATTEMPTS) return this.again(exchange, session, done, attempts)
      if (!error) this.keep(exchange, session, data, updates, saved!)
      done(error)
    })
  }

  /** Computes anew what was computed from values that other requests have changed, one request at a time. */
  private again(exchange: Exchange, session: Session, done: Callback, attempts: number): void {
    if (attempts > 1) return this.recompute(exchange, session, done, attempts)
    this.turns.take(session.id, (pass) => this.recompute(exchange, session, after(pass, done), attempts))
  }

  private recompute(exchange: Exchange, session: Session, done: Callback, attempts: number): void {
    settle(() => this.engine.load(session.id), (error, found) => {
      if (error) return done(error)
      if (!found) {
        exchange.endedMeanwhile(session.id)
        return done()
      }
      let data: string
      try {
        if (found.retired) forget(exchange, found)
        else update(exchange, session, found)
        data = dataText(session)
      } catch (thrown) {
        return done(thrown)
      }
      this.attempt(exchange, session, data, done, attempts + 1)
    })
  }

  /** Notes what has been saved: just that, and not what the handler has done since. */
  private keep(exchange: Exchange, session: Session, sent: string, updates: ReadonlyMap<string, Update>, saved: Saved): void {
    if (typeof saved === 'string') return exchange.endedMeanwhile(session.id)
    const { ledger, req } = exchange
    const isAsSent = saved.data === sent
    const others = isAsSent ? {} : (JSON.parse(saved.data) as Data)
    if (!isAsSent) takeOver(session, JSON.parse(sent), others)
    else if (isInOwnWords(session)) this.ownWords.note(saved)
    // The request may have another session by now.
    if (session.id !== req.sessionID) return
    for (const [key, update] of updates) if (exchange.updates.get(key) === update) exchange.updates.delete(key)
    exchange.memory = saved
    exchange.isConfirmed = true
    if (saved.id !== session.id) exchange.renamed(session, saved.id)
    ledger.note(session.id, isAsSent ? sent : merged(sent, others))
  }

  private changesOf(exchange: Exchange, session: Session, data: string, from: Snapshot | Retired | undefined): Changes {
    const steps = exchange.updates.size === 0 ? membersOf(session)?.stepsTo(data, from) : undefined
    if (steps === undefined) return changesOf(exchange, session, data, this.unseen(from))
    // What can be told by steps has no name that no session can hold.
    const changes = changesOf(exchange, session, data, '{}')
    changes.steps = steps
    return changes
  }

  private unseen(from: Snapshot | Retired | undefined): string {
    return !from || from.retired || this.ownWords.has(from) ? '{}' : unseen(from)
  }
}

/** Whether what was saved of a session is just as we write it, and all of it is in the session. */
function isInOwnWords(session: Session): boolean {
  const hasOwnWords = membersOf(session)?.hasOwnWords ?? true
  return hasOwnWords && !Object.keys(session).some((name) => name in OWN_NAMES)
}

/** Passes a turn on, and then tells what came of it. */
function after(pass: () => void, done: Callback): Callback {
  return (error) => {
    pass()
    done(error)
  }
}

/** A login has retired the id, and what stands there now can't be seen: nothing can be computed from it. */
function forget(exchange: Exchange, found: Retired): void {
  exchange.memory = found
  exchange.updates.clear()
}

/** Data that were sent, with what others have changed. */
function merged(sent: string, now: Data): string {
  const data = JSON.parse(sent) as Session
  takeOver(data, JSON.parse(sent), now)
  return JSON.stringify(data)
}

/** Whether the session is another user's than the one who signs in now, and its data with it. */
function isOthers(exchange: Exchange, { owner }: Rotation): boolean {
  const before = exchange.owner()
  return owner !== undefined && before !== null && before !== owner
}

/** What is known of this very session in the store. */
function memoryOf(exchange: Exchange, session: Session): Snapshot | Retired | undefined {
  const from = exchange.memory as Snapshot | Retired | undefined
  return from?.id === session.id ? from : undefined
}

function adopt(exchange: Exchange, id: string, found: Snapshot, hasOwnWords: boolean): void {
  const { req } = exchange
  if (found.id !== id) {
    req.sessionID = found.id
    exchange.stale = true
  }
  exchange.adopt(found.id, found.data, () => sessionOf(req, found, hasOwnWords), hasOwnWords)
}

function sessionOf(req: Request, found: Snapshot, hasOwnWords: boolean): Session {
  const store = req.sessionStore!
  // What an application has put in its place has to see the whole session.
  if (store.createSession === createSession) {
    const session = new Session(req)
    session.cookie = parsedCookie(found.cookie)
    if (spread(session, found, hasOwnWords)) return session
  }
  return store.createSession(req, sessionData(found))
}

/** The session as express-session's stores give it, parsed as one text: a key `__proto__` is data like any other. */
export function sessionData({ cookie, data }: Snapshot): SessionData {
  const comma = data === '{}' ? '' : ','
  return JSON.parse(`{"cookie":${cookie}${comma}${data.slice(1)}`) as SessionData
}

function changesOf(exchange: Exchange, session: Session, data: string, others: string): Changes {
  const isNew = memoryOf(exchange, session) === undefined
  const cookie = isNew || exchange.ledger.cookieUnsaved ? JSON.stringify(session.cookie) : undefined
  // The strict profile sends it again when it runs out.
  const sent = (exchange.app.options.strict && exchange.sendsCredential()) || undefined
  // Who has set a key after computing it does not want what was computed.
  if (exchange.updates.size === 0) return { cookie, data: joined(data, others), sent }
  const updates = [...exchange.updates].filter(([key, { to }]) => JSON.stringify(session[key]) === to)
  if (updates.length === 0) return { cookie, data: joined(data, others), sent }
  const computed = updates.flatMap(([key, { from, to }]) => [key, from ?? null, to ?? null])
  return { cookie, data: joined(withoutUpdates(session, updates), others), computed, sent }
}

/** Matches documents that may have a key of a name that a session's methods have taken. */
const TAKEN = new RegExp(`"(?:${[...Object.keys(OWN_NAMES), ...Object.getOwnPropertyNames(Object.prototype)].join('|')})"`)

/** What is in the store under such names, as JSON: no session in JavaScript can hold it, so it stays as it is. */
function unseen(from: Snapshot): string {
  if (!TAKEN.test(from.data)) return '{}'
  return JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(from.data)).filter(([name]) => name in OWN_NAMES)))
}

/** Two JSON objects as one. */
function joined(one: string, other: string): string {
  if (other === '{}') return one
  return one === '{}' ? other : `${one.slice(0, -1)},${other.slice(1)}`
}

/** The data as they were before what `update` computed: that goes its own way. */
function withoutUpdates(session: Session, updates: [string, Update][]): string {
  const data: Record<string, unknown> = { ...session, cookie: undefined }
  for (const [key, { from }] of updates) data[key] = from === undefined ? undefined : JSON.parse(from)
  return JSON.stringify(data)
}

/** Brings a session up to date with the store, keeps what this request has set, and computes the rest anew. */
function update(exchange: Exchange, session: Session, found: Snapshot): void {
  const before = JSON.parse((exchange.memory as Snapshot | undefined)?.data ?? '{}') as Data
  const now = JSON.parse(found.data) as Data
  takeOver(session, before, now, exchange.updates)
  for (const [key, { compute }] of exchange.updates) {
    const from = JSON.stringify(now[key])
    const value = compute(now[key])
    set(session, key, value)
    exchange.updates.set(key, { compute, from, to: JSON.stringify(value) })
  }
  exchange.memory = found
  // Another request has rotated the id meanwhile.
  if (found.id !== session.id) exchange.renamed(session, found.id)
}

type Data = Record<string, unknown>

/** Puts what others have changed into a session, but for keys that this request has changed, too. */
function takeOver(session: Session, before: Data, now: Data, updates?: ReadonlyMap<string, unknown>): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (key in OWN_NAMES || updates?.has(key) || same(before[key], now[key]) || !same(session[key], before[key])) continue
    set(session, key, now[key])
  }
}

/** Whether two values have the same JSON. What has none is another value than any that was stored. */
function same(one: unknown, other: unknown): boolean {
  try {
    return JSON.stringify(one) === JSON.stringify(other)
  } catch {
    return false
  }
}

function set(session: Session, key: string, value: unknown): void {
  if (value === undefined) delete session[key]
  else session[key] = value
}

function isStale(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === 'ERR_HANDSTAMP_STALE'
}

/** Calls the engine, which answers at once or by a promise, and hands the answer on. */
export function settle<T>(ask: () => MaybePromise<T>, done: Callback<T>): void {
  let answer: MaybePromise<T>
  try {
    answer = ask()
  } catch (error) {
    return done(withStatus(error))
  }
  if (!(answer instanceof Promise)) return done(null, answer)
  // What the application throws in its turn must not look like an answer of the store.
  answer.then((value) => process.nextTick(done, null, value), (error) => process.nextTick(done, withStatus(error)))
}

/** Failures that may be over the next time. */
const PASSING = /^ERR_HANDSTAMP_(CONFLICT|STORE_(REFUSED|TIMEOUT|UNAVAILABLE))$/

/** Express answers an error with its `status`: 503 (RFC 9110, section 15.6.4) where trying again may help. */
export function withStatus(error: unknown): unknown {
  if (PASSING.test(String((error as { code?: unknown } | null)?.code))) (error as { status?: number }).status ??= 503
  return error
}
