/**
 * What has to be done at a response's end: express-session's rules, decided here and nowhere else, from facts
 * alone. (Its README calls the options `resave`, `rolling`, `saveUninitialized` and `unset`.) The strict profile has a
 * rule of its own for when a cookie slides; its other rules are in what counts as a fact.
 */

/** What there is to decide from. */
export interface Situation {
  /** The request has a session. */
  present: boolean
  /** The session's id is a string and not empty, as it has to be. */
  named: boolean
  /** The browser presented this very id. */
  presented: boolean
  /** The data, the id or the cookie's attributes are no longer what they were at the beginning. */
  modified: boolean
  /** Just this is in the store already: it was read there and need not be saved again, or has been saved. */
  saved: boolean
  /** This request has saved the session before, or `resave` is off and it was read. */
  everSaved: boolean
  /** The cookie's attributes have been changed. */
  cookieModified: boolean
  /** The browser keeps the cookie when it closes. */
  persistent: boolean
  /** The credential is by an old secret, or its id has been rotated: the browser needs the new one. */
  stale: boolean
  rolling: boolean
  saveUninitialized: boolean
  /** The option `unset` is 'destroy'. */
  destroyOnUnset: boolean
  /** A twentieth of the session's idle time has passed, or the application asked for a touch. */
  due: boolean
  /** In the strict profile a cookie slides when that is due, and not whenever something changed. */
  strict: boolean
}

export interface Plan {
  store: 'destroy' | 'none' | 'save' | 'touch'
  sendCookie: boolean
}

export function plan(now: Situation): Plan {
  if (!now.present) return { store: now.destroyOnUnset ? 'destroy' : 'none', sendCookie: false }
  // What is no id (a broken `genid`) can be neither stored nor sent.
  if (!now.named) return { store: 'none', sendCookie: false }
  return { store: shouldSave(now) ? 'save' : now.presented ? 'touch' : 'none', sendCookie: shouldSend(now) }
}

function shouldSave(now: Situation): boolean {
  const uninitialized = !now.saveUninitialized && !now.everSaved && !now.presented
  return uninitialized ? now.modified : !now.saved
}

function shouldSend(now: Situation): boolean {
  if (now.stale) return true
  if (!now.presented) return now.saveUninitialized || now.modified
  return now.rolling || now.cookieModified || (now.persistent && (now.strict ? now.due : now.modified))
}
