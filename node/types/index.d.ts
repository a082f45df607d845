/**
 * Sessions for Express, Connect, plain `http` and HTTP/2.
 *
 * These are the types of `@types/express-session` and what handstamp adds to them. Say what your sessions hold:
 *
 *     declare module 'handstamp' {
 *       interface SessionData {
 *         cart: string[]
 *       }
 *     }
 *
 * As the alias `"express-session": "npm:handstamp"` the module to augment is `'express-session'`, as before.
 */

import { KeyObject } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { IncomingMessage } from 'node:http'
import { Http2ServerRequest } from 'node:http2'

export = session

/**
 * The middleware for these options, which also knows the sessions of each user.
 *
 * Throws a TypeError for options that can't be meant. Without a `store`, sessions are in this process's memory.
 */
declare function session(options?: session.SessionOptions): session.Middleware

declare namespace session {
  /** What a callback gets: an error, or nothing and the value. */
  type Callback<T = void> = (error?: any, value?: T) => void

  /** What `session()` returns. Every framework with `(req, res, next)` takes it. */
  interface Middleware extends Sessions {
    /**
     * Puts the session into the request and, when the response ends, saves it.
     *
     * `next` gets an error if the store fails. It is not an error that a browser presents an unknown, an expired or
     * a forged cookie: then the request gets a new session. `res` may be an object without methods, as for the
     * handshake of a WebSocket: then nothing is saved at its end.
     */
    (req: IncomingMessage | Http2ServerRequest, res: object, next: (error?: any) => void): void
  }

  /**
   * What the middleware knows of sessions. `login`, `forUser`, `revoke` and `revokeAll` need a store of handstamp: with
   * another one the promise is rejected.
   */
  interface Sessions {
    /**
     * Binds the session to a user who has just signed in, under a new id. The old id is worth nothing from then on.
     *
     * The data stay, unless they were another user's. Rejected when the request has no session, when `user` is no
     * string or an empty one, and when the store fails. `device` is what `forUser` shows; unless given, the
     * request's `User-Agent` and address.
     */
    login(req: IncomingMessage | Http2ServerRequest, user: string, options?: { device?: Device | undefined }): Promise<void>

    /**
     * Ends the session. The request goes on with a new, empty one, which is stored only if something is put into it.
     *
     * It is not an error if there is no session.
     */
    logout(req: IncomingMessage | Http2ServerRequest): Promise<void>

    /** Who is signed in: what `login` was given. `null`: nobody. */
    userOf(req: IncomingMessage | Http2ServerRequest): string | null

    /** Whether the request's session is not stored yet: the browser brought none that is alive. */
    isNew(req: IncomingMessage | Http2ServerRequest): boolean

    /**
     * Leaves a message for a later page, where connect-flash keeps it. Messages must survive JSON. Throws without a
     * session.
     */
    flash(req: IncomingMessage | Http2ServerRequest, kind: string, message: unknown): void

    /** Takes the messages of a kind. None is no error, nor is it that there is no session. */
    flashes(req: IncomingMessage | Http2ServerRequest, kind: string): any[]

    /** What names the request's session in its user's list. It is no credential. `null`: the request has no id. */
    idOf(req: IncomingMessage | Http2ServerRequest): string | null

    /** The living sessions of a user, the one used last in front. For an unknown user there are none. */
    forUser(user: string): Promise<UserSession[]>

    /** Ends one of a user's sessions, named by its `id` in the list. `false`: the user has no such session. */
    revoke(user: string, id: string): Promise<boolean>

    /** Ends all sessions of a user, but for that of the request `except`. Gives their number. */
    revokeAll(user: string, options?: { except?: IncomingMessage | Http2ServerRequest | undefined }): Promise<number>
  }

  /** One of a user's sessions, as a page of devices shows it. */
  interface UserSession {
    /** What names the session: `revoke` takes it, `idOf` gives it. It is no credential. */
    id: string
    /** When the session began. `null`: not known, for one that express-session wrote. */
    created: Date | null
    /** When it was last used, to within a twentieth of its idle time. */
    lastSeen: Date | null
    /** When it ends if it is not used. */
    expires: Date
    /** Where the user signed in. */
    device: { agent: string; address: string }
  }

  /** Where a user signs in, for the user's own list. */
  interface Device {
    /** The browser: by default the first 512 characters of the `User-Agent` header. */
    agent?: string | undefined
    /** The address: by default Express's `req.ip`, elsewhere that of the connection. */
    address?: string | undefined
  }

