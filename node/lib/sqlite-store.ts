/** Sessions in a file. */

import { addon } from './native'
import { NativeStore } from './native-store'
import type { NativeStoreOptions } from './native-store'

export interface SqliteStoreOptions extends NativeStoreOptions {
  /** The file. It is made if it is not there. */
  path: string
  /** How long to wait for another process that writes. 4,000 unless set. */
  busyTimeout?: number
  /** Threads that read. 2 unless set. */
  readers?: number
  /** How often expired sessions are removed. 60,000 unless set. */
  reapEvery?: number
  /** 'full' (the default): what was answered survives the loss of power; 'normal': the end of the process. */
  synchronous?: 'full' | 'normal'
}

/** Sessions in one SQLite file, which several processes may share. */
export class SqliteStore extends NativeStore {
  constructor(options: SqliteStoreOptions | string) {
    const given = typeof options === 'string' ? { path: options } : options
    if (typeof given?.path !== 'string') throw new TypeError('SqliteStore needs the path of its file: new SqliteStore({ path: "sessions.db" })')
    const { path, busyTimeout, readers, reapEvery, synchronous, maxDocumentBytes } = given
    super(addon.openSqlite({ path, busyTimeout, readers, reapEvery, synchronous, maxDocumentBytes }), given)
  }
}
