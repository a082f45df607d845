'use strict'

// JSON of all kinds, for tests by property: as JavaScript has it, and as other writers spell it.

const fc = require('fast-check')

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'toJSON', 'then', 'length', 'cookie', 'save', 'id', '', ' ', '0', '2', '10', '-1', '1.5', '4294967295']
const TEXTS = ['\ud800', 'a\udc00b', '😀', 'Zoë', '2026-11-25T19:06:11.000Z', '\u0000', '\u2028"\\/', 'true', 'null', '<script>']
const NUMBERS = [-0, 0.1, 1.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 2 ** 63, 2 ** 64]

const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units))
const text = fc.oneof(fc.constantFrom(...TEXTS), units, fc.string({ unit: 'grapheme', maxLength: 12 }))
const key = fc.oneof(fc.constantFrom(...NAMES), text)
const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger())
const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null))
const deep = fc.tuple(fc.integer({ min: 10, max: 120 }), leaf).map(([depth, leaf]) => {
  let value = leaf
  for (let at = 0; at < depth; at++) value = at % 2 ? [value] : { in: value }
  return value
})

/** The engine has no names with half a character. */
const name = key.filter((name) => name.isWellFormed())

/** A value, and what a session may hold. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 6 }), tie('object'), deep),
  object: members(key, tie('value'))
}))
const data = members(name, value)

/** An object, in which a key `__proto__` is a key. */
function members(key, value) {
  return fc.array(fc.tuple(key, value), { maxLength: 6 }).map((entries) => Object.fromEntries(entries))
}

const SPELLED_NUMBERS = ['1.0', '1.50', '-0', '-0.0', '0.10', '1e2', '1E+2', '100e-2', '9007199254740993', '-9007199254740993',
  '123456789012345678901234567890', '0.1000000000000000055511151231257827', '18446744073709551615', '4.9e-324', '1e-400']
const SPELLED_TEXTS = ['"\\u00e9"', '"\\u00E9"', '"\\/"', '"\\ud83d\\ude00"', '"\\u0041"', '"é"', '"\\u0000"', '" "']
const space = fc.constantFrom('', ' ', '\n  ')
const spelledLeaf = fc.oneof(fc.constantFrom(...SPELLED_NUMBERS), fc.constantFrom(...SPELLED_TEXTS), fc.constantFrom('true', 'null', '{}', '[]'))

/** The text of a value as writers in other languages may put it. */
const { spelled } = fc.letrec((tie) => ({
  spelled: fc.oneof({ depthSize: 'small' }, spelledLeaf,
    fc.tuple(space, fc.array(tie('spelled'), { maxLength: 5 })).map(([space, values]) => `[${values.join(`,${space}`)}]`),
    fc.tuple(space, fc.uniqueArray(fc.tuple(name, tie('spelled')), { selector: ([key]) => key, maxLength: 5 }))
      .map(([space, members]) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${space}${value}`).join(',')}}`))
}))

module.exports = { data, spelled, value }
