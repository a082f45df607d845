'use strict'

// What sessions hold: a user, a few settings, a cart and a count; as `benches/kit/src/document.rs` makes it.

/** A document of so many bytes as JSON, at least 160. */
function document(bytes) {
  const user = { id: 4711, name: 'Ada Lovelace', roles: ['author', 'editor'] }
  const cart = []
  const made = { user, theme: 'dark', cart, note: '', count: 0 }
  let size = JSON.stringify(made).length
  for (;;) {
    const thing = { sku: `A-${String(7 * cart.length).padStart(6, '0')}`, title: 'A book', count: 1, price: 19.9 }
    const more = JSON.stringify(thing).length
    if (size + more >= bytes) break
    size += more + (cart.length > 0 ? 1 : 0)
    cart.push(thing)
  }
  made.note = 'n'.repeat(Math.max(0, bytes - size))
  return made
}

module.exports = { document }
