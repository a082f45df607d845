//! The npm package beside express-session: measured by `node/bench`, shown here.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::plot::{self, Bar};
use crate::programs;
use crate::report::{Chapter, Table, against, number};
use crate::{Fallible, Options};

/// Runs the benchmarks of the package and reads what they have written.
pub(crate) fn chapter(options: &Options) -> Fallible<Chapter> {
    let folder = crate::scratch()?;
    let file = folder.path().join("express.json");
    let mut command = Command::new("node");
    command.arg(programs::folder().join("../node/bench/index.js")).arg("--json").arg(&file);
    if options.quick {
        command.arg("--quick");
    }
    // It prints the same tables; what it says of its progress is on stderr.
    if !command.stdout(Stdio::null()).status()?.success() {
        return Err("the benchmarks of the npm package failed".into());
    }
    let chapter: Value = serde_json::from_slice(&fs::read(&file)?)?;
    Ok(Chapter {
        title: "Express",
        method: text(&chapter["method"]),
        tables: list(&chapter["tables"]).iter().map(table).collect(),
        plot: Some(("express", bars(&chapter["plot"]))),
    })
}

fn table(table: &Value) -> Table {
    let row = |row: &Value| list(row).iter().map(cell).collect();
    Table::of(
        list(&table["columns"]).iter().map(text).collect(),
        list(&table["rows"]).iter().map(row).collect(),
    )
}

/// A text, a number, a ratio with its budget, or nothing.
fn cell(cell: &Value) -> String {
    match cell {
        Value::Null => "–".to_owned(),
        Value::Number(_) => number(float(cell)),
        Value::Object(_) => against(float(&cell["budget"]), float(&cell["value"])),
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
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_of_the_package_is_shown_like_our_own() {
        let shown = table(&json!({
            "columns": ["store", "read", "bytes"],
            "rows": [["memory", {"value": 0.25, "budget": 0.35}, null], ["file", 1234.5, 20]],
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
