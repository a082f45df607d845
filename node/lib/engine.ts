/**
 * The addon's engine, which takes and gives a session as one text: its parts between NULs. An object costs several
 * times as much to carry across the border.
 */

import type { Changes, Engine, EngineOptions, MaybePromise, NativeHandle, Retired, Saved, Snapshot, UserSessionRecord } from './native'

/** What the addon exports: the same, but for how sessions look. */
export interface RawEngine extends Omit<Engine, 'load' | 'create' | 'commit' | 'touch'> {
  load(id: string): MaybePromise<string | null>
  create(id: string, data?: string, cookie?: string, changes?: Changes): MaybePromise<string>
  commit(from: string, data?: string, cookie?: string, changes?: Changes): MaybePromise<string>
  amend(id: string, version: string, steps?: string, cookie?: string, changes?: Changes): MaybePromise<string>
  touch(from: string): MaybePromise<number | null>
}

export function engineOf(Raw: new (store: NativeHandle, options: EngineOptions) => RawEngine): new (store: NativeHandle, options: EngineOptions) => Engine {
  return class implements Engine {
    readonly isImmediate: boolean
    private readonly raw: RawEngine

    constructor(store: NativeHandle, options: EngineOptions) {
      this.raw = new Raw(store, options)
      this.isImmediate = this.raw.isImmediate
    }

    load(id: string): MaybePromise<Snapshot | Retired | null> {
      return chain(this.raw.load(id), (text) => (text === null ? null : read(text, '{}')))
    }

    create(id: string, changes: Changes): MaybePromise<Saved> {
      const { data, cookie } = changes
      return chain(this.raw.create(id, data, cookie, further(changes)), (text) => saved(text, data))
    }

    commit(from: Snapshot | Retired, changes: Changes): MaybePromise<Saved> {
      const { data, steps, cookie } = changes
      // What stands in memory need not be carried there.
      const text =
        this.isImmediate && steps !== undefined && !from.retired
          ? this.raw.amend(from.id, from.version, steps || undefined, cookie, further(changes))
          : this.raw.commit(write(from), data, cookie, further(changes))
      return chain(text, (text) => saved(text, data))
    }

    touch(from: Snapshot): MaybePromise<number | null> {
      return this.raw.touch(write(from))
    }

    visit(id: string): MaybePromise<void> {
      return this.raw.visit(id)
    }

    destroy(id: string): MaybePromise<boolean> {
      return this.raw.destroy(id)
    }

    forUser(user: string): MaybePromise<UserSessionRecord[]> {
      return this.raw.forUser(user)
    }

    revoke(user: string, fingerprint: string): MaybePromise<boolean> {
      return this.raw.revoke(user, fingerprint)
    }

    revokeAll(user: string, except: string | null): MaybePromise<number> {
      return this.raw.revokeAll(user, except)
    }

    all(): MaybePromise<string[]> {
      return this.raw.all()
    }

    total(): MaybePromise<number> {
      return this.raw.total()
    }

    clear(): MaybePromise<number> {
      return this.raw.clear()
    }
  }
}

/** Goes on with an answer, at once if it is there. */
export function chain<T, U>(answer: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}

function saved(text: string, sent: string | undefined): Saved {
  return text === 'ended' || text === 'added' ? text : (read(text, sent ?? '{}') as Snapshot)
}

/** Data that are just what was sent are left out. */
function read(text: string, sent: string): Snapshot | Retired {
  const parts = text.split('\0')
  // By their places: this is done with every request, and a pattern takes several times as long.
  const version = parts[0]!
  const due = parts[2]!
  const owner = parts[3]!
  if (version === 'retired') return { retired: true, id: text.slice('retired\0'.length) }
  return {
    id: parts.length === 10 ? parts[9]! : parts.slice(9).join('\0'),
    version,
    remaining: Number(parts[1]),
    due: due === '1' || due === '3',
    credentialDue: due === '2' || due === '3',
    owner: owner === 'null' ? null : (JSON.parse(owner) as string),
    cookie: parts[4]!,
    data: parts[5] || sent,
    facts: parts[6]!,
    names: parts[7]!,
    lengths: parts[8]!
  }
}

function write(from: Snapshot | Retired): string {
  if (from.retired) return `retired\0${from.id}`
  return `${from.version}\0${from.remaining}\0\0\0${from.cookie}\0${from.data}\0${from.facts}\0${from.id}`
}

/** What is seldom to be done. Nothing costs nothing. */
function further({ computed, sent, intent, nextId, owner, device }: Changes): Changes | undefined {
  const isUsual = !computed && !sent && !intent && !nextId && !owner && !device
  return isUsual ? undefined : { computed, sent, intent, nextId, owner, device }
}
