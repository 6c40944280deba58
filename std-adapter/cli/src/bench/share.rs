//! What came of one event loop, and the sum of all.

use std::time::{Duration, Instant};

use super::client::Greeting;
use super::limit::Rhythm;
use crate::latency::Latency;

/// What came of a loop.
pub struct Share {
    pub latency: Latency,
    pub rhythm: Rhythm,
    pub begun: u64,
    pub lost: u64,
    /// When the last greeting came, and when the loop ended, since the start.
    pub last: Duration,
    pub ended: Duration,
}

impl Share {
    pub fn new() -> Self {
        Self {
            latency: Latency::new(),
            rhythm: Rhythm::default(),
            begun: 0,
            lost: 0,
            last: Duration::ZERO,
            ended: Duration::ZERO,
        }
    }

    /// Adds another's; they ran at the same time.
    pub fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency);
        self.rhythm.add(&other.rhythm);
        self.begun += other.begun;
        self.lost += other.lost;
        self.last = self.last.max(other.last);
        self.ended = self.ended.max(other.ended);
    }

    pub fn answered(&mut self, greeting: &Greeting, start: Instant, now: Instant) {
        self.latency.record(greeting.latency(now));
        self.last = now.saturating_duration_since(start);
        let sent = greeting.asked.saturating_duration_since(start);
        self.rhythm.answered(sent);
    }

    /// A message wasn't answered in time.
    pub fn late(&mut self, greeting: &Greeting, start: Instant) {
        self.lost += 1;
        let sent = greeting.asked.saturating_duration_since(start);
        self.rhythm.lost(sent);
    }
}
