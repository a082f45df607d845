'use strict'

/** What stands around every page: the strip of the two halves, navigation, messages, foot. */

const cart = require('./cart')
const csrf = require('./csrf')
const flash = require('./flash')
const { html } = require('./html')
const { counted } = require('./text')

/** A page of a visitor, with the messages that wait for her: it has to be shown. */
async function page(res, title, content) {
  const { req } = res
  const { session } = req
  const errors = flash.take(session, 'error')
  const infos = flash.take(session, 'info')
  const account = req.user
    ? html`<span class="user"><span class="visually-hidden">Signed in as </span>${req.user}</span>
        <form method="post" action="/sign-out">${await csrf.field(session)}<button class="quiet">Sign out</button></form>`
    : html`<a class="button quiet" href="${res.app.locals.axum}/sign-in">Sign in</a>`
  const messages = html`
    ${req.isStranded && STRANDED}
    ${errors.map((error) => html`<p class="message error" role="alert">${error}</p>`)}
    ${infos.map((info) => html`<p class="message info" role="status">${info}</p>`)}`
  const head = html`${navigation(res, cart.items(session.cart))}<div class="account">${account}</div>`
  send(res, title, head, html`${messages}${content}`)
}

/** A page that knows nothing of its visitor: for errors, where the session may be what failed. */
function bare(res, title, content) {
  send(res, title, navigation(res, 0), content)
}

const STRANDED = html`<p class="message" role="status">Your browser’s stamp was not accepted: its session has ended,
  was signed out from elsewhere, or the stamp was altered. You are a new visitor.</p>`

function send(res, title, head, content) {
  const { axum } = res.app.locals
  const path = PAGES.some(([path]) => path === res.req.path) ? res.req.path : '/'
  res.send(String(html`<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title} · handstamp in Express</title>
    <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/assets/site.css">
  </head>
  <body>
    <a class="skip" href="#content">Skip to the content</a>
    <header>
      <p class="halves"><span>Served by</span> <a href="${axum}${path}"><span class="visually-hidden">Go on with </span>axum, in Rust</a>
        <strong>Express, in JavaScript</strong></p>
      <div class="bar">${BRAND}${head}</div>
    </header>
    <main id="content" tabindex="-1">${content}</main>
    <footer>
      <p>A demo of handstamp: server-side sessions, one Rust engine. No script runs on these pages.</p>
    </footer>
  </body>
</html>`))
}

const BRAND = html`<a class="brand" href="/">
  <svg viewBox="0 0 32 32" aria-hidden="true">
    <circle cx="16" cy="16" r="14" fill="none" stroke="currentColor" stroke-width="2.5"/>
    <circle cx="16" cy="16" r="10.5" fill="none" stroke="currentColor" stroke-width="1" stroke-dasharray="2 1.6"/>
    <path d="M11 10v12M21 10v12M11 16h10" fill="none" stroke="currentColor" stroke-width="3"/>
  </svg>handstamp</a>`

/** The pages that both halves have. */
const PAGES = [
  ['/', 'Entrance'],
  ['/shop', 'Shop'],
  ['/cart', 'Cart'],
  ['/devices', 'My devices']
]

function navigation(res, items) {
  const link = ([path, name]) => {
    const current = path === res.req.path && res.statusCode === 200 && html` aria-current="page"`
    if (path !== '/cart' || items === 0) return html`<li><a href="${path}"${current}>${name}</a></li>`
    return html`<li><a href="${path}"${current} aria-label="Cart, ${counted(items, 'item', 'items')}">Cart <span class="count">${items}</span></a></li>`
  }
  return html`<nav aria-label="Main"><ul>
    ${PAGES.map(link)}
    <li><a href="${res.app.locals.axum}/how-it-works">How it works</a></li>
  </ul></nav>`
}

module.exports = { bare, page }
