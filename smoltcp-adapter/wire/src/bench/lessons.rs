//! What checks have seen of the board's timers beside their own sentences, so that no other has to wait for the same.

use core::time::Duration;
use std::collections::HashMap;

use greet_core::time::Instant;

use super::segment::flags::{ACK, SYN};
use super::{Heard, Said};

/// Who asks for the same takes it from here if it is as it should be. If it isn't, his own frames have to show it.
#[derive(Debug, Default)]
pub(crate) struct Lessons {
    /// The times from one answer to the next, of a SYN that nobody has acknowledged.
    pub synacks: Vec<Duration>,
    /// How long a connection waits that has backed off, and how long a new one beside it.
    pub beside: Option<(Duration, Duration)>,
    /// When SYNs were answered in this check, by its own port.
    answers: HashMap<u16, Vec<Instant>>,
}

impl Lessons {
    /// A check begins.
    pub(super) fn begin(&mut self) {
        self.answers.clear();
    }

    pub(super) fn hear(&mut self, heard: &Heard) {
        if let Said::Tcp(segment) = &heard.said
            && segment.has(SYN | ACK)
        {
            let times = self.answers.entry(segment.ports.1).or_default();
            times.push(heard.time);
        }
    }

    /// How often a SYN was answered at most in this check.
    pub(crate) fn answers(&self) -> usize {
        self.answers.values().map(Vec::len).max().unwrap_or(0)
    }

    /// Keeps the answers of the handshake that got most of them, if those are more than are known.
    pub(crate) fn keep_handshake(&mut self) {
        let most = self.answers.values().max_by_key(|times| times.len());
        let pairs = most.map(|times| times.windows(2)).into_iter().flatten();
        let gaps = pairs.filter_map(|pair| match pair {
            [one, next] => Some(next.since(*one)),
            _ => None,
        });
        let gaps: Vec<_> = gaps.collect();
        if gaps.len() > self.synacks.len() {
            self.synacks = gaps;
        }
    }
}
