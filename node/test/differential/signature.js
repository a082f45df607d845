'use strict'

// The wire format of the cookie (EXPRESS.md 4.1), written anew so that neither library vouches for itself.

const { createHmac } = require('node:crypto')

// The secrets dialogues use; a signature is shown by the name of the secret that made it.
const SECRETS = ['keyboard cat', 'old cat', 'older cat', 'parser cat', 'request cat', 'second cat', 'ünïcode 猫']

function mac(id, secret) {
  return createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')
}

function sign(id, secret = SECRETS[0]) {
  return `s:${id}.${mac(id, secret)}`
}

function signerOf(id, signature) {
  return SECRETS.find(secret => mac(id, secret) === signature)
}

module.exports = { sign, signerOf }
