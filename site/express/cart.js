'use strict'

/** The cart: how many of which product, as both halves keep it in the session under `cart`. */

const PRODUCTS = require('../assets/products.json')

/** The most pieces of one product. */
const MOST = 99

const STEPS = {
  less: (pieces) => pieces - 1,
  more: (pieces) => Math.min(pieces + 1, MOST),
  remove: () => 0
}

function product(id) {
  return PRODUCTS.find((product) => product.id === id)
}

/** Changes the cart. Requests that come at the same time lose nothing: the step is done again on what they stored. */
function change(session, step, id) {
  return session.update('cart', (cart = {}) => {
    const { [id]: before = 0, ...others } = cart
    const pieces = STEPS[step](before)
    return pieces > 0 ? { ...others, [id]: pieces } : others
  })
}

/** The products in a cart and how many of each. What is not sold any more does not count. */
function lines(cart = {}) {
  const known = Object.entries(cart).filter(([id]) => product(id))
  return known.sort().map(([id, pieces]) => ({ product: product(id), pieces: Math.min(pieces, MOST) }))
}

/** The number of pieces in a cart. */
function items(cart) {
  return lines(cart).reduce((sum, { pieces }) => sum + pieces, 0)
}

function total(cart) {
  return lines(cart).reduce((sum, { product, pieces }) => sum + product.cents * pieces, 0)
}

module.exports = { PRODUCTS, STEPS, change, items, lines, product, total }
