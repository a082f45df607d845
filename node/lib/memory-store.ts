/** Sessions in the memory of the process. */

import { addon } from './native'
import { NativeStore } from './native-store'
import type { NativeStoreOptions } from './native-store'

export interface MemoryStoreOptions extends NativeStoreOptions {
  /** Threads of this process that give the same name share the sessions. */
  shared?: string
  /** 1,000,000 unless set; one more ends the session that expires soonest. */
  maxSessions?: number
  /** Of all documents together; 256 MiB unless set. */
  maxBytes?: number
}

/** Sessions in this process's memory: bounded, expiring, and gone when it ends. */
export class MemoryStore extends NativeStore {
  constructor(options: MemoryStoreOptions = {}) {
    const { shared, maxSessions, maxBytes } = options
    super(addon.openMemory({ shared, maxSessions, maxBytes }), options)
  }
}
