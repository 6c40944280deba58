//! How long to wait for an acknowledgment, by the round trips that were measured (RFC 6298).

use std::time::Duration;

use crate::fault::{Fault, Wrong};
use crate::tcp::order::Order;

const INITIAL: Duration = Duration::from_secs(1);
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_mins(1);
/// After a SYN that had to be sent again (section 5.7).
const SLOW: Duration = Duration::from_secs(3);

/// The time-out, and what it is made of.
#[derive(Debug)]
pub struct Rto {
    wrong: Wrong,
    current: Duration,
    /// The round trip and how much it varies.
    smoothed: Option<(Duration, Duration)>,
    /// What is being measured: what has to be acknowledged, and when it went.
    timed: Option<(u32, Duration)>,
}

impl Rto {
    /// Nothing is known.
    pub fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            current: INITIAL,
            smoothed: None,
            timed: None,
        }
    }

    /// The time-out now.
    pub fn span(&self) -> Duration {
        match () {
            () if self.wrong.is(Fault::RtoEarly) => self.current / 20,
            () if self.wrong.is(Fault::ClockFast) => self.current / 10,
            () => self.current,
        }
    }

    /// It has passed.
    pub fn back_off(&mut self) {
        self.current = self.doubled(self.current);
    }

    /// Twice as long.
    pub fn doubled(&self, span: Duration) -> Duration {
        if self.wrong.is(Fault::NoBackoff) {
            return span;
        }
        (2 * span).min(MOST)
    }

    /// At least as long as another connection's, which is a fault.
    pub fn inherit(&mut self, other: &Self) {
        self.current = self.current.max(other.current);
    }

    /// The SYN had to be sent again.
    pub fn begin_slow(&mut self) {
        self.current = SLOW;
    }

    /// Something new was sent, up to this number.
    pub fn sent(&mut self, end: u32, now: Duration) {
        self.timed.get_or_insert((end, now));
    }

    /// What is sent again can't be measured (Karn's algorithm, section 3).
    pub fn forget(&mut self) {
        self.timed = None;
    }

    /// This was acknowledged.
    pub fn acknowledged(&mut self, ack: u32, order: Order, now: Duration) {
        let Some((_, then)) = self.timed.take_if(|(end, _)| !order.before(ack, *end)) else {
            return;
        };
        let trip = now.saturating_sub(then);
        let (smoothed, varies) = match self.smoothed {
            None => (trip, trip / 2),
            Some((smoothed, varies)) => (
                (smoothed * 7 + trip) / 8,
                (varies * 3 + smoothed.abs_diff(trip)) / 4,
            ),
        };
        self.smoothed = Some((smoothed, varies));
        self.current = (smoothed + 4 * varies).clamp(LEAST, MOST);
    }
}
