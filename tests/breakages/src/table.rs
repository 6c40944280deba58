//! The table of breakages: what is broken of a cable or a stack, and what a report on it must say
//! first.

use std::str::FromStr;

use anyhow::{Context, Error, Result};
use serde::Deserialize;

use crate::fault::Fault;

/// All that there are, in their order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    breakage: Vec<Breakage>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breakage {
    /// Its name.
    pub name: String,
    /// What is done to frames on their way to the stack.
    #[serde(default, deserialize_with = "fault")]
    pub to_stack: Option<Fault>,
    /// The same on their way from it.
    #[serde(default, deserialize_with = "fault")]
    pub from_stack: Option<Fault>,
    /// What a server is told that can break itself; others are left out.
    pub server: Option<String>,
    /// What it should be called.
    pub should: String,
    /// The id of the finding that a report over sockets has first; `none`: it has none.
    pub finding: Option<String>,
    /// Why a report over sockets can't see it.
    pub unseen: Option<String>,
    /// The id of the finding that a report with raw frames alone has first; `none`: it has no finding.
    pub raw: String,
    /// The checks of TCP with raw frames that are to see it, as `--only` takes them; without, none of TCP is run.
    pub also: Option<String>,
    /// How CI asks each time: over `sockets` or with `frames`; none: it isn't laid there.
    pub ci: Option<String>,
}

impl Breakage {
    /// What a report's first finding must be; `None`: a report can't see this.
    pub fn first(&self) -> Option<First<'_>> {
        self.finding.as_deref().map(first)
    }

    /// The same with raw frames.
    pub fn first_by_frames(&self) -> First<'_> {
        first(&self.raw)
    }
}

fn first(id: &str) -> First<'_> {
    match id {
        "none" => First::None,
        id => First::Id(id),
    }
}

/// What a report has first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<'a> {
    /// This finding.
    Id(&'a str),
    /// None at all.
    None,
}

impl Table {
    /// The table that comes with this crate.
    ///
    /// # Errors
    ///
    /// It isn't one.
    pub fn ours() -> Result<Self> {
        include_str!("../table.toml").parse()
    }

    /// Its rows.
    pub fn rows(&self) -> &[Breakage] {
        &self.breakage
    }
}

impl FromStr for Table {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        toml::from_str(text).context("no table of breakages")
    }
}

fn fault<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Fault>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_names_each_once_and_breaks_something() {
        let table = Table::ours().expect("a table");
        for (at, row) in table.rows().iter().enumerate() {
            let is_broken =
                row.to_stack.is_some() || row.from_stack.is_some() || row.server.is_some();
            assert!(is_broken, "{row:?}");
            assert!(!row.should.is_empty(), "{row:?}");
            assert!(row.finding.is_some() != row.unseen.is_some(), "{row:?}");
            assert!(row.raw == "none" || row.raw.contains('/'), "{row:?}");
            let is_seen = match row.ci.as_deref() {
                Some("sockets") => row.finding.as_deref().is_some_and(|id| id != "none"),
                Some("frames") => row.raw != "none",
                ci => ci.is_none(),
            };
            assert!(is_seen, "{row:?}");
            assert!(
                table.rows()[..at]
                    .iter()
                    .all(|other| other.name != row.name),
                "{row:?}"
            );
        }
    }

    #[test]
    fn ours_has_every_kind_of_fault() {
        let table = Table::ours().expect("a table");
        for (name, kind) in crate::fault::Kind::ALL {
            let faults = table
                .rows()
                .iter()
                .flat_map(|row| [row.to_stack, row.from_stack]);
            assert!(faults.flatten().any(|fault| fault.kind == kind), "{name}");
        }
    }
}
