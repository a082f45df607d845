/** Where a request's session ids come from: the Cookie header, or what cookie-parser has made of it. */

import debug from './debug'
import deprecate from './deprecate'
import type { Keyring } from './native'
import type { Request } from './request'

export interface Credentials {
  /** The ids whose signatures are good, in their order. */
  ids: string[]
  /** Those of them that an older secret has signed. */
  old: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()

export function credentials(req: Request, name: string, keyring: Keyring): Credentials {
  const header = req.headers?.cookie
  const found = header ? keyring.unsign(header, name) : []
  if (found.length > 0) return sorted(found)
  const id = parsed(req, name, keyring)
  return { ids: id === undefined ? [] : [id], old: NONE }
}

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