  /** What signs cookies: all that `crypto.createHmac` takes as a key. At least 32 random bytes. */
  type Secret = string | NodeJS.ArrayBufferView | KeyObject

  /** What `session()` takes. Times are in milliseconds. */
  interface SessionOptions {
    /**
     * Signs the cookies. Of an array the first signs, and all are accepted; a browser that presents a cookie of an
     * old one gets a new cookie. The array may be changed while the application runs.
     *
     * An empty array is a TypeError. Without a secret, `req.secret` of cookie-parser is taken (deprecated), and
     * without that too every request is an error.
     */
    secret: Secret | Secret[]

    /** The name of the cookie. `connect.sid` unless set. */
    name?: string | undefined

    /** The former name of `name`. */
    key?: string | undefined

    /** Where sessions are. A new `MemoryStore` unless set. Any store for express-session will do. */
    store?: AnyStore | undefined

    /**
     * Makes an id, or a promise of one. Ids must be unique and can't be guessed: 24 random bytes unless set.
     *
     * What it throws is handed to `next`.
     */
    genid?(req: ServerRequest): string | Promise<string>

    /** The attributes of the cookie, for all requests or for each. */
    cookie?: CookieOptions | ((req: ServerRequest) => CookieOptions) | undefined

    /**
     * Saves a session that was not changed, too. `true` unless set (deprecated: set it). On the stores of handstamp
     * it extends the session's life and never writes old values over newer ones.
     */
    resave?: boolean | undefined

    /** Stores a new session in which nothing was put, and sends its cookie. `true` unless set (deprecated: set it). */
    saveUninitialized?: boolean | undefined

    /** Sends the cookie with every response, so that its age starts anew. `false` unless set. */
    rolling?: boolean | undefined

    /**
     * Whether the connection to the browser is encrypted: `true` believes `X-Forwarded-Proto`, `false` believes the
     * socket alone. Unless set, Express's `trust proxy` decides.
     */
    proxy?: boolean | undefined

    /** What becomes of the stored session when `req.session` is deleted or set to null. `'keep'` unless set. */
    unset?: 'destroy' | 'keep' | undefined

    /**
     * How long the store may take to answer. 5,000 unless set; after that the request gets an error, whose code is
     * `ERR_HANDSTAMP_STORE_TIMEOUT` for a store written in JavaScript.
     */
    storeDeadline?: number | undefined

    /** How long a session lives in all, however much it is used. No limit unless set. Needs a store of handstamp. */
    absoluteTimeout?: number | undefined

    /** How long the old id of a rotated session still leads to it. 10,000 unless set; 0: not at all. Needs a store of handstamp. */
    rotationGrace?: number | undefined

    /** How many sessions a user may have. One more login ends the oldest. Needs a store of handstamp. */
    maxSessionsPerUser?: number | undefined

    /**
     * The ways by which the signed id comes and goes, in the order in which they are tried: `'cookie'` (by
     * `Set-Cookie`), `'bearer'` (in `Authorization`; new ones go out in `Session-Token`), or the name of a header for
     * both. `['cookie']` unless set. `cookie`, `authorization` and a few others that HTTP needs itself are a TypeError.
     */
    transports?: ('cookie' | 'bearer' | (string & {}))[] | undefined

    /**
     * Tells caches to keep every answer private whose session was looked at. `false` unless set; `true` in the strict
     * profile.
     */
    cacheHeaders?: boolean | undefined

    /** Leaves the cookie in the browser when its session is destroyed, as express-session does. */
    keepCookie?: boolean | undefined
  }

  /** The attributes of a cookie. A value that can't be written into a header is an error of the response. */
  interface CookieOptions {
    /**
     * How long the browser keeps the cookie, in milliseconds, and how long the store keeps the session that is not
     * used. Until the browser closes unless set. The last one of `maxAge` and `expires` counts.
     */
    maxAge?: number | null | undefined

    /**
     * When the browser drops the cookie. Of no use for more than one session.
     * @deprecated Set `maxAge`.
     */
    expires?: Date | null | undefined

    /** The paths for which browsers send the cookie. `/` unless set; requests for others have no session. */
    path?: string | undefined

    /** The domain whose hosts get the cookie. The host of the request alone unless set. */
    domain?: string | undefined

    /** Hides the cookie from scripts in the page. `true` unless set. */
    httpOnly?: boolean | undefined

    /**
     * Keeps the cookie to HTTPS. On an insecure connection none is sent then, and a warning says why. `'auto'`:
     * secure if the connection is.
     */
    secure?: boolean | 'auto' | undefined

