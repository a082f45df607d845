/**
 * Which documents are just as this process has written them. Those that others have written may say the same in
 * other words, 1.0 for 1 say, or have keys that no session can hold, and have to be looked at more closely.
 */

import type { Snapshot } from './native'

/** As many sessions as are written within a while; an id and a version take about 200 bytes. */
const MOST = 10_000

export class OwnWords {
  private readonly versions = new Map<string, string>()

  note({ id, version }: Snapshot): void {
    this.versions.set(id, version)
    if (this.versions.size > MOST) this.versions.delete(this.versions.keys().next().value!)
  }

  has({ id, version }: Snapshot): boolean {
    return this.versions.get(id) === version
  }
}
