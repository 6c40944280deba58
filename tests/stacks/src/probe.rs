//! What `greet probe` says of a stack, read from the objects that it prints.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use greet_breakages::table::First;
use serde::Deserialize;

/// How a stack is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tier {
    /// Over this system's sockets.
    Sockets,
    /// With packets of the probe's own, from a second host on the cable.
    Wire,
    /// With frames of that host alone: no server is asked.
    Frames,
}

impl Tier {
    const ALL: [Self; 3] = [Self::Sockets, Self::Wire, Self::Frames];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::Wire => "wire",
            Self::Frames => "frames",
        }
    }
}

impl FromStr for Tier {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|tier| tier.name() == name);
        named.ok_or_else(|| "there are sockets, wire and frames".to_owned())
    }
}

/// What one run came to.
#[derive(Clone, Debug, Default)]
pub struct Graded {
    pub checks: Vec<Check>,
    /// What is to be mended, in that order.
    pub findings: Vec<Finding>,
    /// What else it says of the run.
    pub notes: Vec<String>,
    /// Why the run didn't reach its end.
    pub error: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Check {
    pub id: String,
    pub result: String,
    pub why: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    pub id: String,
    pub whose: String,
    /// As that of a check: `noted` for a MAY.
    pub result: String,
    pub what: String,
    pub checks: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Check(Check),
    Finding(Finding),
    Summary {
        #[serde(default)]
        notes: Vec<String>,
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
                Line::Finding(finding) => graded.findings.push(finding),
                Line::Summary { notes, error } => {
                    (graded.notes, graded.error, ended) = (notes, error, true);
                }
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
    /// What it says of a stack that isn't well: each finding with its checks, and why it ended.
    pub fn said(&self) -> Vec<String> {
        let findings = self.findings.iter().map(|finding| {
            let Finding {
                id,
                whose,
                what,
                checks,
                result: _,
            } = finding;
            format!("{id}: {whose}: {what} ({})", checks.join(", "))
        });
        findings.chain(self.error.clone()).collect()
    }

    /// How many clients it found to be served at once, if those aren't so many.
    pub fn miscounts(&self, places: u16) -> Option<String> {
        let found = self.notes.iter().find_map(|note| {
            let (count, _) = note.split_once(" clients are served at once")?;
            count.parse::<u16>().ok()
        });
        (found != Some(places)).then(|| match found {
            Some(found) => format!("it found {found} places, not {places}"),
            None => format!("it found no {places} places"),
        })
    }

    /// What its first finding is instead of this one; `None`: it is. What is known of each check that a finding
    /// has isn't new.
    pub fn missed(&self, first: First<'_>, is_known: impl Fn(&str) -> bool) -> Option<String> {
        let is_old = |finding: &Finding| {
            !finding.checks.is_empty() && finding.checks.iter().all(|id| is_known(id))
        };
        // What is only noted is nobody's fault.
        let is_noted = |finding: &Finding| first == First::None && finding.result == "noted";
        let counts = |finding: &&Finding| !is_noted(finding) && !is_old(finding);
        let actual = self.findings.iter().find(counts);
        let actual = actual.map_or("none", |finding| &finding.id);
        let due = match first {
            First::Id(id) => id,
            First::None => "none",
        };
        (actual != due).then(|| format!("the first finding is {actual}, not {due}"))
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
    fn the_first_finding_is_compared() {
        let graded = Graded::read(
            "{\"event\":\"finding\",\"id\":\"link/loss\",\"whose\":\"link\",\"result\":\"failed\",\"what\":\"so\",\"checks\":[\"a/b\"]}\n\
             {\"event\":\"finding\",\"id\":\"stack/clock\",\"whose\":\"stack\",\"result\":\"noted\",\"what\":\"fast\",\"checks\":[]}\n\
             {\"event\":\"summary\",\"error\":\"dead\"}\n",
        )
        .expect("a report");
        let nothing = |_: &str| false;
        assert_eq!(graded.missed(First::Id("link/loss"), nothing), None);
        for first in [First::Id("stack/clock"), First::None] {
            assert!(graded.missed(first, nothing).is_some(), "{first:?}");
        }
        // What is known of it isn't the finding that is due.
        assert_eq!(graded.missed(First::None, |id| id == "a/b"), None);
        let noted = Graded {
            findings: graded.findings[1..].to_vec(),
            ..Graded::default()
        };
        assert_eq!(noted.missed(First::None, nothing), None);
        let none = Graded::default();
        assert_eq!(none.missed(First::None, nothing), None);
        assert!(none.missed(First::Id("link/loss"), nothing).is_some());
        let said = [
            "link/loss: link: so (a/b)",
            "stack/clock: stack: fast ()",
            "dead",
        ];
        assert_eq!(graded.said(), said);
    }

    #[test]
    fn half_a_report_is_none() {
        assert!(Graded::read("").is_err());
        assert!(Graded::read("greet: no").is_err());
    }
}
