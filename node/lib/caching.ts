/**
 * Tells caches that an answer was made with a session.
 *
 * It must not be shown to others, and the browser's back button must not show it after logout. A handler that says
 * `private` or `no-store` itself has thought of it.
 */

import type { Response } from './request'

/** `names` are the headers of the request that the answer depends on. */
export function tellCaches(res: Response, names: readonly string[]): void {
  const vary = words(res.getHeader('Vary'))
  const known = new Set(vary.map((name) => name.toLowerCase()))
  const missing = known.has('*') ? [] : names.filter((name) => !known.has(name.toLowerCase()))
  if (missing.length > 0) res.setHeader('Vary', [...vary, ...missing].join(', '))
  const says = words(res.getHeader('Cache-Control')).map((word) => word.toLowerCase())
  if (!says.includes('private') && !says.includes('no-store')) res.setHeader('Cache-Control', 'no-store')
}

function words(header: unknown): string[] {
  return String(header ?? '').split(',').map((word) => word.trim()).filter(Boolean)
}
