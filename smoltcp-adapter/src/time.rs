//! Time between core and smoltcp: both count microseconds from a start that the caller chose.
//!
//! In this crate time is smoltcp's; core's is met at its edges.

use smoltcp::time::{Duration, Instant};

/// Later than any moment that comes.
pub(crate) const NEVER: Instant = Instant::from_micros_const(i64::MAX);

/// Longer times count as within this second, 73,000 years. No sum of a few of them overflows.
const LAST_SECOND: u64 = i64::MAX as u64 / 4 / 1_000_000;

/// What smoltcp calls a moment; one that it can't count is [`NEVER`].
pub(crate) fn instant(moment: greet_core::time::Instant) -> Instant {
    i64::try_from(moment.as_micros()).map_or(NEVER, Instant::from_micros_const)
}

/// What core calls a moment that [`instant`] or sums of its results have made.
pub(crate) fn moment(instant: Instant) -> greet_core::time::Instant {
    if instant == NEVER {
        return greet_core::time::Instant::NEVER;
    }
    greet_core::time::Instant::from_micros(instant.total_micros().cast_unsigned())
}

/// What the backlog calls a moment.
pub(crate) fn micros(instant: Instant) -> syn_backlog::time::Instant {
    syn_backlog::time::Instant::from_micros(instant.total_micros().cast_unsigned())
}

/// A span of time as smoltcp counts it.
pub(crate) const fn span(duration: core::time::Duration) -> Duration {
    Duration::from_micros(bounded_micros(duration))
}

const fn bounded_micros(duration: core::time::Duration) -> u64 {
    let secs = if duration.as_secs() < LAST_SECOND {
        duration.as_secs()
    } else {
        LAST_SECOND
    };
    secs * 1_000_000 + duration.subsec_micros() as u64
}
