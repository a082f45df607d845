'use strict'

/** The pages that are the same in both halves: entrance, shop, cart, devices. */

const cart = require('./cart')
const csrf = require('./csrf')
const { html, raw } = require('./html')
const { browser, counted, price, when } = require('./text')

function home(visits, user, axum) {
  const greeting = user ? `Good to see you, ${user}` : visits === 1 ? 'You have just been stamped' : 'You have been here before'
  return html`
    <div class="hero">
      <div>
        <h1>${greeting}</h1>
        <p class="lead">This entrance is another building: JavaScript, Express 5, a process of its own. The cloakroom
          behind it is the same.</p>
        <p>Your browser carries one stamp, and both houses know it. So they count the same visits, fill the same cart
          and know the same user. They share a file and a secret, and nothing else.</p>
        <p class="actions">
          <a class="button" href="/">Come in again</a>
          <a href="${axum}/">Go in by the other door</a>
        </p>
      </div>
      ${stamp(visits)}
    </div>
    <section aria-labelledby="try">
      <h2 id="try">Things to try</h2>
      <ul class="tickets">
        ${ticket(1, html`<a href="${axum}/">Count on over there</a>`, 'The number on the stamp goes up in both houses, and never skips one.')}
        ${ticket(2, html`<a href="/shop">Fill one cart from both sides</a>`, 'An ink pad here, a torch there: it is one cart.')}
        ${ticket(3, html`<a href="${axum}/sign-in">Sign in over there</a>`, 'The accounts are the axum half’s. Come back, and you are signed in here.')}
        ${ticket(4, html`<a href="/devices">Sign out a device</a>`, 'A browser that you sign out here is out over there as well, at its next click.')}
      </ul>
    </section>
    <section aria-labelledby="how">
      <h2 id="how">How it is done</h2>
      <p>All of this half’s middleware for sessions, where <code>express-session</code> would stand:</p>
      <div class="scroll"><pre class="code"><code>${MIDDLEWARE}</code></pre></div>
    </section>`
}

const MIDDLEWARE = `const session = require('handstamp')

app.use(session.strict({
  name: 'handstamp',
  secret,
  store: new session.SqliteStore({ path: 'sessions.db', ttl: HOUR / 2 }),
  absoluteTimeout: 12 * HOUR,
  maxSessionsPerUser: 20,
  cookie: { secure: false } // plain HTTP, on this machine only
}))`

/** The visit counter. */
function stamp(visits) {
  const number = visits.toLocaleString('en')
  const size = [64, 64, 64, 54, 38, 38][number.length] ?? 26
  return html`
    <svg class="stamp" viewBox="0 0 240 240" role="img" aria-label="Stamp: visit number ${number}">
      <defs>
        <path id="ring" d="M120 120 m-83 0 a83 83 0 1 1 166 0 a83 83 0 1 1 -166 0"/>
        <filter id="ink" x="-5%" y="-5%" width="110%" height="110%">
          <feTurbulence type="fractalNoise" baseFrequency=".035" numOctaves="3" seed="4" result="wobble"/>
          <feDisplacementMap in="SourceGraphic" in2="wobble" scale="4" result="shape"/>
          <feTurbulence type="fractalNoise" baseFrequency=".55" numOctaves="2" seed="9" result="grain"/>
          <feColorMatrix in="grain" type="matrix" values="0 0 0 0 0  0 0 0 0 0  0 0 0 0 0  0 0 0 -7 4.9" result="specks"/>
          <feComposite in="shape" in2="specks" operator="in"/>
        </filter>
      </defs>
      <g filter="url(#ink)">
        <circle cx="120" cy="120" r="112" fill="none" stroke="currentColor" stroke-width="6"/>
        <circle cx="120" cy="120" r="104" fill="none" stroke="currentColor" stroke-width="1.5"/>
        <circle cx="120" cy="120" r="70" fill="none" stroke="currentColor" stroke-width="3"/>
        <text class="ring"><textPath href="#ring" textLength="516">HANDSTAMP ★ EXPRESS ★ HANDSTAMP ★ EXPRESS ★</textPath></text>
        <text class="word" x="120" y="94" text-anchor="middle">VISIT</text>
        <text class="number" id="visits" x="120" y="132" font-size="${size}" text-anchor="middle" dominant-baseline="middle">${number}</text>
      </g>
    </svg>`
}

function ticket(number, title, text) {
  return html`<li class="ticket"><span class="stub" aria-hidden="true">${number}</span><div><h3>${title}</h3><p>${text}</p></div></li>`
}

