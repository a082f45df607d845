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
  touch(from: string): MaybePromise<number | null>
}

export function engineOf(Raw: new (store: NativeHandle, options: EngineOptions) => RawEngine): new (store: NativeHandle, options: EngineOptions) => Engine {
  return class implements Engine {
    private readonly raw: RawEngine

    constructor(store: NativeHandle, options: EngineOptions) {
      this.raw = new Raw(store, options)
    }

    load(id: string): MaybePromise<Snapshot | Retired | null> {
      return chain(this.raw.load(id), (text) => (text === null ? null : read(text, '{}')))
    }

    create(id: string, { data, cookie, ...changes }: Changes): MaybePromise<Saved> {
      return chain(this.raw.create(id, data, cookie, unlessEmpty(changes)), (text) => saved(text, data))
    }

    commit(from: Snapshot | Retired, { data, cookie, ...changes }: Changes): MaybePromise<Saved> {
      return chain(this.raw.commit(write(from), data, cookie, unlessEmpty(changes)), (text) => saved(text, data))
    }

    touch(from: Snapshot): MaybePromise<number | null> {
      return this.raw.touch(write(from))
    }

    get isImmediate(): boolean {
      return this.raw.isImmediate
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
  const [version, remaining, due, owner, cookie, data, facts, ...id] = text.split('\0') as [string, string, ...string[]]
  if (version === 'retired') return { retired: true, id: text.slice('retired\0'.length) }
  return {
    id: id.length === 1 ? id[0]! : id.join('\0'),
    version,
    remaining: Number(remaining),
    due: due === '1' || due === '3',
    credentialDue: due === '2' || due === '3',
    owner: owner === 'null' ? null : (JSON.parse(owner!) as string),
    cookie: cookie!,
    data: data || sent,
    facts: facts!
  }
}

function write(from: Snapshot | Retired): string {
  if (from.retired) return `retired\0${from.id}`
  return `${from.version}\0${from.remaining}\0\0\0${from.cookie}\0${from.data}\0${from.facts}\0${from.id}`
}

function unlessEmpty(changes: Changes): Changes | undefined {
  for (const _ in changes) return changes
  return undefined
}