    /**
     * Whether the cookie goes with requests that come from other sites; `true` is `'strict'`. `'auto'`: `'none'` on a
     * secure connection, `'lax'` on another.
     */
    sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined

    /** Keeps a cookie jar of its own for each site that embeds this one. */
    partitioned?: boolean | undefined

    /** Which cookies a browser drops first when it has too many. */
    priority?: 'low' | 'medium' | 'high' | undefined

    /** Has no effect; it is here because `@types/express-session` has it. */
    signed?: boolean | undefined

    /** Has no effect; it is here because `@types/express-session` has it. */
    encode?: ((value: string) => string) | undefined
  }

  /** The cookie of one session. What a handler changes of it is stored and sent. */
  class Cookie {
    constructor(options?: CookieOptions)

    /** The age it started with, in milliseconds. `null`: until the browser closes. */
    originalMaxAge: number | null

    /**
     * Milliseconds until the browser drops the cookie. A cookie that lasts until the browser closes has null here,
     * which the type leaves out because `@types/express-session` does. Setting null makes it such a cookie.
     */
    get maxAge(): number | undefined
    set maxAge(age: number | null | false | undefined)

    /** When the browser drops the cookie. Setting null or false makes it last until the browser closes. */
    get expires(): Date | null | undefined
    set expires(date: Date | null | false | undefined)

    path?: string | undefined
    domain?: string | undefined
    httpOnly?: boolean | undefined
    secure?: boolean | 'auto' | undefined
    sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
    partitioned?: boolean | undefined
    priority?: 'low' | 'medium' | 'high' | undefined
    signed?: boolean | undefined

    /** What is stored. */
    get data(): StoredCookie

    /** A `Set-Cookie` header with this value. Throws a TypeError that names an attribute it can't write. */
    serialize(name: string, value: string): string

    /** What is stored, for `JSON.stringify`. */
    toJSON(): StoredCookie
  }

  /** A cookie as stores hold it. Read back from JSON, `expires` is a string. */
  interface StoredCookie {
    originalMaxAge: number | null
    maxAge?: number | undefined
    expires?: Date | null | undefined
    path?: string | undefined
    domain?: string | undefined
    httpOnly?: boolean | undefined
    secure?: boolean | 'auto' | undefined
    sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
    partitioned?: boolean | undefined
    priority?: 'low' | 'medium' | 'high' | undefined
    signed?: boolean | undefined
  }

  /** What sessions hold, to be declared by the application. Values must survive JSON. */
  interface SessionData {
    cookie: StoredCookie
  }

  /** The keys of an application's data. */
  type DataKey = Exclude<keyof SessionData, 'cookie'>

  /**
   * The session of one request: `req.session`. Data are its properties.
   *
   * Each method with a callback returns the session then, and without one a promise, rejected with what the
   * callback would get. Nobody need wait for it: an ignored failure ends no process.
   */
  class Session {
    constructor(req: Express.Request, data?: object | null)

    /** The id: `req.sessionID`. A credential only with its signature, yet nothing for logs. */
    id: string

    /** The cookie of this session alone. */
    cookie: Cookie

    /** Ends the session and gives the request a new, empty one: `req.session` is another object afterwards. */
    regenerate(callback: (error: any) => void): this
    regenerate(): Promise<void>
    regenerate(callback: ((error: any) => void) | undefined): this | Promise<void>

    /**
     * Ends the session, here and for all requests that hold it now; `req.session` is gone at once. It is not an
     * error if the session has been ended already.
     */
    destroy(callback: (error: any) => void): this
    destroy(): Promise<void>
    destroy(callback: ((error: any) => void) | undefined): this | Promise<void>

    /**
     * Reads the session anew, into another object at `req.session`; what was not saved is gone. An error
     * (`failed to load session`) if it has been ended.
     */
    reload(callback: (error: any) => void): this
    reload(): Promise<void>
    reload(callback: ((error: any) => void) | undefined): this | Promise<void>

    /**
     * Saves now what would be saved at the response's end: for WebSockets and long answers. It is not an error if
     * the session has been ended meanwhile; then nothing is stored. Data that have no JSON are an error for the callback or the promise.
     */
    save(callback: (error: any) => void): this
    save(): Promise<void>
    save(callback: ((error: any) => void) | undefined): this | Promise<void>

    /** Gives the cookie its original age again. */
    resetMaxAge(): this

    /** Starts the life of the session anew, which the middleware does for every request. */
    touch(): this

