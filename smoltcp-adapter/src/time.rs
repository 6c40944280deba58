//! Time between core and smoltcp: both count microseconds from a start that the caller chose.

use core::time::Duration;

use smoltcp::time::Instant;

/// So late that nothing added to it overflows: 146,000 years.
const LATEST: u64 = i64::MAX as u64 / 2;

/// What smoltcp calls the moment `since_start`; later than [`LATEST`] counts as that.
pub(crate) fn instant(since_start: Duration) -> Instant {
    Instant::from_micros(micros(since_start).cast_signed())
}

/// What core calls `instant`; before the start counts as the start.
pub(crate) fn since_start(instant: Instant) -> Duration {
    Duration::from_micros(u64::try_from(instant.total_micros()).unwrap_or(0))
}

/// A span of time as smoltcp counts it.
pub(crate) fn span(duration: Duration) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_micros(micros(duration))
}

fn micros(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(duration.subsec_micros().into())
        .min(LATEST)
}
