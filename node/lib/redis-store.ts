/** Sessions in Redis or Valkey: one server, Sentinel, Cluster. The options' names are connect-redis's. */

import { addon } from './native'
import type { NativeStoreOptions } from './native-store'
import { Given, NetworkStore } from './network-store'

export interface RedisStoreOptions extends Omit<NativeStoreOptions, 'ttl'> {
  /**
   * `redis://user:password@host:6379/0`, `rediss://…` with TLS, `unix:///path`, `redis+sentinel://a:26379,b:26379/master`,
   * `redis+cluster://a:6379,b:6379`.
   */
  url: string
  /** What every key begins with. `sess:` unless set. */
  prefix?: string
  /** Seconds that a session lives which is not used and whose cookie has no maxAge. A day unless set. */
  ttl?: number
  /** A file with the certificates (PEM) that may vouch for the server. The system's unless set. */
  caFile?: string
  /** Logins and endings wait until so many replicas have them, for so many milliseconds at most. */
  wait?: { replicas: number; timeout: number }
  /** Keeps what was read in this process's memory. Off unless set. */
  nearCache?: boolean | NearCacheOptions
}

export interface NearCacheOptions {
  /** How many sessions are kept. */
  sessions?: number
  /** How many bytes of documents are kept. */
  bytes?: number
  /** Milliseconds after which nothing is taken from there, whatever the server has told. */
  staleness?: number
}

const REASONS = {
  client: 'the store opens connections of its own; give it the url',
  disableTouch: 'a touch is written only when a twentieth of the time has gone',
  disableTTL: 'every session ends; a long ttl makes that late',
  serializer: 'documents are JSON, so that every application reads them'
}

/** Sessions in Redis, under the keys and in the form of connect-redis. */
export class RedisStore extends NetworkStore {
  constructor(options: RedisStoreOptions | string) {
    const given = new Given('RedisStore', options).refuse(REASONS)
    const { url, prefix, caFile, wait, nearCache, maxDocumentBytes } = given
      .are('string', 'url', 'prefix', 'caFile').options
    if (url === undefined) throw given.error('the url of the server is missing: new RedisStore({ url: "redis://127.0.0.1:6379" })')
    super(
      (tell) => addon.openRedis({ url, prefix, caFile, maxDocumentBytes, ...waiting(wait), ...caching(nearCache) }, tell),
      { ttl: given.time('ttl', 'seconds'), maxDocumentBytes }
    )
  }
}

function waiting(wait: RedisStoreOptions['wait']) {
  if (wait === undefined) return undefined
  const given = new Given<typeof wait>('RedisStore: wait', wait).are('number', 'replicas', 'timeout')
  const { replicas, timeout } = given.options
  if (replicas === undefined || timeout === undefined) throw given.error('it needs both, replicas and timeout')
  return { waitReplicas: replicas, waitTimeout: timeout }
}

function caching(nearCache: RedisStoreOptions['nearCache']) {
  if (!nearCache) return undefined
  const given = new Given<NearCacheOptions>('RedisStore: nearCache', nearCache === true ? {} : nearCache)
  const { sessions, bytes, staleness } = given.are('number', 'sessions', 'bytes', 'staleness').options
  return { nearCache: true, nearSessions: sessions, nearBytes: bytes, nearStaleness: staleness }
}