    /**
     * Sets a key to what `compute` makes of its value, and returns that.
     *
     * If another request changed the key meanwhile, `compute` runs once more, on the new value, when the session is
     * saved: it should depend on nothing else and do nothing else. `undefined` removes the key. A promise is a
     * TypeError. On stores that are not handstamp's the last one to save wins, and a warning says so.
     */
    update<Key extends DataKey, Value extends SessionData[Key] | undefined>(
      key: Key,
      compute: (value: SessionData[Key] | undefined) => Value
    ): Value

    /**
     * Gives the session a new id now; the data stay. On stores of handstamp the old id leads to the session for
     * `rotationGrace`, so that requests in flight lose nothing.
     */
    rotate(callback: (error: any) => void): this
    rotate(): Promise<void>
    rotate(callback: ((error: any) => void) | undefined): this | Promise<void>
  }

  /**
   * What the middleware needs of a store: any store for express-session has it.
   *
   * Every callback is to be called once; one that isn't called within `storeDeadline` is an error. `'disconnect'`
   * and `'connect'` events say whether there is a store: requests in between have no session.
   */
  interface AnyStore {
    get(sid: string, callback: (error?: any, session?: any) => void): unknown
    set(sid: string, session: any, callback?: (error?: any) => void): unknown
    destroy(sid: string, callback?: (error?: any) => void): unknown
    touch?(sid: string, session: any, callback?: (error?: any) => void): unknown
    on(event: string, listener: (...rest: any[]) => void): unknown
  }

  /** The base of stores. It is a function at run time, so ES5 stores may call it without `new`. */
  abstract class Store extends EventEmitter {
    /** Ends the request's session and gives it a new one, also if ending fails. */
    regenerate(req: ServerRequest, callback: (error?: any) => any): void

    /** Reads a session outside of a request. Without one, the callback gets nothing. */
    load(sid: string, callback: (error: any, session?: SessionData) => any): void

    /** Makes the request's session of what a store holds. Throws if that has no `cookie`. */
    createSession(req: ServerRequest, session: SessionData): Session & SessionData

    /** Finds a session. None is no error: the callback gets nothing, null, or an error whose code is `ENOENT`. */
    abstract get(sid: string, callback: (error: any, session?: SessionData | null) => void): void

    /** Stores a session under this id, whether there is one or not. */
    abstract set(sid: string, session: SessionData, callback?: (error?: any) => void): void

    /** Ends a session. It is not an error if there is none. */
    abstract destroy(sid: string, callback?: (error?: any) => void): void

    /** All sessions, as a list or by their ids. */
    all?(callback: (error: any, sessions?: SessionData[] | { [sid: string]: SessionData } | null) => void): void

    /** How many sessions there are. */
    length?(callback: (error: any, length?: number) => void): void

    /** Ends all sessions. */
    clear?(callback?: (error?: any) => void): void

    /** Extends the life of a session that was not changed. It must not bring back one that has been ended. */
    touch?(sid: string, session: SessionData, callback?: () => void): void
  }

  /** What all stores of handstamp take. */
  interface NativeStoreOptions {
    /** How long a session lives that is not used and whose cookie has no `maxAge`, in milliseconds. A day unless set. */
    ttl?: number | undefined
    /** The largest session, in bytes of JSON. 1 MiB unless set; saving a larger one is an error. */
    maxDocumentBytes?: number | undefined
  }

  /** What `MemoryStore` takes. */
  interface MemoryStoreOptions extends NativeStoreOptions {
    /** All threads of this process that give the same name share the sessions. */
    shared?: string | undefined
    /** How many sessions fit. 1,000,000 unless set; one more ends the one that expires soonest. */
    maxSessions?: number | undefined
    /** How many bytes all sessions may have together. 256 MiB unless set. */
    maxBytes?: number | undefined
  }

  /** Sessions in this process's memory: bounded, expiring, and gone when it ends. */
  class MemoryStore extends NativeStore {
    constructor(options?: MemoryStoreOptions)
  }

  /** What `SqliteStore` takes. */
  interface SqliteStoreOptions extends NativeStoreOptions {
    /** The file. It is made if it isn't there; its folder must be. */
    path: string
    /** How long to wait for another process that writes, in milliseconds. 4,000 unless set. */
    busyTimeout?: number | undefined
    /** How many threads read. 2 unless set. */
    readers?: number | undefined
    /** How often expired sessions are removed, in milliseconds. 60,000 unless set. */
    reapEvery?: number | undefined
    /** `'full'` unless set: what was answered survives a power cut. `'normal'`: only the end of the process. */
    synchronous?: 'full' | 'normal' | undefined
  }

