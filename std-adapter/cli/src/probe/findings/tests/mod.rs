//! Each finding from a server or a link that shows it, or from what such a run has seen; and none from
//! those that are well.

#[cfg(in_repository)]
mod faulty;
mod guide;
mod made_up;
#[cfg(in_repository)]
mod proofs;
mod servers;
mod told_apart;

use greet_std::core::probe::{About, CASES, Verdict};

use super::seen::{Of, Seen};
use super::{Finding, of};
use crate::probe::Outcome;

fn checks() -> impl Iterator<Item = &'static About> {
    CASES.iter().copied().flatten().map(|case| &case.about)
}

fn check(id: &str) -> &'static About {
    let mut all = checks();
    all.find(|check| check.id == id)
        .unwrap_or_else(|| panic!("no check is called {id}"))
}

fn result(check: &'static About, verdict: Verdict, actual: &[u8]) -> Of {
    Of::new(check, Outcome::of(check, &verdict, false), verdict, actual)
}

/// The first finding, and it must be one that can be acted on.
fn first(seen: &Seen) -> &'static str {
    let findings = of(seen);
    for finding in &findings {
        let Finding { what, look, .. } = finding;
        assert!(what.len() > 20 && look.len() > 20, "{finding:#?}");
    }
    findings.first().map_or("none", |finding| finding.id)
}
