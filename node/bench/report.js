'use strict'

// Tables. A cell is a text, a number, or a ratio with its budget; a number that is not there is null.

/** The middle of these figures. */
function median(figures) {
  return [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)]
}

/** A chapter as Markdown, aligned so that it can be read in a terminal too. */
function markdown({ title, method, tables }) {
  return [`## ${title}`, method, ...tables.map(table)].join('\n\n')
}

function table({ columns, rows, known }) {
  const lines = [columns, ...rows.map(row => row.map(text))]
  const widths = columns.map((_, at) => Math.max(...lines.map(cells => cells[at].length)))
  const line = cells =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join(' | ')} |`
  const dashes = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  const shown = [lines[0], dashes, ...lines.slice(1)].map(line).join('\n')
  return known && rows.flat().some(isMissed) ? `${shown}\n\n${known}` : shown
}

/** A table's `known` is what is known of its missed budgets. */
function isMissed(cell) {
  return typeof cell?.budget === 'number' && !(cell.value <= cell.budget)
}

function text(cell) {
  if (cell === null) return '–'
  if (typeof cell === 'number') return number(cell)
  if (typeof cell === 'string') return cell
  const [verdict, sign] = cell.value <= cell.budget ? ['met', '≤'] : ['**missed**', '>']
  return `${verdict} (${number(cell.value)} ${sign} ${number(cell.budget)})`
}

/** A number with as many digits as say something. */
function number(value) {
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US')
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0)
  return value.toFixed(size >= 10 ? 1 : 2)
}

module.exports = { markdown, median }
