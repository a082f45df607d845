'use strict'

/** Numbers, amounts, times and browsers, as people read them. */

const { html } = require('./html')

/** `1 item`, `2 items`. */
function counted(number, one, more) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : more}`
}

/** An amount of cents: `€6.50`. */
function price(cents) {
  return `€${(cents / 100).toFixed(2)}`
}

const UNITS = [
  [24 * 60 * 60, 'day'],
  [60 * 60, 'hour'],
  [60, 'minute']
]

/** How long ago a moment was, roughly, and when exactly. */
function when(date) {
  if (!date) return 'unknown'
  const short = date.toLocaleString('en-GB', { timeZone: 'UTC', dateStyle: 'medium', timeStyle: 'short' })
  return html`${ago(Date.now() - date)}<span class="fine"><time datetime="${date.toISOString()}">${short} UTC</time></span>`
}

function ago(millis) {
  const seconds = millis / 1000
  const unit = UNITS.find(([length]) => seconds >= length)
  return unit ? `${counted(Math.floor(seconds / unit[0]), unit[1], `${unit[1]}s`)} ago` : 'just now'
}

/** Browsers by what only they say, those first that also say another one's name. */
const BROWSERS = {
  Edg: 'Edge', 'OPR/': 'Opera', 'Vivaldi/': 'Vivaldi', 'SamsungBrowser/': 'Samsung Internet', 'Firefox/': 'Firefox',
  'FxiOS/': 'Firefox', 'CriOS/': 'Chrome', 'Chromium/': 'Chromium', 'Chrome/': 'Chrome', 'Safari/': 'Safari', 'curl/': 'curl'
}

const SYSTEMS = {
  iPhone: 'iPhone', iPad: 'iPad', Android: 'Android', CrOS: 'ChromeOS', Windows: 'Windows', Macintosh: 'Mac',
  FreeBSD: 'FreeBSD', Linux: 'Linux'
}

/** What a User-Agent header says, roughly: «Chrome on Linux». */
function browser(agent) {
  const named = (names) => Object.entries(names).find(([sign]) => agent.includes(sign))?.[1]
  const [name, system] = [named(BROWSERS), named(SYSTEMS)]
  if (!system) return name ?? 'An unknown browser'
  return `${name ?? 'A browser'} on ${system}`
}

module.exports = { browser, counted, price, when }
