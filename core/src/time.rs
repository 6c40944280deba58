//! Time as an exchange keeps it: eight bytes for a moment, four for a limit.
//!
//! A [`Duration`] takes sixteen, and a server keeps thousands. Only this crate's machines see this.

use core::time::Duration;

/// Microseconds since the caller's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The caller's start.
    pub(crate) const START: Self = Self(0);

    /// Later than any moment that comes.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The last moment that comes, 292,000 years after the start; later ones count as this one. No
    /// sum of it and a limit overflows.
    pub(crate) const LAST: Self = Self(u64::MAX / 2);

    pub(crate) const fn at(since_start: Duration) -> Self {
        let secs = since_start.as_secs();
        if secs < Self::LAST.0 / 1_000_000 {
            Self(secs * 1_000_000 + since_start.subsec_micros() as u64)
        } else {
            Self::LAST
        }
    }

    pub(crate) const fn after(self, micros: u32) -> Self {
        Self(self.0 + micros as u64)
    }

    pub(crate) const fn after_millis(self, millis: u32) -> Self {
        Self(self.0 + millis as u64 * 1000)
    }

    /// `None` for [`NEVER`](Self::NEVER).
    pub(crate) fn since_start(self) -> Option<Duration> {
        (self != Self::NEVER).then(|| Duration::from_micros(self.0))
    }
}

impl From<Duration> for Moment {
    fn from(since_start: Duration) -> Self {
        Self::at(since_start)
    }
}

/// A limit in microseconds, at most `u32::MAX` of them.
pub(crate) const fn micros(limit: Duration) -> u32 {
    saturate(limit.as_secs(), 1_000_000, limit.subsec_micros())
}

/// A limit in milliseconds, at most `u32::MAX` of them.
pub(crate) const fn millis(limit: Duration) -> u32 {
    saturate(limit.as_secs(), 1_000, limit.subsec_millis())
}

/// So many seconds, and a part of one, in units of which a second has so many. What lies in the
/// last second that begins within `u32::MAX` counts as `u32::MAX`: that spares an addition its check.
#[expect(clippy::cast_possible_truncation, reason = "compared first")]
const fn saturate(secs: u64, units: u32, part: u32) -> u32 {
    if secs >= (u32::MAX / units) as u64 {
        u32::MAX
    } else {
        secs as u32 * units + part
    }
}
