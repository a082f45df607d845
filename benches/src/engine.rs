//! The engine's parts, measured by criterion: runs `cargo bench` and reads what it has written.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{Fallible, Options};

/// A part and the time it takes: the median and its 95 % confidence interval, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) median: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// Measures all parts.
pub(crate) fn parts(options: &Options) -> Fallible<Vec<Part>> {
    let results = crate::scratch()?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["bench", "--package", "handstamp-benches", "--bench", "engine", "--", "--noplot"])
        .env("CRITERION_HOME", results.path())
        .current_dir(crate::programs::folder());
    if options.quick {
        command.args(["--warm-up-time", "0.1", "--measurement-time", "0.2", "--sample-size", "10"]);
    } else {
        command.args(["--warm-up-time", "1", "--measurement-time", "3"]);
    }
    if !command.status()?.success() {
        return Err("the engine's benchmarks failed".into());
    }
    let mut parts = Vec::new();
    for group in folders(results.path())? {
        for part in folders(&group)? {
            parts.extend(read(&part.join("new"))?);
        }
    }
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(parts)
}

fn folders(path: &Path) -> Fallible<Vec<std::path::PathBuf>> {
    let paths = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let paths: Vec<_> = paths.collect::<Fallible<_>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn read(folder: &Path) -> Fallible<Option<Part>> {
    if !folder.join("benchmark.json").exists() {
        return Ok(None);
    }
    let benchmark: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("benchmark.json"))?)?;
    let estimates: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("estimates.json"))?)?;
    let median = &estimates["median"];
    let number = |value: &Value| value.as_f64().ok_or("criterion wrote no number");
    let text = |name: &str| benchmark[name].as_str().unwrap_or_default().to_owned();
    Ok(Some(Part {
        name: format!("{}: {}", text("group_id"), text("function_id")),
        median: number(&median["point_estimate"])?,
        from: number(&median["confidence_interval"]["lower_bound"])?,
        to: number(&median["confidence_interval"]["upper_bound"])?,
    }))
}
