'use strict'

/** HTML as tagged templates: what is put in is escaped, unless it is HTML already. */

class Html {
  constructor(text) {
    this.text = text
  }

  toString() {
    return this.text
  }
}

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function html(strings, ...values) {
  return new Html(String.raw({ raw: strings }, ...values.map(markup)))
}

/** HTML from a file of our own, as it is. */
function raw(text) {
  return new Html(text)
}

function markup(value) {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(markup).join('')
  if (value === undefined || value === null || value === false) return ''
  return String(value).replace(/[&<>"']/g, (sign) => ESCAPES[sign])
}

module.exports = { html, raw }
