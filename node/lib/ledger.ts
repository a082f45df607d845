/** What is known of a request's session: what it was at first, and what of it is in the store by now. */

import { attributes } from './cookie'
import type { Cookie } from './cookie'
import type { Request } from './request'
import { Session, dataText } from './session'

export class Ledger {
  /** The store holds the session. */
  isStored = false
  /** The application has changed the cookie's attributes, and the store does not have them yet. */
  cookieUnsaved = false
  /** The data as they were last saved, and under which id. */
  saved: { id: string; data: string } | undefined

  /** The session as it was at first: its id, its data as JSON, its cookie's attributes. */
  private id: string | undefined
  private data = '{}'
  private attributes: unknown[] | undefined
  /** Whether that JSON is as we write it. */
  private hasOwnWords = true

  /** Notes a session that begins now. What was there at first stays what it was. */
  begin(id: string, cookie: Cookie): void {
    this.isStored = false
    if (this.id !== undefined) return
    this.id = id
    this.data = '{}'
    this.attributes = attributes(cookie)
  }

  /** Notes that a session was found. The result tells, when it is first looked at, what it holds. */
  find(id: string): (session: Session, data: string, hasOwnWords: boolean, needsNoSave: boolean) => void {
    const isReloaded = this.id !== undefined
    this.id ??= id
    this.isStored = true
    this.cookieUnsaved = false
    return (session, data, hasOwnWords, needsNoSave) => {
      this.attributes = attributes(session.cookie)
      if (isReloaded) return
      this.data = data
      this.hasOwnWords = hasOwnWords
      if (needsNoSave) this.saved = { id, data }
    }
  }

  /** Notes what is in the store now; the result takes that back. */
  settle(session: Session, data = dataText(session)): () => void {
    const { saved, attributes: before, isStored } = this
    const noted = { id: session.id, data }
    this.attributes = attributes(session.cookie)
    this.isStored = true
    this.saved = noted
    return () => {
      if (this.saved === noted) Object.assign(this, { saved, attributes: before, isStored })
    }
  }

  /** Notes that these data are in the store, under this id. */
  note(id: string, data: string): void {
    this.isStored = true
    this.saved = { id, data }
  }

  /** Forgets everything: another session begins. */
  clear(): void {
    this.id = undefined
    this.saved = undefined
  }

  get isEmpty(): boolean {
    return this.id === undefined
  }

  isFirst(id: string): boolean {
    return this.id === id
  }

  /** Whether the application has changed the cookie's attributes. */
  isCookieChanged(cookie: Cookie): boolean {
    return this.attributes !== undefined && differ(this.attributes, attributes(cookie))
  }

  /** Whether the data are no longer what they were. Other writers put the same in other words, 1.0 for 1 say. */
  isDataChanged(data: string): boolean {
    if (data === this.data) return false
    if (this.hasOwnWords) return true
    this.hasOwnWords = true
    const before = inOwnWords(this.data)
    if (this.saved?.data === this.data) this.saved.data = before
    this.data = before
    return data !== before
  }
}

function differ(one: unknown[], other: unknown[]): boolean {
  return one.some((value, at) => !Object.is(value, other[at]))
}

/** A document's data as a session with these data has them. */
function inOwnWords(data: string): string {
  return dataText(new Session({} as Request, JSON.parse(data)))
}
