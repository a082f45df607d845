'use strict'

/** The Express application: the settings of its sessions, which are the axum half's, and its routes. */

const path = require('node:path')

const express = require('express')
// An application of your own says `require('handstamp')`.
const session = require('../../node')

const cart = require('./cart')
const csrf = require('./csrf')
const flash = require('./flash')
const layout = require('./layout')
const pages = require('./pages')
const { explain } = require('./problem')
const { refusal } = require('./refusal')
const { counted } = require('./text')

const HOUR = 60 * 60 * 1000

/** What the session cookie is called. */
const COOKIE = 'handstamp'

/**
 * The application over the axum half's sessions. `axum` is that half's address.
 *
 * Name, secret, store and times have to be the same in both halves: see `site/src/app.rs`.
 */
function application({ store, secret, axum }) {
  const sessions = session.strict({
    name: COOKIE,
    secret,
    store,
    absoluteTimeout: 12 * HOUR,
    maxSessionsPerUser: 20,
    // Plain HTTP, on this machine only.
    cookie: { secure: false }
  })

  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.locals.axum = axum
  app.use(protect)
  app.use('/assets', express.static(path.join(__dirname, '../assets')))
  app.use(sessions)
  app.use((req, res, next) => {
    // A page tells of one visitor and is for her alone.
    res.set('Cache-Control', 'no-store')
    const owner = sessions.userOf(req)
    req.user = owner && (req.session.name ?? owner)
    req.isStranded = presentsStamp(req) && !owner && Object.keys(req.session).length === 1
    next()
  })

  app.get('/', async (req, res) => {
    req.session.update('visits', (visits = 0) => visits + 1)
    // If other requests counted at the same time, this one's number is known once it is stored.
    await req.session.save()
    await layout.page(res, 'Entrance', pages.home(req.session.visits, req.user, axum))
  })
  app.get('/shop', async (req, res) => {
    await layout.page(res, 'Shop', await pages.shop(req.session))
  })
  app.get('/cart', async (req, res) => {
    await layout.page(res, 'Cart', await pages.cart(req.session, req.user, axum))
  })
  app.get('/devices', async (req, res) => {
    const owner = sessions.userOf(req)
    const content = owner
      ? await pages.devices(req.session, await sessions.forUser(owner), sessions.idOf(req))
      : pages.strangersDevices(axum)
    await layout.page(res, 'My devices', content)
  })

  const form = [express.urlencoded({ extended: false, limit: '8kb' }), csrf.check]
  app.post('/shop', form, (req, res) => {
    const product = cart.product(req.body.product)
    if (!product) throw refusal(400, 'no such product')
    const items = cart.items(cart.change(req.session, 'more', product.id))
    flash.add(req.session, 'info', `${product.name} is in your cart, which holds ${counted(items, 'item', 'items')} now.`)
    res.redirect(303, '/shop')
  })
  app.post('/cart', form, (req, res) => {
    const { product: id, step } = req.body
    const product = cart.product(id)
    if (!product || !Object.hasOwn(cart.STEPS, step)) throw refusal(400, 'no such step')
    cart.change(req.session, step, id)
    const done = { less: 'One less', more: 'One more', remove: 'Taken out' }[step]
    flash.add(req.session, 'info', `${done}: ${product.name}.`)
    res.redirect(303, '/cart')
  })
  app.post('/sign-out', form, async (req, res) => {
    await sessions.logout(req)
    flash.add(req.session, 'info', 'You are signed out, in both halves, and your session is gone from the server.')
    res.redirect(303, '/')
  })
  app.post('/devices/sign-out', form, async (req, res) => {
    const owner = sessions.userOf(req)
    if (!owner) return res.redirect(303, '/devices')
    // Another user's stays, whatever the form says: the engine sees to that.
    const ended = await sessions.revoke(owner, String(req.body.session))
    flash.add(req.session, 'info', ended ? 'That device is signed out.' : 'That device was signed out already.')
    res.redirect(303, '/devices')
  })
  app.post('/devices/sign-out-others', form, async (req, res) => {
    const owner = sessions.userOf(req)
    if (!owner) return res.redirect(303, '/devices')
    const ended = await sessions.revokeAll(owner, { except: req })
    flash.add(req.session, 'info', `${counted(ended, 'other device is', 'other devices are')} signed out.`)
    res.redirect(303, '/devices')
  })

  app.use((req) => {
    throw refusal(404, `nothing at ${req.path}`)
  })
  app.use(explain)
  return { app, close: () => store.close() }
}

/** The headers that tell browsers what this site never does. */
function protect(req, res, next) {
  res.set({
    'Content-Security-Policy':
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff'
  })
  next()
}

function presentsStamp(req) {
  return (req.headers.cookie ?? '').split(';').some((pair) => pair.trim().startsWith(`${COOKIE}=`))
}

module.exports = { application }
