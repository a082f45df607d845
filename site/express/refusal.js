'use strict'

/** Why a request is not done: an error with the status that its visitor gets. */
function refusal(status, why) {
  return Object.assign(new Error(why), { status })
}

module.exports = { refusal }
