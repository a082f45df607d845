//! The tables: printed while the benchmarks run, and written as a page of the documentation.

use std::cmp::Ordering;
use std::fmt::Write as _;

/// A chapter: what was measured and how, and what came out.
#[derive(Debug, Default)]
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    /// When, where and under which conditions it was measured; known when all is measured.
    pub(crate) measured: String,
    /// Short plain sentences.
    pub(crate) method: String,
    pub(crate) tables: Vec<Table>,
    /// The name of a plot beside the page, and the plot.
    pub(crate) plot: Option<(&'static str, String)>,
}

/// A table whose first column names its rows.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// What stands beneath it.
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { columns: columns.map(str::to_owned).into(), ..Self::default() }
    }

    pub(crate) fn of(columns: Vec<String>, rows: Vec<Vec<String>>) -> Self {
        Self { columns, rows, notes: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(crate) fn rows(&mut self, rows: impl IntoIterator<Item = Vec<String>>) {
        self.rows.extend(rows);
    }

    /// A ratio or a figure beside its budget. Should it be missed, what is known of that is said beneath the
    /// table, each sentence once.
    pub(crate) fn against(&mut self, budget: f64, value: f64, known: &[&str]) -> String {
        if is_missed(budget, value) {
            known.iter().for_each(|words| self.note(words));
        }
        against(budget, value)
    }

    /// Says something beneath the table, once.
    pub(crate) fn note(&mut self, words: &str) {
        if !words.is_empty() && self.notes.iter().all(|note| note != words) {
            self.notes.push(words.to_owned());
        }
    }

    /// The table as Markdown, aligned so that it can be read in a terminal too.
    pub(crate) fn to_markdown(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                let cells = self.rows.iter().map(|row| &row[at]).chain([&self.columns[at]]);
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        let mut line = |cells: &[String]| {
            for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let _ = match at {
                    0 => write!(out, "| {cell:<width$} "),
                    _ => write!(out, "| {cell:>width$} "),
                };
            }
            out.push_str("|\n");
        };
        line(&self.columns);
        let dashes = |(at, width): (usize, &usize)| match at {
            0 => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width - 1)),
        };
        line(&widths.iter().enumerate().map(dashes).collect::<Vec<_>>());
        self.rows.iter().for_each(|row| line(row));
        if !self.notes.is_empty() {
            let _ = writeln!(out, "\n{}", self.notes.join(" "));
        }
        out
    }
}

impl Chapter {
    /// The chapter as Markdown. `folder` is where the plots are, as seen from the page.
    pub(crate) fn to_markdown(&self, folder: &str) -> String {
        let mut out = format!("## {}\n\n{}\n\n{}\n\n", self.title, self.measured, self.method);
        for table in &self.tables {
            let _ = writeln!(out, "{}", table.to_markdown());
        }
        if let Some((name, _)) = &self.plot {
            let _ = writeln!(out, "![{}]({folder}/{name}.svg)\n", self.title);
        }
        out
    }
}

/// A ratio beside its budget.
pub(crate) fn against(budget: f64, value: f64) -> String {
    let (verdict, sign) =
        if is_missed(budget, value) { ("**missed**", '>') } else { ("met", '≤') };
    format!("{verdict} ({} {sign} {})", number(value), number(budget))
}

/// What is no number is missed, too.
fn is_missed(budget: f64, value: f64) -> bool {
    !matches!(value.partial_cmp(&budget), Some(Ordering::Less | Ordering::Equal))
}

/// A number with as many digits as say something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => grouped(value.round()),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_say_something() {
        let numbers = [0.123, 1.0, 12.34, 123.4, 1234.5, 1_234_567.0, -1234.0].map(number);
        assert_eq!(numbers, ["0.12", "1", "12.3", "123", "1,235", "1,234,567", "-1,234"]);
    }

    #[test]
    fn what_is_known_of_missed_budgets_stands_beneath_the_table_once() {
        let mut table = Table::new(["ratio", "budget"]);
        for (name, value) in [("met", 0.5), ("missed", 0.6), ("missed again", f64::NAN)] {
            let cell = table.against(0.5, value, &["It is slow.", ""]);
            table.row([name.into(), cell]);
        }
        assert_eq!(
            table.to_markdown(),
            "\
| ratio        |                   budget |
| ------------ | -----------------------: |
| met          |        met (0.50 ≤ 0.50) |
| missed       | **missed** (0.60 > 0.50) |
| missed again |  **missed** (NaN > 0.50) |

It is slow.
"
        );
    }

    #[test]
    fn a_table_is_markdown_that_can_be_read() {
        let mut table = Table::new(["store", "ratio"]);
        table.row(["memory".into(), "0.5".into()]);
        assert_eq!(
            table.to_markdown(),
            "| store  | ratio |\n| ------ | ----: |\n| memory |   0.5 |\n"
        );
    }
}
