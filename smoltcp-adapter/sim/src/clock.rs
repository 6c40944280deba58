//! What time a host thinks it is: the network's time since its boot, a little fast or slow.
//!
//! The network counts nanoseconds, smoltcp microseconds. All arithmetic is in whole numbers, so
//! that it comes out the same everywhere.

use core::time::Duration;

use smoltcp::time::Instant;

/// Nanoseconds since the simulation began.
pub(crate) type Nanos = u64;

/// A span in nanoseconds; more than 584 years count as that many.
pub(crate) fn nanos(span: Duration) -> Nanos {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment in nanoseconds, the start of the simulation being zero.
pub(crate) fn moment(instant: Instant) -> Nanos {
    micros(instant).saturating_mul(1000)
}

/// The microsecond within which `now` is.
pub(crate) fn shown(now: Nanos) -> Instant {
    instant(now / 1000)
}

pub(crate) fn instant(micros: u64) -> Instant {
    Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// Microseconds since the start. What is at the end of smoltcp's time is at the end of ours.
pub(crate) fn micros(instant: Instant) -> u64 {
    let micros = u64::try_from(instant.total_micros()).unwrap_or(0);
    if instant.total_micros() == i64::MAX {
        u64::MAX
    } else {
        micros
    }
}

/// A host's clock: zero at its boot, and `rate` parts of a million as fast as the network's.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    booted: Nanos,
    rate: u32,
}

const MILLION: u32 = 1_000_000;

impl Clock {
    /// A clock that starts at `now` and gains `drift` parts per million.
    pub(crate) const fn started(now: Nanos, drift: i32) -> Self {
        // A clock that stands still would never come to its next event.
        let rate = MILLION.saturating_add_signed(drift);
        Self {
            booted: now,
            rate: if rate == 0 { 1 } else { rate },
        }
    }

    /// The microseconds that the clock shows at `now`.
    pub(crate) fn shows(self, now: Nanos) -> u64 {
        let passed = now.saturating_sub(self.booted);
        if self.rate == MILLION {
            return passed / 1000;
        }
        let micros = u128::from(passed) * u128::from(self.rate) / (1000 * u128::from(MILLION));
        u64::try_from(micros).unwrap_or(u64::MAX)
    }

    /// The first moment at which the clock shows `micros`.
    pub(crate) fn reaches(self, micros: u64) -> Nanos {
        let passed = if self.rate == MILLION {
            micros.saturating_mul(1000)
        } else {
            let nanos = u128::from(micros) * 1000 * u128::from(MILLION);
            u64::try_from(nanos.div_ceil(u128::from(self.rate))).unwrap_or(u64::MAX)
        };
        self.booted.saturating_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_reached_when_the_clock_shows_it_and_not_before() {
        for drift in [0, 1, -1, 200, -200, 50_000, -999_999, i32::MIN, i32::MAX] {
            let clock = Clock::started(777, drift);
            for micros in [0, 1, 2, 999, 1_000_000, 3_600_000_000] {
                let moment = clock.reaches(micros);
                assert_eq!(clock.shows(moment).max(micros), clock.shows(moment));
                if moment > 777 {
                    assert!(clock.shows(moment - 1) < micros, "drift {drift}");
                }
            }
        }
    }

    #[test]
    fn a_clock_that_gains_a_hundred_parts_per_million_gains_them() {
        let clock = Clock::started(0, 100);
        assert_eq!(clock.shows(10_000_000_000), 10_001_000);
    }
}