  /** Sessions in one SQLite file, which several processes may share. */
  class SqliteStore extends NativeStore {
    /** Throws a TypeError without a path, and an error if the file can't be opened. */
    constructor(options: SqliteStoreOptions | string)
  }

  /** What `RedisStore` takes: connect-redis's names where there are some. */
  interface RedisStoreOptions extends Omit<NativeStoreOptions, 'ttl'> {
    /**
     * `redis://user:password@host:6379/0`, `rediss://…` with TLS, `unix:///path`, `redis+sentinel://a:26379,b:26379/master`,
     * `redis+cluster://a:6379,b:6379`.
     */
    url: string
    /** What every key begins with. `sess:` unless set. */
    prefix?: string | undefined
    /** How long a session lives that is not used and whose cookie has no `maxAge`, in **seconds**. A day unless set. */
    ttl?: number | undefined
    /** A file with the certificates (PEM) that may vouch for the server. The system's unless set. */
    caFile?: string | undefined
    /**
     * Logins and endings wait until so many replicas have them, for so many milliseconds at most. That makes it
     * unlikely that a failover forgets them; it can't exclude it.
     */
    wait?: { replicas: number; timeout: number } | undefined
    /** Keeps what was read in this process's memory, until the server tells of a change. Off unless set. */
    nearCache?: boolean | NearCacheOptions | undefined
  }

  /** The bounds of a near cache. */
  interface NearCacheOptions {
    /** How many sessions are kept. */
    sessions?: number | undefined
    /** How many bytes of documents are kept. */
    bytes?: number | undefined
    /** Milliseconds after which nothing is taken from there, whatever the server has told. */
    staleness?: number | undefined
  }

  /** Sessions in Redis or Valkey, under the keys and in the form of connect-redis. */
  class RedisStore extends NetworkStore {
    constructor(options: RedisStoreOptions | string)
  }

  /** What `PostgresStore` takes: connect-pg-simple's names where there are some. */
  interface PostgresStoreOptions extends Omit<NativeStoreOptions, 'ttl'> {
    /** `postgres://user:password@host:5432/database?sslmode=require`. This or `conString`. */
    url?: string | undefined
    /** The same as `url`. */
    conString?: string | undefined
    /** The schema of the table. The connection's search path decides unless set. */
    schemaName?: string | undefined
    /** `session` unless set. */
    tableName?: string | undefined
    /** Makes the table, its index, and the column for owners, if they are not there. Off unless set. */
    createTableIfMissing?: boolean | undefined
    /** How long a session lives that is not used and whose cookie has no `maxAge`, in **seconds**. A day unless set. */
    ttl?: number | undefined
    /** Seconds between removals of expired sessions, about. 900 unless set; `false`: never. */
    pruneSessionInterval?: number | false | undefined
    /** How many connections there are. Each carries many calls at a time, so a few are enough. */
    connections?: number | undefined
    /** Whether the server is reached through PgBouncer in transaction mode. */
    pgbouncer?: boolean | undefined
    /** A file with the certificates (PEM) that may vouch for the server. The system's unless set. */
    caFile?: string | undefined
  }

  /** Sessions in PostgreSQL, in the table of connect-pg-simple. */
  class PostgresStore extends NetworkStore {
    constructor(options: PostgresStoreOptions | string)
  }

  /** What `MySqlStore` takes: express-mysql-session's names where there are some. */
  interface MySqlStoreOptions extends Omit<NativeStoreOptions, 'ttl'> {
    /** `mysql://user:password@host:3306/database`; or its parts: */
    url?: string | undefined
    host?: string | undefined
    port?: number | undefined
    user?: string | undefined
    password?: string | undefined
    database?: string | undefined
    /** How long a session lives that is not used and whose cookie has no `maxAge`, in milliseconds. A day unless set. */
    expiration?: number | undefined
    /** Whether expired sessions are removed. They are unless this is false. */
    clearExpired?: boolean | undefined
    /** Milliseconds between removals of expired sessions, about. 900,000 unless set. */
    checkExpirationInterval?: number | undefined
    /** Makes the table, and the column and indexes of ours, if they are not there. It does unless this is false. */
    createDatabaseTable?: boolean | undefined
    /** How many connections there are at most. */
    connectionLimit?: number | undefined
    /** What the table and its columns are called. */
    schema?:
      | {
          tableName?: string | undefined
          columnNames?: { session_id?: string | undefined; expires?: string | undefined; data?: string | undefined } | undefined
        }
      | undefined
    /** A file with the certificates (PEM) that may vouch for the server. The system's unless set. */
    caFile?: string | undefined
  }

