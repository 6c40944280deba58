//! What came of each check in one run of the probe.

use std::collections::{BTreeMap, BTreeSet};

use greet_core::probe::{About, Event, Plan, ProbeStack, Summary, Verdict, run};

/// The longest datagram of a check fits.
const ROOM: usize = 8192;

/// What a run came to.
pub struct Grade {
    /// How many checks ended in which way.
    pub summary: Summary,
    /// Which passed.
    pub passed: BTreeSet<&'static str>,
    /// What went wrong in each check that failed, or why it couldn't tell.
    pub failed: BTreeMap<&'static str, String>,
    /// Why each check was skipped that was.
    pub skipped: BTreeMap<&'static str, &'static str>,
}

/// Runs the checks that `only` picks.
pub fn grade(lab: &mut impl ProbeStack, plan: &Plan, only: impl Fn(&About) -> bool) -> Grade {
    let mut grade = Grade {
        summary: Summary::default(),
        passed: BTreeSet::new(),
        failed: BTreeMap::new(),
        skipped: BTreeMap::new(),
    };
    let summary = run(lab, plan, &mut [0; ROOM], only, &mut |event| match event {
        Event::Ended {
            check,
            verdict,
            actual,
        } => grade.note(check.id, &verdict, actual),
        Event::NotGreeting {
            mode,
            failure,
            actual,
        } => {
            let actual = actual.escape_ascii();
            let why = format!("nobody is greeted in {mode:?}: {failure:?}, actual: \"{actual}\"");
            grade.failed.insert("a first greeting", why);
        }
        _ => {}
    });
    grade.summary = summary;
    grade
}

impl Grade {
    fn note(&mut self, id: &'static str, verdict: &Verdict, actual: &[u8]) {
        match *verdict {
            Verdict::Passed | Verdict::PassedWithLoss { .. } => _ = self.passed.insert(id),
            Verdict::Skipped(reason) => _ = self.skipped.insert(id, reason),
            Verdict::Inconclusive(reason) => _ = self.failed.insert(id, reason.to_owned()),
            Verdict::Failed(failure) => {
                let actual = actual.escape_ascii();
                let why = format!("{failure:?}, actual: \"{actual}\"");
                self.failed.insert(id, why);
            }
            _ => _ = self.failed.insert(id, format!("{verdict:?}")),
        }
    }

    /// Which failed.
    pub fn failed(&self) -> BTreeSet<&'static str> {
        self.failed.keys().copied().collect()
    }

    /// What both runs passed; what one of them failed or skipped.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.passed.retain(|id| other.passed.contains(id));
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
        self
    }
}
