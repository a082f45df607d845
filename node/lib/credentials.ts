/** Where a request's session ids come from: the Cookie header, or what cookie-parser has made of it, or other headers. */

import debug from './debug'
import deprecate from './deprecate'
import type { Keyring } from './native'
import type { Request } from './request'
import type { Transport } from './transport'

export interface Credentials {
  /** The ids whose signatures are good, in their order. */
  ids: string[]
  /** Those of them that an older secret has signed. */
  old: ReadonlySet<string>
  /** By which way each came, if there are several. */
  ways?: ReadonlyMap<string, Transport>
  /** The way by which something came that was meant for us, if there are several. */
  way?: Transport
}

const NONE: ReadonlySet<string> = new Set()
const NOBODY: Credentials = { ids: [], old: NONE }

export function credentials(req: Request, transports: readonly Transport[], name: string, keyring: Keyring): Credentials {
  if (transports.length === 1) return ofOne(req, transports[0]!, name, keyring)
  const ways = new Map<string, Transport>()
  const old = new Set<string>()
  for (const way of transports) {
    const found = ofOne(req, way, name, keyring)
    for (const id of found.ids.filter((id) => !ways.has(id))) {
      ways.set(id, way)
      if (found.old.has(id)) old.add(id)
    }
  }
  const [way = transports.find((way) => isMeantForUs(req, way, name))] = ways.values()
  return { ids: [...ways.keys()], old, ways, way }
}

function ofOne(req: Request, way: Transport, name: string, keyring: Keyring): Credentials {
  if (way.isCookie) return ofCookies(req, name, keyring)
  const token = way.token(req)
  return sorted(token ? keyring.unsign(`t=${encodeURIComponent(token)}`, 't') : [])
}

/** Other headers carry other applications' tokens, too. */
function isMeantForUs(req: Request, way: Transport, name: string): boolean {
  if (way.isCookie) return req.headers?.cookie?.split(';').some((pair) => pair.trim().startsWith(`${name}=`)) ?? false
  return way.token(req)?.startsWith('s:') ?? false
}

function ofCookies(req: Request, name: string, keyring: Keyring): Credentials {
  const header = req.headers?.cookie
  const found = header ? recent.get(keyring, header, name) : NOBODY
  if (found.ids.length > 0) return found
  const id = parsed(req, name, keyring)
  return { ids: id === undefined ? [] : [id], old: NONE }
}

/**
 * Headers that were found good lately: a visitor's every request brings the same one, and the way to the engine costs
 * more than all else that a read does. Only good ones are kept, so nothing is learnt here about bad ones.
 */
class Recent {
  private static readonly MOST = 4096
  private static readonly LONGEST = 1024
  private readonly known = new WeakMap<Keyring, Map<string, Map<string, Credentials>>>()

  get(keyring: Keyring, header: string, name: string): Credentials {
    const known = this.of(keyring, name)
    const before = known.get(header)
    if (before) return before
    const found = sorted(keyring.unsign(header, name))
    if (found.ids.length === 0 || header.length > Recent.LONGEST) return found
    if (known.size >= Recent.MOST) known.delete(known.keys().next().value!)
    known.set(header, found)
    return found
  }

  private of(keyring: Keyring, name: string): Map<string, Credentials> {
    return this.known.get(keyring)?.get(name) ?? this.add(keyring, name)
  }

  private add(keyring: Keyring, name: string): Map<string, Credentials> {
    const known = this.known.get(keyring) ?? new Map<string, Map<string, Credentials>>()
    const headers = new Map<string, Credentials>()
    this.known.set(keyring, known.set(name, headers))
    return headers
  }
}

const recent = new Recent()

/** An empty element says that an older secret signed the next one. */
function sorted(found: string[]): Credentials {
  if (!found.includes('')) return { ids: found, old: NONE }
  const ids = found.filter((id) => id !== '')
  return { ids: [...new Set(ids)], old: new Set(found.filter((id, at) => id !== '' && found[at - 1] === '')) }
}

/** cookie-parser's; the Cookie header may have been taken away since. */
function parsed(req: Request, name: string, keyring: Keyring): string | undefined {
  const signed = req.signedCookies?.[name]
  if (signed) {
    deprecate('cookie should be available in req.headers.cookie')
    return signed as string
  }
  const plain = req.cookies?.[name]
  if (typeof plain !== 'string') return undefined
  if (!plain.startsWith('s:')) {
    debug('cookie unsigned')
    return undefined
  }
  const [id] = keyring.unsign(`${name}=${encodeURIComponent(plain)}`, name).filter((id) => id !== '')
  if (id === undefined) debug('cookie signature invalid')
  else deprecate('cookie should be available in req.headers.cookie')
  return id
}
