//! The links of the pages: each leads to something that is there.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let dead: Vec<String> = pages().iter().flat_map(|page| dead_links(page)).collect();
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// A link whose text is code names a function of its file: a test, most often.
#[test]
fn what_a_link_names_is_in_its_file() {
    let page =
        "[`kept`](kept.rs), [`gone`](kept.rs), [words](kept.rs), [`kept`](kept.rs#L1) and `code`.";
    let links: Vec<Link> = links(page).collect();
    let named: Vec<_> = links.iter().map(Link::name).collect();
    assert_eq!(named, [Some("kept"), Some("gone"), None, Some("kept")]);
    assert!(has_function("async fn kept() {", "kept"));
    assert!(!has_function("fn kept_longer() { kept() }", "kept"));
}

#[test]
fn headings_are_linked_as_they_are_shown() {
    let page = "# The `cargo xtask` tool\n\n```sh\n# no heading\n```\n## What it's for, in short\n";
    let expected = ["the-cargo-xtask-tool", "what-its-for-in-short"];
    assert_eq!(anchors(page), expected.map(str::to_owned).into());
}

/// Every page of the repository that people read.
fn pages() -> Vec<PathBuf> {
    let files =
        Command::new("git").args(["ls-files", "*.md"]).current_dir(root()).output().unwrap();
    assert!(files.status.success(), "git can't list the pages");
    let pages: Vec<_> =
        String::from_utf8(files.stdout).unwrap().lines().map(PathBuf::from).collect();
    assert!(pages.contains(&PathBuf::from("README.md")), "{pages:?}");
    // What is part of Rust's docs has rustdoc's links, and rustdoc checks them.
    pages
        .into_iter()
        .filter(|page| !page.components().any(|part| part.as_os_str() == "src"))
        .collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn dead_links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let dead = links(&text).filter_map(|link| {
        let problem = problem(page, &text, &link)?;
        Some(format!("{}: [{}]({}): {problem}", page.display(), link.text, link.target))
    });
    dead.collect()
}

/// What is wrong with a link to something in this repository.
fn problem(page: &Path, text: &str, link: &Link<'_>) -> Option<&'static str> {
    if link.target.contains("://") || link.target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.target.split_once('#').unwrap_or((link.target, ""));
    let path = root().join(page.parent()?).join(file);
    if !file.is_empty() && !path.exists() {
        return Some("no such file");
    }
    let there = if file.is_empty() {
        text.to_owned()
    } else {
        fs::read_to_string(&path).unwrap_or_default()
    };
    let is_page = file.is_empty() || file.ends_with(".md");
    if is_page && !anchor.is_empty() && !anchors(&there).contains(anchor) {
        return Some("no such heading");
    }
    let is_named = link.name().is_none_or(|name| has_function(&there, name));
    (!is_named && file.ends_with(".rs")).then_some("no such function")
}

struct Link<'a> {
    text: &'a str,
    target: &'a str,
}

impl Link<'_> {
    /// The code that is its text, without the modules before it.
    fn name(&self) -> Option<&str> {
        let code = self.text.strip_prefix('`')?.strip_suffix('`')?;
        code.rsplit("::").next()
    }
}

fn links(page: &str) -> impl Iterator<Item = Link<'_>> {
    page.match_indices("](").filter_map(|(at, _)| {
        let text = &page[page[..at].rfind('[')? + 1..at];
        let target = &page[at + 2..];
        Some(Link { text, target: &target[..target.find(')')?] })
    })
}

fn has_function(text: &str, name: &str) -> bool {
    [format!("fn {name}("), format!("fn {name}<")].iter().any(|function| text.contains(function))
}

/// What headings are called in links: lower case, dashes for spaces, nothing but letters, digits and dashes.
fn anchors(page: &str) -> HashSet<String> {
    let (mut anchors, mut is_code) = (HashSet::new(), false);
    for line in page.lines() {
        is_code ^= line.starts_with("```");
        let title = line.trim_start_matches('#');
        if is_code || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept =
            title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        anchors.insert(
            kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase(),
        );
    }
    anchors
}
