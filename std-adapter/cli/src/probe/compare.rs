//! `--compare OLD.json`: what got worse since an earlier run, check by check and figure by figure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::portrait::Figure;
use super::{Entry, formats};

/// So much a time may differ from run to run: a fifth, and ten milliseconds.
const APART: f64 = 0.2;
const LEAST: f64 = 10.0;

/// What an earlier run has found.
pub struct Earlier {
    path: PathBuf,
    /// What each check came to.
    results: BTreeMap<String, String>,
    stack: Map<String, Value>,
}

/// What is other than it was.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The earlier run's file.
    path: PathBuf,
    /// Checks that came out worse, or weren't tried any more.
    worse: Vec<Change>,
    /// Checks that came out better.
    better: Vec<Change>,
    /// Figures of the stack that are others.
    changed: Vec<Change>,
}

/// One thing that is other than it was.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    what: String,
    was: String,
    is: String,
}

impl Earlier {
    /// Reads what `greet probe --json` has written.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("can't read {} to compare with it", path.display()))?;
        let mut earlier = Self {
            path: path.to_owned(),
            results: BTreeMap::new(),
            stack: Map::new(),
        };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let object: Value = serde_json::from_str(line).with_context(|| {
                format!(
                    "{} isn't what `greet probe --json` writes, an object a line",
                    path.display()
                )
            })?;
            earlier.note(&object);
        }
        if earlier.results.is_empty() {
            bail!(
                "{} has no checks: --compare takes what `greet probe --json` has written",
                path.display()
            );
        }
        Ok(earlier)
    }

    fn note(&mut self, object: &Value) {
        match object["event"].as_str() {
            Some("check") => {
                if let (Some(id), Some(result)) = (object["id"].as_str(), object["result"].as_str())
                {
                    self.results.insert(id.to_owned(), result.to_owned());
                }
            }
            Some("portrait") => {
                if let Value::Object(stack) = &object["stack"] {
                    self.stack.clone_from(stack);
                }
            }
            _ => {}
        }
    }

    /// What is other now.
    pub fn compare(&self, entries: &[Entry], figures: &[Figure]) -> Comparison {
        let mut comparison = Comparison {
            path: self.path.clone(),
            ..Comparison::default()
        };
        for entry in entries {
            let Some(was) = self.results.get(entry.check.id) else {
                continue;
            };
            let is = formats::word(entry.result);
            let change = || Change {
                what: entry.check.id.to_owned(),
                was: was.clone(),
                is: is.to_owned(),
            };
            match (rank(was), rank(is)) {
                (Some(before), Some(now)) if now > before => comparison.worse.push(change()),
                (Some(before), Some(now)) if now < before => comparison.better.push(change()),
                // What once was seen and isn't now may be anything.
                (Some(0), None) => comparison.worse.push(change()),
                _ => {}
            }
        }
        for figure in figures {
            let Some(was) = self.stack.get(figure.key) else {
                continue;
            };
            if is_other(figure.key, was, &figure.value) {
                comparison.changed.push(Change {
                    what: figure.key.to_owned(),
                    was: bare(was),
                    is: bare(&figure.value),
                });
            }
        }
        comparison
    }
}

/// How bad a result is, if it says anything.
fn rank(result: &str) -> Option<u8> {
    match result {
        "passed" => Some(0),
        "noted" => Some(1),
        "worse" => Some(2),
        "failed" => Some(3),
        _ => None,
    }
}

/// Whether a figure is another; times differ a little each time, and what of a burst is answered.
fn is_other(key: &str, was: &Value, is: &Value) -> bool {
    if let (Some(was), Some(is)) = (was.as_array(), is.as_array()) {
        return was.len() != is.len()
            || was.iter().zip(is).any(|pair| match pair {
                (Value::Number(was), Value::Number(is)) => {
                    let [was, is] = [was, is].map(|number| number.as_f64().unwrap_or_default());
                    (is - was).abs() > was.max(is) * APART
                }
                (was, is) => was != is,
            });
    }
    match (was.as_f64(), is.as_f64()) {
        (Some(was), Some(is)) if key.ends_with("_ms") || key == "backoff" => {
            let least = if key == "backoff" { 0.2 } else { LEAST };
            (is - was).abs() > (was.abs().max(is.abs()) * APART).max(least)
        }
        _ => was != is,
    }
}

