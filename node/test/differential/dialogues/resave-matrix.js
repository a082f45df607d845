'use strict'

// resave × saveUninitialized × rolling × cookie lifetime, for every kind of visit.

const VISIT = []
const BUMP = [['set', 'n', 1]]
const OTHER = [['set', 'n', 2]]

const STEPS = [
  VISIT, // without a session
  BUMP, // gets one
  VISIT, // comes back, changes nothing
  OTHER, // changes something
  [['touch']],
  [['save']],
  { cookie: false, do: VISIT },
  { cookie: (_, kit) => kit.cookie('unknown'), do: VISIT },
  { cookie: (_, kit) => kit.cookie('unknown'), do: BUMP }
]

const CHOICES = [false, true]

module.exports = CHOICES.flatMap(resave => CHOICES.flatMap(saveUninitialized => CHOICES.flatMap(rolling =>
  [{}, { maxAge: 60_000 }].map(cookie => ({
    name: `resave ${resave}, saveUninitialized ${saveUninitialized}, rolling ${rolling}, cookie ${JSON.stringify(cookie)}`,
    options: { resave, saveUninitialized, rolling, cookie },
    steps: STEPS
  })))))