  /** Sessions in MySQL or MariaDB, in the table of express-mysql-session. */
  class MySqlStore extends NetworkStore {
    constructor(options: MySqlStoreOptions | string)
  }

  /**
   * The middleware with safe defaults, for new applications: a `__Host-session` cookie that is Secure, HttpOnly and
   * SameSite=Lax, 30 days at most, nothing stored for visitors of whom nothing is known. `options` count for more.
   *
   * Throws a TypeError for secrets of fewer than 32 bytes and for those that stand in documentation.
   */
  function strict(options: SessionOptions): Middleware
}

/** What the stores of handstamp have. Methods return a promise when they are given no callback. */
declare abstract class NativeStore extends session.Store {
  get(sid: string, callback: (error: any, session?: session.SessionData | null) => void): void
  get(sid: string): Promise<session.SessionData | null>

  set(sid: string, session: session.SessionData, callback: (error?: any) => void): void
  set(sid: string, session: session.SessionData): Promise<void>

  destroy(sid: string, callback: (error?: any) => void): void
  destroy(sid: string): Promise<void>

  touch(sid: string, session: session.SessionData, callback: (error?: any) => void): void
  touch(sid: string, session: session.SessionData): Promise<void>

  /** All sessions by their ids. */
  all(callback: (error: any, sessions?: { [sid: string]: session.SessionData } | null) => void): void
  all(): Promise<{ [sid: string]: session.SessionData }>

  /** How many sessions there are. */
  length(callback: (error: any, length?: number) => void): void
  length(): Promise<number>

  /** Ends all sessions. */
  clear(callback: (error?: any) => void): void
  clear(): Promise<void>

  /** Lets go of the memory, of the file, or of the connections. Later calls are errors. */
  close(): void
}

/**
 * What the stores in servers have in common. Opening one waits for nothing and throws only for wrong options: the
 * connection is made meanwhile, and made again when it was lost.
 *
 * `'connect'` and `'disconnect'` events tell of it, the latter with the reason. While there is no connection, requests
 * that need their session fail with `ERR_HANDSTAMP_STORE_UNAVAILABLE`.
 */
declare abstract class NetworkStore extends NativeStore {}

/** Whether types are installed; of others TypeScript has any, which has all keys. */
type IsThere<T> = string extends keyof T ? false : true

/** Express's request if its types are installed, else Node's with what the middleware adds. */
// @ts-ignore without @types/express this is any
type ExpressRequest = import('express').Request
type ServerRequest = IsThere<ExpressRequest> extends true ? ExpressRequest : IncomingMessage & Express.Request

// Where @types/express-session is installed as well, it declares the same properties of a request, and TypeScript
// wants both declarations to agree. So there they are its types, and its `Session` and `SessionData` get what ours
// have. As the alias of express-session this package finds itself here.
// @ts-ignore without @types/express-session this is any
type Other = typeof import('express-session')
// @ts-ignore the same
type OtherStore = import('express-session').Store
// @ts-ignore the same
type OtherSession = import('express-session').Session & Partial<import('express-session').SessionData>
type HasOther = IsThere<Other> extends true ? ('strict' extends keyof Other ? false : true) : false

declare global {
  namespace Express {
    interface Request {
      /** The session. It is there behind the middleware only. */
      session: HasOther extends true ? OtherSession : session.Session & Partial<Omit<session.SessionData, 'cookie'>>

      /** The id of the session: that which the browser brought, or a new one. */
      sessionID: string

      /** The store of the middleware. `generate` gives the request a new session. */
      sessionStore: (HasOther extends true ? OtherStore : session.Store) & { generate: (req: Request) => void }
    }
  }
}

// @ts-ignore without @types/express-session there is nothing to add to
declare module 'express-session' {
  interface SessionData extends OwnData {}

  interface Session {
    regenerate(): Promise<void>
    destroy(): Promise<void>
    reload(): Promise<void>
    save(): Promise<void>
    rotate(callback: (error: any) => void): this
    rotate(): Promise<void>
    update<Key extends Exclude<keyof SessionData, 'cookie'>, Value extends SessionData[Key] | undefined>(
      key: Key,
      compute: (value: SessionData[Key] | undefined) => Value
    ): Value
  }
}

type OwnData = HasOther extends true ? Omit<session.SessionData, 'cookie'> : {}