async function shop(session) {
  const token = await csrf.field(session)
  const card = ({ id, name, cents, text, picture }) => html`
    <li class="product">
      <svg viewBox="0 0 48 48" aria-hidden="true">${raw(picture)}</svg>
      <h2>${name}</h2>
      <p>${text}</p>
      <form method="post" action="/shop">
        ${token}
        <input type="hidden" name="product" value="${id}">
        <span class="amount">${price(cents)}</span>
        <button aria-label="Add to cart: ${name}">Add to cart</button>
      </form>
    </li>`
  return html`
    <h1>Shop</h1>
    <p class="lead">The same goods as over there, and they go into the same cart.</p>
    <ul class="products">${cart.PRODUCTS.map(card)}</ul>`
}

async function cartPage(session, user, axum) {
  if (cart.items(session.cart) === 0) {
    return html`<h1>Your cart</h1><p class="lead">It is empty.</p><p><a class="button" href="/shop">To the shop</a></p>`
  }
  const token = await csrf.field(session)
  return html`
    <h1>Your cart</h1>
    <table class="cart">
      <caption class="visually-hidden">What is in your cart</caption>
      <thead><tr><th scope="col">Product</th><th scope="col">Pieces</th><th class="amount" scope="col">Price</th></tr></thead>
      <tbody>${cart.lines(session.cart).map((line) => row(line, token))}</tbody>
      <tfoot><tr><th scope="row" colspan="2">Together</th><td class="amount" id="total">${price(cart.total(session.cart))}</td></tr></tfoot>
    </table>
    <p>It is kept on the server, under your stamp.
      ${user ? 'Signing out ends the session, and the cart with it.' : 'Sign in, and it comes with you.'}</p>
    <p class="actions"><a class="button" href="/shop">Back to the shop</a>${user ? '' : html`<a href="${axum}/sign-in">Sign in</a>`}</p>`
}

function row({ product: { id, name, cents }, pieces }, token) {
  const button = (step, face, what) => html`<button class="step" name="step" value="${step}" aria-label="${what}: ${name}">${face}</button>`
  return html`
    <tr>
      <th scope="row">${name}<span class="fine">${price(cents)} each</span></th>
      <td>
        <form class="pieces" method="post" action="/cart">
          ${token}
          <input type="hidden" name="product" value="${id}">
          ${button('less', '−', 'One less')}<span class="number">${pieces}</span>${button('more', '+', 'One more')}${button('remove', '×', 'Take out')}
        </form>
      </td>
      <td class="amount">${price(cents * pieces)}</td>
    </tr>`
}

/** Where the user is signed in; `current` is the id of this browser's session. */
async function devices(session, list, current) {
  const token = await csrf.field(session)
  return html`
    <h1>My devices</h1>
    <p class="lead">${counted(list.length, 'browser is', 'browsers are')} signed in as you, in both halves.</p>
    <ul class="devices">${list.map((one) => device(one, one.id === current, token))}</ul>
    ${list.length > 1 && html`<form class="actions" method="post" action="/devices/sign-out-others">${token}<button>Sign out everywhere else</button></form>`}`
}

function device({ id, created, lastSeen, device }, isThis, token) {
  const name = browser(device.agent)
  const form = isThis
    ? html`<form method="post" action="/sign-out">${token}<button class="quiet">Sign out here</button></form>`
    : html`<form method="post" action="/devices/sign-out">${token}<input type="hidden" name="session" value="${id}">
        <button class="quiet" aria-label="Sign out ${name}, session #${id}">Sign out</button></form>`
  return html`
    <li class="device"${isThis && html` aria-current="true"`}>
      <div class="title"><h2>${name}</h2>${isThis && html`<span class="badge">this browser</span>`}</div>
      <dl>
        <div><dt>Address</dt><dd>${device.address || 'unknown'}</dd></div>
        <div><dt>Signed in</dt><dd>${when(created)}</dd></div>
        <div><dt>Last seen</dt><dd>${isThis ? 'now' : when(lastSeen)}</dd></div>
        <div><dt>Session</dt><dd><code>#${id}</code></dd></div>
      </dl>
      ${form}
    </li>`
}

function strangersDevices(axum) {
  return html`
    <h1>My devices</h1>
    <p class="lead">Sign in, and you see here every browser in which you are signed in, and can sign it out.</p>
    <p><a class="button" href="${axum}/sign-in">Sign in</a></p>`
}

module.exports = { cart: cartPage, devices, home, shop, strangersDevices }
