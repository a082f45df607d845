// Where express-session keeps it, for those who reach inside.
module.exports = require('../dist/index.js').Store
