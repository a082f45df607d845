/**
 * The addon's answers: at once, or later. One function takes all that are late; a promise that is made in the addon
 * costs several times as much as one that is made here.
 */

import { setInterval } from 'node:timers'

/** A late answer: the ticket of the call, code and message if it has failed, and the value if not. */
export interface LateAnswer {
  ticket: number
  failure?: [code: string, message: string]
  value?: unknown
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

const waiting = new Map<number, Waiting>()
let last = 0

/** What a timer can wait. */
const LONGEST = 2 ** 31 - 1

/** A process does not end while something is awaited. It is made here, where there is no request to be remembered with it. */
const anchor = setInterval(() => {}, LONGEST).unref()

/** A ticket for the next call. */
export function ticket(): number {
  return (last = (last + 1) % 2 ** 32)
}

/** A promise of the answer that comes later. */
export function lateAnswer<T>(ticket: number): Promise<T> {
  if (waiting.size === 0) anchor.ref()
  return new Promise<T>((resolve, reject) => waiting.set(ticket, { resolve: resolve as (value: unknown) => void, reject }))
}

export function tellAnswers(answers: LateAnswer[]): void {
  for (const { ticket, failure, value } of answers) {
    const call = waiting.get(ticket)
    waiting.delete(ticket)
    if (failure) call?.reject(Object.assign(new Error(failure[1]), { code: failure[0] }))
    else call?.resolve(value)
  }
  if (waiting.size === 0) anchor.unref()
}
