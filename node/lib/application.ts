/** What one call of `session()` sets up, and all requests have in common. */

import { CallbackKeeper } from './callback-keeper'
import { credentials } from './credentials'
import type { Credentials } from './credentials'
import { EngineKeeper } from './engine-keeper'
import { exchangeOf } from './exchange'
import type { Keeper } from './keeper'
import { addon } from './native'
import type { Engine, Keyring } from './native'
import { NativeStore } from './native-store'
import { NetworkStore } from './network-store'
import { duration, settings } from './options'
import type { SessionOptions, Settings } from './options'
import type { Request } from './request'
import { newSession } from './session'
import type { Store } from './store'

export class Application {
  readonly options: Settings
  isStoreReady = true

  private readonly callbacks: CallbackKeeper
  private readonly engineKeeper: EngineKeeper | undefined
  /** The engine over the store, if it is one of ours. */
  readonly engine: Engine | undefined
  private keys: { secrets: unknown[]; keyring: Keyring } | undefined
  private hasWarned = false

  constructor(options: SessionOptions, readonly store: Store, strict: boolean) {
    this.options = settings(options, strict)
    const { storeDeadline } = this.options
    this.callbacks = new CallbackKeeper(store, storeDeadline)
    if (store instanceof NativeStore) {
      this.engine = store.engine({
        storeDeadline,
        absoluteTimeout: duration('absoluteTimeout', options.absoluteTimeout),
        rotationGrace: duration('rotationGrace', options.rotationGrace, 0),
        maxSessionsPerUser: options.maxSessionsPerUser
      })
      this.engineKeeper = new EngineKeeper(this.engine)
    } else if (options.absoluteTimeout !== undefined) {
      warnOfNoLimit()
    }
    // Applications and stores call it; which request it is about tells whose options count. What was there before
    // is for requests of another library over the same store.
    const { generate } = store
    store.generate = (req) => {
      const exchange = exchangeOf(req)
      if (exchange) return exchange.generate()
      return generate ? generate.call(store, req) : this.generateOutside(req)
    }
    // One of ours fails while its server is away, which is better than to forget the visitor.
    if (!(store instanceof NetworkStore)) this.follow(store)
  }

  /** As express-session does: while a store says that it is away, requests have no session. */
  private follow(store: Store): void {
    store.on('disconnect', () => {
      this.isStoreReady = false
    })
    store.on('connect', () => {
      this.isStoreReady = true
    })
  }

  /** A new session for what is no request of ours: a socket server's, a test's. */
  private generateOutside(req: Request): void {
    const { cookie, genid, proxy } = this.options
    req.sessionID = genid(req) as string
    req.session = newSession(req, cookie(req), proxy)
  }

  /** The way to the store. One of ours whose methods an application has replaced is like any other. */
  keeper(): Keeper {
    return this.usesEngine() ? this.engineKeeper! : this.callbacks
  }

  usesEngine(): boolean {
    return this.engineKeeper !== undefined && !(this.store as NativeStore).isPatched()
  }

  /** The keyring of the secrets as they are now: the application may change its array at any time. */
  keyring(req: Request): Keyring | undefined {
    const secrets = this.options.secrets ?? (req.secret ? [req.secret] : undefined)
    if (!secrets) return undefined
    const known = this.keys
    if (known && known.secrets.length === secrets.length && secrets.every((secret, at) => secret === known.secrets[at])) {
      return known.keyring
    }
    const keyring = new addon.Keyring(secrets.map(bytes))
    this.keys = { secrets: [...secrets], keyring }
    return keyring
  }

  credentials(req: Request, keyring: Keyring): Credentials {
    return credentials(req, this.options.transports, this.options.name, keyring)
  }

  /** The value of the cookie for this id. */
  sign(req: Request, id: string): string {
    return this.keyring(req)!.sign(id)
  }

  /** What may be shown of an id. */
  show(id: string): string {
    return typeof id === 'string' ? `#${addon.fingerprint(id)}` : '#?'
  }

  /** Says once why no cookie goes out: the most frequent riddle behind a proxy. */
  warnInsecure(req: Request): void {
    if (this.hasWarned) return
    this.hasWarned = true
    const forwarded = req.headers['x-forwarded-proto'] === 'https'
    const advice = forwarded
      ? "the request's X-Forwarded-Proto says https: set `app.set('trust proxy', 1)` in Express or the option `proxy: true`"
      : "use HTTPS, or `cookie: { secure: 'auto' }` for plain HTTP on your own machine"
    process.emitWarning(`the session cookie is Secure but the connection is not, so it is not sent; ${advice}`, {
      code: 'HANDSTAMP_INSECURE'
    })
  }
}

function warnOfNoLimit(): void {
  process.emitWarning(
    'absoluteTimeout, which the strict profile has, needs a store of handstamp: in this one sessions live as long as they are used',
    { code: 'HANDSTAMP_ABSOLUTE_TIMEOUT' }
  )
}

function bytes(secret: unknown): Uint8Array {
  if (typeof secret === 'string') return Buffer.from(secret)
  if (ArrayBuffer.isView(secret)) return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
  const exported = (secret as { export?: () => unknown } | null)?.export
  if (typeof exported === 'function') return exported.call(secret) as Buffer
  throw new TypeError('secret option must be a string, a Buffer or a KeyObject, or an array of them')
}
