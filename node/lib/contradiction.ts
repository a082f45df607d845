/** What browsers would refuse of a cookie, or take for something else than was meant. */

/** The problem with these attributes under this name, if there is one. */
export function contradiction(name: string, cookie: Record<string, unknown>): string | undefined {
  const { domain, path, httpOnly, sameSite, partitioned } = cookie
  // On a plain connection 'auto' is not Secure.
  const secure = cookie.secure === true
  const says = name.toLowerCase()
  if (says.startsWith('__host-') && !(secure && !domain && (path === undefined || path === '/'))) {
    return `a cookie named __Host-… must be Secure, have the path / and no domain; ${ELSEWHERE}`
  }
  if (says.startsWith('__host-http-') && httpOnly === false) return 'a cookie named __Host-Http-… must be HttpOnly'
  if (says.startsWith('__http-') && !(secure && httpOnly !== false)) return 'a cookie named __Http-… must be Secure and HttpOnly'
  if (says.startsWith('__secure-') && !secure) return `a cookie named __Secure-… must be Secure; ${ELSEWHERE}`
  if (String(sameSite).toLowerCase() === 'none' && !secure) return 'SameSite=None needs Secure'
  if (partitioned && !secure) return 'Partitioned needs Secure'
  return undefined
}

const ELSEWHERE =
  "for a domain or a path give it a name like __Secure-session, for plain HTTP on your own machine one without prefix: strict({ name: 'dev', cookie: { secure: false } })"