/// A word without its quotes, a number as it is.
fn bare(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl Comparison {
    /// How many checks came out worse.
    pub fn worse(&self) -> usize {
        self.worse.len()
    }

    /// The file of the earlier run.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The paragraph of a report.
    pub fn paragraph(&self) -> String {
        let mut text = format!("\nSince {}:\n", self.path.display());
        for (of, changes) in [
            ("worse", &self.worse),
            ("better", &self.better),
            ("other", &self.changed),
        ] {
            for Change { what, was, is } in changes {
                // A string takes everything.
                let _ = writeln!(text, "  {of:6}  {what}: {was}, now {is}");
            }
        }
        if self.worse.is_empty() {
            text += "  nothing is worse\n";
        }
        text
    }

    /// The line for programs.
    pub fn json_line(&self) -> String {
        let list = |changes: &[Change]| {
            let all = changes.iter();
            let all = all
                .map(|change| json!({ "what": change.what, "was": change.was, "is": change.is }));
            all.collect::<Vec<_>>()
        };
        let object = json!({
            "event": "comparison",
            "with": self.path.display().to_string(),
            "worse": list(&self.worse),
            "better": list(&self.better),
            "other": list(&self.changed),
        });
        format!("{object}\n")
    }
}

#[cfg(test)]
mod tests {
    use greet_std::core::probe::CASES;

    use super::super::{Evidence, Outcome};
    use super::*;

    fn earlier(results: &[(&str, &str)], stack: &Value) -> Earlier {
        let mut earlier = Earlier {
            path: "old.json".into(),
            results: BTreeMap::new(),
            stack: Map::new(),
        };
        for (id, result) in results {
            earlier.note(&json!({ "event": "check", "id": id, "result": result }));
        }
        earlier.note(&json!({ "event": "portrait", "stack": stack }));
        earlier.note(&json!({ "event": "summary", "passed": 3 }));
        earlier
    }

    fn entry(number: usize, result: Outcome) -> Entry {
        let check = &CASES.iter().copied().flatten().nth(number);
        Entry {
            check: &check.expect("a check").about,
            result,
            of: None,
            why: String::new(),
            details: Vec::new(),
            evidence: Evidence::default(),
        }
    }

    fn id(number: usize) -> &'static str {
        entry(number, Outcome::Passed).check.id
    }

    #[test]
    fn what_got_worse_is_told_from_what_got_better_and_from_what_says_nothing() {
        let earlier = earlier(
            &[
                (id(0), "passed"),
                (id(1), "failed"),
                (id(2), "passed"),
                (id(3), "inconclusive"),
                (id(4), "noted"),
            ],
            &Value::Null,
        );
        let entries = [
            entry(0, Outcome::Failed),
            entry(1, Outcome::Worse),
            entry(2, Outcome::Skipped),
            entry(3, Outcome::Failed),
            entry(4, Outcome::Noted),
            entry(5, Outcome::Failed),
        ];
        let comparison = earlier.compare(&entries, &[]);
        assert_eq!(comparison.worse(), 2);
        let lines = comparison.paragraph();
        for line in [
            format!("  worse   {}: passed, now failed\n", id(0)),
            format!("  worse   {}: passed, now skipped\n", id(2)),
            format!("  better  {}: failed, now worse\n", id(1)),
        ] {
            assert!(lines.contains(&line), "{lines}");
        }
        assert_eq!(lines.lines().count(), 5, "{lines}"); // an empty one, and the heading
    }

    #[test]
    fn times_differ_a_little_and_words_do_not() {
        let earlier = earlier(
            &[(id(0), "passed")],
            &json!({ "rto_ms": 1000.0, "ack_delay_ms": 2.0, "isn": "random", "ttl": 64 }),
        );
        let figure = |key, value: Value| Figure {
            key,
            name: key,
            words: value.to_string(),
            value,
        };
        let same = [
            figure("rto_ms", 1150.0.into()),
            figure("ack_delay_ms", 9.0.into()),
            figure("isn", "random".into()),
            figure("ttl", 64.into()),
            figure("window_bytes", 1.into()),
        ];
        let of = |figures: &[Figure]| earlier.compare(&[], figures).changed;
        assert_eq!(of(&same), []);
        let other = [
            figure("rto_ms", 3000.0.into()),
            figure("isn", "counter".into()),
            figure("ttl", 63.into()),
        ];
        let changed = of(&other);
        let words: Vec<_> = changed.iter().map(|change| &*change.is).collect();
        assert_eq!(words, ["3000.0", "counter", "63"]);
        assert!(
            earlier
                .compare(&[], &[])
                .paragraph()
                .contains("nothing is worse")
        );
    }
}
