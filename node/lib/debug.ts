/** Debug output: `DEBUG=handstamp`. Sessions are named by their fingerprints, never by their ids. */

import debug from 'debug'

export default debug('handstamp')
