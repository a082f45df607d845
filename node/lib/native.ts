/** The Rust half: what the addon exports, and where it is found. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { engineOf } from './engine'
import type { RawEngineClass } from './engine'

/** A stored session as text. Times are milliseconds. */
export interface Snapshot {
  readonly retired?: false
  readonly id: string
  readonly version: string
  /** How long the session lives if it is not used. */
  readonly remaining: number
  /** Whether it is time for a touch. */
  readonly due: boolean
  /** Whether a browser that keeps its cookie needs it anew: what it has runs out. */
  readonly credentialDue: boolean
  /** Who is signed in. */
  readonly owner: string | null
  /** express-session's `cookie` object, as JSON. */
  readonly cookie: string
  /** The application's keys: a JSON object. */
  readonly data: string
  /** handstamp's own facts; to be handed back as they are. */
  readonly facts: string
  /** The names of the keys, with \x01 between them, and how long their values are in `data`. Empty if they can't be told so. */
  readonly names: string
  readonly lengths: string
}

/** A login has retired this id: what is written is added to a session that can't be seen. */
export interface Retired {
  readonly retired: true
  readonly id: string
}

/** What a save is to do. Everything is optional but the id. */
export interface Changes {
  /** The whole `cookie` object, if it is to be written. */
  cookie?: string
  /** The whole data, if they may have changed. */
  data?: string
  /** What led to `data`, which need not be sent then: names and JSON (none: it is gone), all between NULs. */
  steps?: string
  /** Values computed by `update`: key, JSON it was computed from or null, JSON or null; one after another. */
  computed?: (string | null)[]
  /** Whether the browser is given a credential with this answer. */
  sent?: boolean
  /** What becomes of the id. */
  intent?: 'rotate' | 'login'
  /** The id for `intent`. */
  nextId?: string
  /** Who signs in, with the intent `login`. */
  owner?: string
  device?: { agent?: string; address?: string }
}

/** What became of a save: the session as it stands now, or that it has been ended (or could only be added to). */
export type Saved = Snapshot | 'ended' | 'added'

export type MaybePromise<T> = T | Promise<T>

export interface EngineOptions {
  /** Idle time of sessions whose cookie has no maxAge. Milliseconds. */
  ttl?: number
  absoluteTimeout?: number
  rotationGrace?: number
  storeDeadline?: number
  maxDocumentBytes?: number
  maxSessionsPerUser?: number
}

export interface UserSessionRecord {
  id: string
  created: number | null
  lastSeen: number | null
  expires: number
  agent: string
  address: string
}

/** The engine over one native store. What needs no I/O is answered at once, the rest by a promise of ours. */
export interface Engine {
  load(id: string): MaybePromise<Snapshot | Retired | null>
  create(id: string, changes: Changes): MaybePromise<Saved>
  commit(from: Snapshot | Retired, changes: Changes): MaybePromise<Saved>
  /** The time that is left afterwards, or null: there is no such session. */
  touch(from: Snapshot): MaybePromise<number | null>
  /** Whether calls are answered at once: the store does no I/O. */
  readonly isImmediate: boolean
  /** Extends the life of a session that nobody looks at, if it is time for that. */
  visit(id: string): MaybePromise<unknown>
  destroy(id: string): MaybePromise<boolean>
  forUser(user: string): MaybePromise<UserSessionRecord[]>
  revoke(user: string, fingerprint: string): MaybePromise<boolean>
  revokeAll(user: string, except: string | null): MaybePromise<number>
  /** Ids and documents of all sessions: id, JSON of the whole document, one after another. */
  all(): MaybePromise<string[]>
  total(): MaybePromise<number>
  clear(): MaybePromise<number>
}

/** A store of the addon: shared memory, a file, or a server. */
export interface NativeHandle {
  close(): void
}

export interface Keyring {
  /** The value of a cookie for this id: signed by the first secret, percent-encoded. */
  sign(id: string): string
  /**
   * The ids of all good credentials under this name in a Cookie header, in their order. One that an
   * older secret has signed is preceded by an element that is empty.
   */
  unsign(header: string, name: string): string[]
}

export interface Addon {
  Engine: new (store: NativeHandle, options: EngineOptions) => Engine
  Keyring: new (secrets: Uint8Array[]) => Keyring
  /** `shared`: the store of this name is one for all threads of the process. */
  openMemory(options: { shared?: string; maxSessions?: number; maxBytes?: number }): NativeHandle
  openSqlite(options: {
    path: string
    busyTimeout?: number
    readers?: number
    reapEvery?: number
    synchronous?: 'full' | 'normal'
    maxDocumentBytes?: number
  }): NativeHandle
  openRedis(options: {
    url: string
    prefix?: string
    caFile?: string
    maxDocumentBytes?: number
    waitReplicas?: number
    waitTimeout?: number
    nearCache?: boolean
    nearSessions?: number
    nearBytes?: number
    nearStaleness?: number
  }, tell: Tell): NativeHandle
  openPostgres(options: {
    url: string
    schemaName?: string
    tableName?: string
    createTableIfMissing?: boolean
    /** Infinity: never. */
    reapEvery?: number
    connections?: number
    pgbouncer?: boolean
    caFile?: string
    maxDocumentBytes?: number
  }, tell: Tell): NativeHandle
  openMysql(options: {
    url: string
    createTable?: boolean
    /** Infinity: never. */
    reapEvery?: number
    connections?: number
    tableName?: string
    idColumn?: string
    expiresColumn?: string
    dataColumn?: string
    caFile?: string
    maxDocumentBytes?: number
  }, tell: Tell): NativeHandle
  newId(): string
  fingerprint(id: string): string
}

/** Is told that a store's server was lost, with the reason, or, with null, that it was reached. */
export type Tell = (reason: string | null) => void

type RawAddon = Omit<Addon, 'Engine'> & { Engine: RawEngineClass }

/** napi's name for this platform. */
function platform(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`
}

function isMusl(): boolean {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined
  return report?.header?.glibcVersionRuntime === undefined
}

function load(): RawAddon {
  const name = platform()
  const beside = join(__dirname, '..', `handstamp.${name}.node`)
  try {
    return require(existsSync(beside) ? beside : `handstamp-${name}`) as RawAddon
  } catch (cause) {
    throw new Error(
      `handstamp has no binary for this platform (${name}): neither ${beside} nor the package handstamp-${name} can be loaded; ` +
        'install without --omit=optional, or build it with `npm run build:native` (needs Rust)',
      { cause }
    )
  }
}

const raw = load()

export const addon: Addon = { ...raw, Engine: engineOf(raw.Engine) }
