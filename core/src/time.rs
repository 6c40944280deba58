//! Moments, as everything here counts them: microseconds since a start that the caller chooses.
//!
//! A span of time is a [`Duration`]. What keeps thousands of either keeps them smaller, and shows
//! nobody.

use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// A moment: microseconds since any fixed start, such as a board's boot, a program's start, or that
/// of a simulation.
///
/// Nothing here reads a clock: whoever calls says what time it is. It must not run backwards; one
/// that stands still delays what is due.
///
/// ```
/// use core::time::Duration;
/// use greet_core::time::Instant;
///
/// let now = Instant::from_millis(1_500);
/// assert_eq!(now + Duration::from_secs(2), Instant::from_millis(3_500));
/// assert_eq!(now.since(Instant::START), Duration::from_millis(1_500));
/// assert!(now < Instant::NEVER);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The caller's start.
    pub const START: Self = Self(0);

    /// Later than any moment that comes. What is due then is never due.
    pub const NEVER: Self = Self(u64::MAX);

    /// So many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// So many milliseconds after the start; what can't be counted is [`NEVER`](Self::NEVER).
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// So long after the start; what can't be counted, after half a million years, is
    /// [`NEVER`](Self::NEVER).
    pub const fn at(since_start: Duration) -> Self {
        Self::START.after(since_start)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` it is; nothing, if it isn't.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// How long to wait at `now` for what is due at this moment. `None`: for ever, as it is
    /// [`NEVER`](Self::NEVER) due.
    pub fn wait(self, now: Self) -> Option<Duration> {
        (self != Self::NEVER).then(|| self.since(now))
    }

    pub(crate) const fn after_micros(self, micros: u32) -> Self {
        Self(self.0.saturating_add(micros as u64))
    }

    pub(crate) const fn after_millis(self, millis: u32) -> Self {
        Self(self.0.saturating_add(millis as u64 * 1_000))
    }

    /// So many milliseconds earlier, and not before the start.
    pub(crate) const fn before_millis(self, millis: u32) -> Self {
        Self(self.0.saturating_sub(millis as u64 * 1_000))
    }

    const fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

const fn micros(span: Duration) -> u64 {
    span.as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(span.subsec_micros() as u64)
}

/// What can't be counted is [`NEVER`](Instant::NEVER).
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        self.after(span)
    }
}

/// What can't be counted is [`NEVER`](Instant::NEVER).
impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

/// Before the start there is nothing.
impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }
}

/// Widens a counter of 32 bits that wraps, such as a board's milliseconds, which do after 49 days.
///
/// ```
/// use greet_core::time::{Instant, Widen};
///
/// let mut millis = Widen::new();
/// let mut now = |counter| Instant::from_millis(millis.widen(counter));
///
/// assert_eq!(now(u32::MAX), Instant::from_millis(4_294_967_295));
/// assert_eq!(now(4), Instant::from_millis(4_294_967_300)); // five later
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Widen(u64);

impl Widen {
    /// For a counter that has not wrapped yet.
    pub const fn new() -> Self {
        Self(0)
    }

    /// The counter as if it had 64 bits. Ask at least once in every round of the counter: a round
    /// in which nobody does is lost.
    pub const fn widen(&mut self, counter: u32) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "the counter's bits")]
        let passed = counter.wrapping_sub(self.0 as u32);
        self.0 = self.0.wrapping_add(passed as u64);
        self.0
    }
}
