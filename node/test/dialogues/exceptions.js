'use strict'

// What is answered otherwise in Node, and why. `steps` replaces expectations, by the number of the step, so that an
// entry that no longer applies fails; `only` names the one store that it is about.

const AT_ONCE = 'express-session\'s methods act when they are called, not at the end of the request, and so do ours'

const EXCEPTIONS = {
  'cookie/a_strict_cookie_does_not_travel_over_http': {
    reason: 'As in express-session, a Secure cookie is not even sent over a plain connection; a warning says why.',
    steps: { 1: { credential: 'none', set_cookie: undefined } }
  },
  'express/a_document_without_a_cookie_is_nobody_s': {
    reason: 'No document without a cookie gets into the memory store: its `set` adds an empty one, and then it is a session.',
    only: 'MemoryStore',
    steps: { 1: { body: 'some' }, 2: { credential: 'none' } }
  },
  'once/the_last_word_counts': {
    reason: `${AT_ONCE}: the session is ended before the browser ever hears of it, so there is no cookie to remove.`,
    steps: { 1: { credential: 'none', set_cookie: undefined } }
  },
  'plan/reload_of_a_session_that_was_never_stored_empties_it': {
    reason: 'Where there is nothing to reload, express-session says «failed to load session», and applications rely on it.',
    steps: { 1: { status: 500, body: 'Error: failed to load session', credential: 'new' } }
  },
  'plan/reload_takes_back_what_was_to_become_of_the_id': {
    reason: `${AT_ONCE}: there is nothing to take back, and what has been ended can't be reloaded.`,
    steps: {
      2: { credential: 'new' },
      3: { body: 'anna', credential: 'new' },
      4: { status: 500, body: 'Error: failed to load session', credential: 'removed' },
      5: { status: 500, body: undefined },
      6: { body: null }
    }
  }
}

module.exports = { EXCEPTIONS }
