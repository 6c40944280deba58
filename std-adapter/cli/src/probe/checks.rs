//! Every check that this program has: with raw frames, and of servers.

use greet_std::core::probe::{About, CASES};

/// In the order in which they run.
pub fn every() -> impl Iterator<Item = &'static About> {
    let cases = CASES.iter().copied().flatten();
    raw().chain(cases.map(|case| &case.about))
}

/// Those with raw frames.
#[cfg(all(target_os = "linux", feature = "wire"))]
pub fn raw() -> impl Iterator<Item = &'static About> {
    let cases = greet_wire::RAW_CASES.iter().copied().flatten();
    cases.map(|case| &case.about)
}

/// There are none without a cable.
#[cfg(not(all(target_os = "linux", feature = "wire")))]
fn raw() -> impl Iterator<Item = &'static About> {
    std::iter::empty()
}
