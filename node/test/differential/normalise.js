'use strict'

// Turns what differs between any two runs (ids, signatures, dates) into placeholders that still compare:
// the same id has the same number all through a dialogue, a signature names its secret, a date is told
// relative to the start of its request, rounded to ten seconds (so dialogues use ages in tens of seconds).

const { signerOf } = require('./signature')

const SIGNED = /s(?::|%3A)([^;,\s"]+?)\.((?:[A-Za-z0-9+/]|%2B|%2F){43})(?![A-Za-z0-9+/%])/g
const GENERATED_ID = /(?<![\w-])[\w-]{32}(?![\w-])/g
const HTTP_DATE = /[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT/g
const ISO_DATE = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g
const AGE = /("originalMaxAge":)(-?\d+(?:\.\d+)?)/g
const ENTITY_TAG = /^(W\/)?".*"$/

const TEN_SECONDS = 10_000
const FAR_AWAY = 400 * 24 * 3600 * 1000

class Normaliser {
  #ids = new Map()
  #start = Date.now()

  beginRequest() {
    this.#start = Date.now()
  }

  text(text) {
    return String(text)
      .replace(SIGNED, (_, id, mac) => this.#signed(decodeURIComponent(id), decodeURIComponent(mac)))
      .replace(GENERATED_ID, id => this.#label(id))
      .replace(HTTP_DATE, date => this.#date(date))
      .replace(ISO_DATE, date => this.#date(date))
      .replace(AGE, (_, key, age) => key + snap(Number(age)))
  }

  header(name, value) {
    if (/^etag$/i.test(name)) return value.replace(ENTITY_TAG, '$1{etag}')
    return this.text(value)
  }

  #signed(id, mac) {
    return `s%3A${this.text(id)}.{signed by ${signerOf(id, mac) ?? 'nobody'}}`
  }

  #label(id) {
    if (!this.#ids.has(id)) this.#ids.set(id, `id#${this.#ids.size + 1}`)
    return this.#ids.get(id)
  }

  #date(text) {
    const offset = new Date(text) - this.#start
    if (!(Math.abs(offset) < FAR_AWAY)) return text.replace(/\.\d{3}Z/, '.xxxZ')
    const rounded = Math.round(offset / TEN_SECONDS) * TEN_SECONDS
    return `{now${rounded < 0 ? '-' : '+'}${Math.abs(rounded)}}`
  }
}

// A fresh cookie's originalMaxAge may read 59999 for 60000 when the clock ticks between two reads, and less on a busy machine.
function snap(age) {
  if (age < -FAR_AWAY) return '{long ago}'
  const whole = Math.ceil(age / 1000) * 1000
  return whole - age < 500 ? whole : age
}

module.exports = { Normaliser }
