//! The npm package beside express-session: measured by `node/bench`, shown here.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::database::{Database, Kind};
use crate::plot::{self, Bar};
use crate::programs;
use crate::report::{Chapter, Table, number};
use crate::{Fallible, Options};

/// The environment variable that tells the package's benchmarks where the databases are.
const DATABASES: &str = "HANDSTAMP_BENCH_DATABASES";

/// The stores in the process itself: in memory, and SQLite.
pub(crate) fn in_process(options: &Options) -> Fallible<Chapter> {
    let chapter = measured(Command::new("node"), &[], options)?;
    Ok(Chapter {
        title: "Express",
        plot: Some(("express", bars(&chapter["plot"]))),
        ..shown(&chapter)
    })
}

/// The stores on databases.
pub(crate) fn network(options: &Options) -> Fallible<Chapter> {
    let [redis, postgres, mysql] = [Kind::Redis, Kind::Postgres, Kind::MySql].map(Database::start);
    let urls = json!({"redis": redis.url(), "postgres": postgres.url(), "mysql": mysql.url()});
    let mut node = Command::new("node");
    node.env(DATABASES, urls.to_string());
    let chapter = measured(node, &["--databases"], options)?;
    let plot = Some(("express-network", bars(&chapter["plot"])));
    Ok(Chapter { title: "Express: stores on databases", plot, ..shown(&chapter) })
}

/// Runs the benchmarks of the package and reads what they have written.
fn measured(mut node: Command, arguments: &[&str], options: &Options) -> Fallible<Value> {
    let folder = crate::scratch()?;
    let file = folder.path().join("express.json");
    node.arg(programs::folder().join("../node/bench/index.js")).arg("--json").arg(&file);
    node.args(arguments);
    if options.quick {
        node.arg("--quick");
    }
    // It prints the same tables; what it says of its progress is on stderr.
    if !node.stdout(Stdio::null()).status()?.success() {
        return Err("the benchmarks of the npm package failed".into());
    }
    Ok(serde_json::from_slice(&fs::read(&file)?)?)
}

fn shown(chapter: &Value) -> Chapter {
    Chapter {
        method: text(&chapter["method"]),
        tables: list(&chapter["tables"]).iter().map(table).collect(),
        ..Chapter::default()
    }
}

fn table(of: &Value) -> Table {
    let mut table = Table::of(list(&of["columns"]).iter().map(text).collect(), Vec::new());
    for row in list(&of["rows"]) {
        let cells = list(row).iter().map(|cell| shown_in(&mut table, cell, &text(&of["known"])));
        let cells: Vec<_> = cells.collect();
        table.rows([cells]);
    }
    table
}

/// A text, a number, a ratio with its budget, or nothing; and what is known of a budget that is missed.
fn shown_in(table: &mut Table, cell: &Value, known: &str) -> String {
    match cell {
        Value::Null => "–".to_owned(),
        Value::Number(_) => number(float(cell)),
        Value::Object(_) => table.against(float(&cell["budget"]), float(&cell["value"]), &[known]),
        _ => text(cell),
    }
}

fn bars(plot: &Value) -> String {
    let bar = |bar: &Value| Bar {
        title: text(&bar["title"]),
        value: float(&bar["value"]),
        ours: bar["ours"] == true,
    };
    let group =
        |group: &Value| (text(&group["title"]), list(&group["bars"]).iter().map(bar).collect());
    let groups: Vec<_> = list(&plot["groups"]).iter().map(group).collect();
    plot::bars(&text(&plot["title"]), &text(&plot["unit"]), &groups)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_the_package_is_shown_like_our_own() {
        let shown = table(&json!({
            "columns": ["store", "read", "bytes"],
            "rows": [["memory", {"value": 0.25, "budget": 0.35}, null], ["file", 1234.5, 20]],
            "known": "Never said, as nothing is missed.",
        }));
        assert_eq!(
            shown.to_markdown(),
            "\
| store  |              read | bytes |
| ------ | ----------------: | ----: |
| memory | met (0.25 ≤ 0.35) |     – |
| file   |             1,235 |    20 |
"
        );
    }
}
