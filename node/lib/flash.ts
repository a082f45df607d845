/** Messages for a later page, where connect-flash keeps them: lists by kind under the key `flash`. */

import { Session } from './session'

type Messages = Record<string, unknown[]>

/** Leaves a message, which waits until it is taken. */
export function leave(session: Session, kind: string, message: unknown): void {
  update(session, (before = {}) => ({ ...before, [kind]: [...of(before, kind), message] }))
}

/** Takes all messages of a kind. */
export function take(session: Session, kind: string): unknown[] {
  const messages = of(session.flash, kind)
  if (messages.length > 0) update(session, (before) => without(before, kind))
  return messages
}

/** By the prototype's method: an application may have data of its name. */
function update(session: Session, compute: (before?: Messages) => Messages | undefined): void {
  Session.prototype.update.call(session, 'flash', compute)
}

function of(messages: Messages | undefined, kind: string): unknown[] {
  return messages && Object.hasOwn(messages, kind) ? messages[kind]! : []
}

function without(messages: Messages | undefined, kind: string): Messages | undefined {
  const others = Object.entries(messages ?? {}).filter(([name]) => name !== kind)
  return others.length > 0 ? Object.fromEntries(others) : undefined
}
