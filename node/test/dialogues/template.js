'use strict'

// The placeholders of the dialogues: `{cookie}`, `{anna.token}`, `{signature:flipped}`, `{date+60}`.

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

const FILTERS = {
  '': (value) => value,
  flipped: (value) => (value.startsWith('A') ? 'B' : 'A') + value.slice(1),
  lowercase: (value) => value.replaceAll('%3A', '%3a').replaceAll('%2B', '%2b').replaceAll('%2F', '%2f'),
  // Of the six bits of the 43rd character the last two are of no use, so a lenient decoder takes the next character
  // for the same bytes.
  respelled: (value) => value.slice(0, -1) + BASE64[BASE64.indexOf(value.at(-1)) + 1]
}

/** Fills in a text. `credentialOf` finds a browser's credential; without a name, that of the one whose turn it is. */
function fill(template, credentialOf) {
  const text = template.replace(/\{([^{}]*)\}/g, (_, name) => date(name) ?? field(name, credentialOf))
  if (/[{}]/.test(text)) throw new Error(`a placeholder of ${template} has no end`)
  return text
}

function date(name) {
  const [, seconds] = /^date(?:\+(\d+))?$/.exec(name) ?? []
  return name.startsWith('date') ? new Date(Date.now() + Number(seconds ?? 0) * 1000).toUTCString() : undefined
}

function field(name, credentialOf) {
  const [, browser, part, filter = ''] = /^(?:(\w+)\.)?(cookie|id|signature|token)(?::(\w+))?$/.exec(name) ?? []
  if (!part || !Object.hasOwn(FILTERS, filter)) throw new Error(`there is no placeholder {${name}}`)
  const credential = credentialOf(browser)
  if (!credential) throw new Error(`{${name}} asks for a credential, but there was none yet`)
  return FILTERS[filter](credential[part])
}

module.exports = { fill }
