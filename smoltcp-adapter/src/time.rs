//! Time between core and smoltcp: both count microseconds from a start that the caller chose.
//!
//! In this crate time is smoltcp's: a [`Duration`](core::time::Duration) has a part in nanoseconds,
//! which makes each sum and each comparison long on a small board.

use smoltcp::time::{Duration, Instant};

/// Later than any moment that comes.
pub(crate) const NEVER: Instant = Instant::from_micros_const(i64::MAX);

/// Longer times count as within this second, 73,000 years. No sum of a few of them overflows.
const LAST_SECOND: u64 = i64::MAX as u64 / 4 / 1_000_000;

/// What smoltcp calls the moment `since_start`.
pub(crate) const fn instant(since_start: core::time::Duration) -> Instant {
    Instant::from_micros_const(micros(since_start).cast_signed())
}

/// What core calls `instant`, to which nobody but [`instant`] and sums of its results lead.
/// [`NEVER`] is `None`.
pub(crate) fn since_start(instant: Instant) -> Option<core::time::Duration> {
    let micros = instant.total_micros().unsigned_abs();
    (instant != NEVER).then(|| core::time::Duration::from_micros(micros))
}

/// A span of time as smoltcp counts it.
pub(crate) const fn span(duration: core::time::Duration) -> Duration {
    Duration::from_micros(micros(duration))
}

const fn micros(duration: core::time::Duration) -> u64 {
    let secs = if duration.as_secs() < LAST_SECOND {
        duration.as_secs()
    } else {
        LAST_SECOND
    };
    secs * 1_000_000 + duration.subsec_micros() as u64
}
