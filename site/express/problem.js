'use strict'

/** What goes wrong, and the page that visitors see then: it says what to do, and nothing of the inside. */

const { html } = require('./html')
const layout = require('./layout')

function statusOf(error) {
  if (String(error.code).startsWith('ERR_HANDSTAMP_STORE')) return 503
  return error.status >= 400 && error.status < 600 ? error.status : 500
}

const ADVICE = {
  403: [
    'This form is out of date',
    'It was made for another session: yours may have ended, or was signed out from elsewhere. Nothing was changed. ' +
      'Go back, load the page again and repeat what you did.'
  ],
  404: ['There is nothing here', 'The address may be misspelt, or the page has moved.'],
  503: ['The cloakroom does not answer', 'Sessions can’t be read at this moment, and nothing was changed. Try again in a moment.']
}
const UNREADABLE = ['That could not be read', 'Something was missing from what your browser sent. Go back and try again.']
const OURS = ['Something went wrong here', 'It is our fault, not yours; it has been noted. Try again in a moment.']

/** Express's error handler. */
function explain(error, req, res, next) {
  if (res.headersSent) return next(error)
  const status = statusOf(error)
  if (status >= 500) console.error(error)
  const [title, advice] = ADVICE[status] ?? (status < 500 ? UNREADABLE : OURS)
  res.status(status)
  layout.bare(res, title, html`
    <h1>${title}</h1>
    <p class="lead">${advice}</p>
    <p><a class="button" href="/">Back to the entrance</a></p>
    <p class="fine">Error ${status}</p>`)
}

module.exports = { explain }
