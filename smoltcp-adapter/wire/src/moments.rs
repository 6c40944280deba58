//! The moments of core as smoltcp counts them, and back.

use greet_core::time::Instant;

/// What is never comes at the end of smoltcp's time.
pub(crate) fn smoltcp(at: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(at.as_micros()).unwrap_or(i64::MAX))
}

/// A moment after the start; one before it counts as the start.
pub(crate) fn core(at: smoltcp::time::Instant) -> Instant {
    match at.total_micros() {
        i64::MAX => Instant::NEVER,
        micros => Instant::from_micros(u64::try_from(micros).unwrap_or_default()),
    }
}
