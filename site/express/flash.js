'use strict'

/**
 * Messages for the page that is shown next, in connect-flash's form: `flash: { info: ['Saved.'] }`.
 *
 * By `session.update`, so that parallel requests lose none; and nothing is stored for who has no messages.
 */

function add(session, kind, message) {
  session.update('flash', (all) => ({ ...all, [kind]: [...(all?.[kind] ?? []), message] }))
}

/** Takes out the messages of a kind, and no others that come meanwhile. */
function take(session, kind) {
  const shown = session.flash?.[kind] ?? []
  if (shown.length > 0) session.update('flash', (all) => without(all, kind, shown))
  return shown
}

function without(all, kind, shown) {
  const left = [...(all?.[kind] ?? [])]
  for (const message of shown) {
    const at = left.indexOf(message)
    if (at >= 0) left.splice(at, 1)
  }
  const { [kind]: _, ...others } = all ?? {}
  const rest = left.length > 0 ? { ...others, [kind]: left } : others
  return Object.keys(rest).length > 0 ? rest : undefined
}

module.exports = { add, take }
