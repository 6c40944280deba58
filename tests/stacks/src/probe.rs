//! What `greet probe` says of a stack, read from the objects that it prints.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// How a stack is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tier {
    /// Over this system's sockets.
    Sockets,
    /// With packets of the probe's own, from a second host on the cable.
    Wire,
}

/// What one run came to.
#[derive(Clone, Debug, Default)]
pub struct Graded {
    pub checks: Vec<Check>,
    /// Why the run didn't reach its end.
    pub error: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Check {
    pub id: String,
    pub result: String,
    pub why: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Check(Check),
    Summary {
        error: Option<String>,
    },
    #[serde(other)]
    Other,
}

impl Graded {
    /// Reads what `greet probe --json` has printed.
    pub fn read(lines: &str) -> Result<Self> {
        let (mut graded, mut ended) = (Self::default(), false);
        for line in lines.lines() {
            match serde_json::from_str(line).with_context(|| format!("no report: {line}"))? {
                Line::Check(check) => graded.checks.push(check),
                Line::Summary { error } => (graded.error, ended) = (error, true),
                Line::Other => {}
            }
        }
        if !ended {
            bail!("the report has no end");
        }
        Ok(graded)
    }
}

impl Graded {
    /// What it says of a stack that isn't well: each cause with the checks that name it.
    pub fn said(&self) -> Vec<String> {
        let mut causes = BTreeMap::<_, Vec<_>>::new();
        let passed = ["passed", "skipped"];
        for check in &self.checks {
            if !passed.contains(&check.result.as_str()) {
                let why = check.why.as_deref().unwrap_or_default();
                let cause = format!("{}: {why}", check.result);
                causes.entry(cause).or_default().push(check.id.as_str());
            }
        }
        let all = causes
            .iter()
            .map(|(cause, ids)| format!("{cause}: {}", ids.join(", ")));
        all.chain(self.error.clone()).collect()
    }
}

impl fmt::Display for Graded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for result in [
            "passed",
            "failed",
            "worse",
            "noted",
            "inconclusive",
            "skipped",
        ] {
            let count = self.checks.iter().filter(|c| c.result == result).count();
            if count > 0 || ["passed", "failed"].contains(&result) {
                write!(f, "{comma}{result} {count}")?;
                comma = ", ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let graded = Graded::read(
            "{\"event\":\"check\",\"id\":\"a/b\",\"level\":\"MUST\",\"result\":\"failed\",\"why\":\"so\"}\n\
             {\"event\":\"link\"}\n\
             {\"event\":\"summary\",\"passed\":0,\"failed\":1}\n",
        )
        .expect("a report");
        assert_eq!(graded.to_string(), "passed 0, failed 1");
        assert_eq!(graded.checks[0].id, "a/b");
        assert!(graded.error.is_none());
    }

    #[test]
    fn what_is_said_names_each_cause_once() {
        let check = |id: &str, result: &str| Check {
            id: id.to_owned(),
            result: result.to_owned(),
            why: Some("late".to_owned()),
        };
        let graded = Graded {
            checks: vec![
                check("a/b", "failed"),
                check("c", "passed"),
                check("d", "failed"),
            ],
            error: Some("dead".to_owned()),
        };
        assert_eq!(graded.said(), ["failed: late: a/b, d", "dead"]);
    }

    #[test]
    fn half_a_report_is_none() {
        assert!(Graded::read("").is_err());
        assert!(Graded::read("greet: no").is_err());
    }
}
