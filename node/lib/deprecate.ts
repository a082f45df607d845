/** Warnings about what should be written differently; `NO_DEPRECATION=handstamp` silences them. */

import depd from 'depd'

export default depd('handstamp')
