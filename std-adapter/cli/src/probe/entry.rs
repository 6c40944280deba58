//! What a report says of one check.

use std::path::PathBuf;

use greet_std::core::probe::{self, About, Level};

use super::findings::Of;
use super::words;

/// What one check came to, with its details in lines.
pub struct Entry {
    pub check: &'static About,
    pub result: Outcome,
    /// What findings are made from; a check with raw frames brings its own.
    pub of: Option<Of>,
    /// A sentence, where it didn't simply pass.
    pub why: String,
    pub details: Vec<String>,
    /// What crossed the cable, and where it is kept.
    pub evidence: Evidence,
}

/// What a check leaves behind beside its verdict.
#[derive(Default)]
pub struct Evidence {
    /// The frames that show it, each a line that may be broken.
    pub frames: Vec<String>,
    /// Lines that show it, or are to be copied.
    pub lines: Vec<String>,
    /// The files that have it.
    pub files: Vec<PathBuf>,
    /// Which files couldn't be written, and why.
    pub unkept: Option<String>,
    /// The command that runs the check again, alone.
    pub again: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Passed,
    Failed,
    /// A SHOULD that doesn't count: worse than it should be.
    Worse,
    /// A MAY.
    Noted,
    Inconclusive,
    Skipped,
}

impl Outcome {
    pub fn of(check: &About, verdict: &probe::Verdict, strict: bool) -> Self {
        use probe::Verdict::{Failed, Inconclusive, Skipped};
        match (verdict, check.level) {
            (Failed(_), Level::Must) => Self::Failed,
            (Failed(_), Level::Should) if strict => Self::Failed,
            (Failed(_), Level::Should) => Self::Worse,
            (Failed(_), Level::May) => Self::Noted,
            (Inconclusive(_), _) => Self::Inconclusive,
            (Skipped(_), _) => Self::Skipped,
            _ => Self::Passed,
        }
    }
}

impl Entry {
    pub fn new(
        check: &'static About,
        verdict: probe::Verdict,
        actual: &[u8],
        strict: bool,
        row: usize,
    ) -> Self {
        let (why, details) = words::explain(&verdict, actual, row);
        let result = Outcome::of(check, &verdict, strict);
        Self {
            check,
            result,
            of: Some(Of::new(check, result, verdict, actual)),
            why,
            details,
            evidence: Evidence::default(),
        }
    }

    /// The group, and the name in it.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.check.id.split_once('/').unwrap_or(("", self.check.id))
    }
}
