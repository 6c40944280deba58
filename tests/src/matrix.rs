//! Checks and labs as named tests, and the table that says which check passed over which lab.
//!
//! Called by `tests/conformance`, which plugs the labs in.

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use greet_core::probe::CASES;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::lab::Grade;

/// The checks that a lab skips, each with the reason.
pub type Skips = &'static [(&'static str, &'static str)];

/// All checks over all labs that were plugged in.
#[derive(Default)]
pub struct Matrix {
    labs: Vec<Arc<Lab>>,
}

struct Lab {
    name: &'static str,
    skips: Skips,
    /// The whole probe over it, which its first test runs.
    run: Box<dyn Fn() -> Grade + Send + Sync>,
    grade: OnceLock<Grade>,
}

impl Matrix {
    /// Plugs a lab in: every check becomes a test. It must be passed, but for those which this lab
    /// skips for this reason.
    pub fn lab(
        &mut self,
        name: &'static str,
        skips: Skips,
        run: impl Fn() -> Grade + Send + Sync + 'static,
    ) {
        self.labs.push(Arc::new(Lab::new(name, skips, run)));
    }

    /// Runs the tests that the command line asks for, and prints the table.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        // Check by check, and a thread for each lab: those whose time is real wait side by side.
        arguments.test_threads.get_or_insert(self.labs.len());
        let trials = ids().flat_map(|id| {
            self.labs.iter().map(move |lab| {
                let lab = Arc::clone(lab);
                let name = format!("{}::{id}", lab.name);
                Trial::test(name, move || lab.judge(id).map_err(Failed::from))
            })
        });
        let conclusion = libtest_mimic::run(&arguments, trials.collect());
        if !arguments.list {
            println!("{}", table(&self.labs));
        }
        conclusion.exit_code()
    }
}

fn ids() -> impl Iterator<Item = &'static str> {
    CASES.iter().copied().flatten().map(|case| case.about.id)
}

impl Lab {
    fn new(
        name: &'static str,
        skips: Skips,
        run: impl Fn() -> Grade + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            skips,
            run: Box::new(run),
            grade: OnceLock::new(),
        }
    }

    /// Whether a check ended as it must over this lab.
    fn judge(&self, id: &str) -> Result<(), String> {
        let grade = self.grade.get_or_init(&self.run);
        let due = self.skips.iter().find(|(skipped, _)| *skipped == id);
        let due = due.map(|(_, reason)| *reason);
        if let Some(why) = grade.failed.get(id) {
            return Err(why.clone());
        }
        match grade.skipped.get(id).copied() {
            Some(reason) if Some(reason) == due => Ok(()),
            Some(reason) => Err(format!("skipped: {reason}")),
            None if !grade.passed.contains(id) => Err(format!("it wasn't run: {:?}", grade.failed)),
            None => due.map_or(Ok(()), |reason| {
                Err(format!("it passed, and should be skipped: {reason}"))
            }),
        }
    }

    /// What the table says of a check, if the lab was run.
    fn cell(&self, id: &str) -> &'static str {
        match self.grade.get() {
            None => "-",
            Some(_) if self.judge(id).is_err() => "FAILED",
            Some(grade) if grade.skipped.contains_key(id) => "skipped",
            Some(_) => "ok",
        }
    }
}

fn table(labs: &[Arc<Lab>]) -> String {
    let width = ids().map(str::len).max().unwrap_or_default();
    let mut text = format!("{:width$}", "check");
    for lab in labs {
        // Writing to a string can't fail.
        let _ = write!(text, "  {:7}", lab.name);
    }
    for id in ids() {
        let _ = write!(text, "\n{id:width$}");
        for lab in labs {
            let column = lab.name.len().max(7);
            let _ = write!(text, "  {:column$}", lab.cell(id));
        }
    }
    text + "\n(-: not run)\n"
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use greet_core::probe::Summary;

    use super::*;

    const SKIPS: Skips = &[("read/tight", "no window"), ("close/leave", "no door")];

    fn lab(name: &'static str) -> Lab {
        Lab::new(name, SKIPS, || Grade {
            summary: Summary::default(),
            passed: BTreeSet::from(["read/slow", "close/leave"]),
            failed: BTreeMap::from([("tcp/world", "no reply".to_owned())]),
            skipped: BTreeMap::from([("read/tight", "no window"), ("tcp/nul", "no zero")]),
        })
    }

    #[test]
    fn a_check_passes_or_is_skipped_as_it_was_said() {
        let lab = lab("lab");
        assert_eq!(lab.judge("read/slow"), Ok(()));
        assert_eq!(lab.judge("read/tight"), Ok(()));
        for (id, why) in [
            ("tcp/world", "no reply"),
            ("tcp/nul", "skipped: no zero"),
            ("close/leave", "it passed, and should be skipped: no door"),
        ] {
            assert_eq!(lab.judge(id), Err(why.to_owned()), "{id}");
        }
        let why = lab.judge("tcp/emoji").expect_err("it wasn't run");
        assert!(why.starts_with("it wasn't run"), "{why}");
    }

    #[test]
    fn the_table_tells_passed_from_failed_from_skipped_and_from_not_run() {
        let labs = [lab("here"), lab("there")].map(Arc::new);
        labs[0].judge("read/slow").unwrap();
        let text = table(&labs);
        let row = |id: &str| {
            let row = text.lines().find(|line| line.starts_with(id)).unwrap();
            row.split_whitespace().skip(1).collect::<Vec<_>>()
        };
        assert_eq!(row("check"), ["here", "there"]);
        assert_eq!(row("read/slow"), ["ok", "-"]);
        assert_eq!(row("read/tight"), ["skipped", "-"]);
        assert_eq!(row("tcp/world"), ["FAILED", "-"]);
    }
}
