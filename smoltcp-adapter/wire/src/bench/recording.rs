//! The frames of a check, the last so many of them, or those of the last minute: what evidence is made of.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};

use greet_core::time::Instant;
use smoltcp::phy::Medium;
use smoltcp_sim::{Ladder, Packet, Trace};

use super::{Heard, Said};
use crate::evidence::Evidence;
use crate::moments;

use super::segment::flags;

/// So many bytes of the frames of a check are kept, the last ones.
const MOST: usize = 8 << 20;

/// The same of a time, whatever checks come in it.
const MOST_OF_A_TIME: usize = 64 << 20;

/// What crossed the cable, the latest of it.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    frames: VecDeque<Kept>,
    bytes: usize,
    /// How many were thrown away for later ones.
    forgotten: u64,
    origin: Duration,
    /// For so long frames are kept; `None`: those of one check are.
    time: Option<Duration>,
    /// So many there were when the check ended; what follows shows that the board lives.
    of_check: Option<u64>,
}

#[derive(Clone, Debug)]
struct Kept {
    time: Instant,
    is_own: bool,
    frame: Vec<u8>,
}

impl Kept {
    /// How much memory it takes, about.
    fn cost(&self) -> usize {
        self.frame.len() + size_of::<Self>()
    }
}

impl Recording {
    pub(crate) fn new(origin: Duration) -> Self {
        Self {
            origin,
            ..Self::default()
        }
    }

    /// Keeps what crosses within so long from now on, beyond the end of a check.
    pub(crate) fn keep_last(&mut self, time: Duration) {
        self.time = Some(time);
    }

    pub(crate) fn keep(&mut self, time: Instant, is_own: bool, frame: &[u8]) {
        let kept = Kept {
            time,
            is_own,
            frame: frame.to_vec(),
        };
        self.bytes += kept.cost();
        self.frames.push_back(kept);
        let most = self.time.map_or(MOST, |_| MOST_OF_A_TIME);
        while let Some(first) = self.frames.front() {
            let is_old = self.time.is_some_and(|long| time.since(first.time) > long);
            if self.bytes <= most && !is_old {
                return;
            }
            self.bytes -= first.cost();
            self.frames.pop_front();
            self.forgotten += 1;
        }
    }

    /// A check begins.
    pub(crate) fn begin(&mut self) {
        if self.time.is_none() {
            *self = Self::new(self.origin);
        }
        self.of_check = None;
    }

    /// The check has ended: what follows is shown only if it has to do with it.
    pub(crate) fn check_ends(&mut self) {
        self.of_check = Some(self.forgotten + self.frames.len() as u64);
    }

    /// What has followed belongs to the check as well.
    pub(crate) fn check_goes_on(&mut self) {
        self.of_check = None;
    }

    /// How many frames there were before the first of these, and aren't kept.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// By time: what came is taken later than it came.
    fn in_order(&self) -> Vec<&Kept> {
        let mut all: Vec<_> = self.frames.iter().collect();
        all.sort_by_key(|kept| kept.time);
        all
    }

    /// The frames as evidence, with those that show whether the board lived afterwards.
    pub fn evidence(&self) -> Evidence {
        self.evidence_of(usize::MAX)
    }

    /// The ladder of the check's last connection, or exchange of datagrams, if it had one.
    pub fn ladder(&self) -> Option<Ladder> {
        self.evidence_of(self.shown()).ladder()
    }

    /// How many of the frames belong to the check.
    fn shown(&self) -> usize {
        let of_check = self.of_check.map(|all| all.saturating_sub(self.forgotten));
        let shown = of_check.and_then(|count| usize::try_from(count).ok());
        shown.unwrap_or(self.frames.len())
    }

    fn evidence_of(&self, most: usize) -> Evidence {
        let mut trace = Trace::new(Medium::Ethernet);
        let [tester, board] = ["tester", "board"].map(|name| trace.add_host(name));
        for kept in self.in_order().into_iter().take(most) {
            let (from, to) = if kept.is_own {
                (tester, board)
            } else {
                (board, tester)
            };
            let at = moments::smoltcp(kept.time);
            trace.push(&Packet::new(from, to, at, &kept.frame));
        }
        Evidence::of(trace, tester, self.origin)
    }

    /// The last so many frames of the check in words, with times since the first of those that are kept.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let frames = self.in_order();
        let first = frames.first().map(|kept| kept.time);
        let shown = self.shown();
        let hidden = shown.saturating_sub(most);
        let mut lines = Vec::new();
        if hidden > 0 || self.forgotten > 0 {
            lines.push(format!(
                "({} frames before)",
                hidden as u64 + self.forgotten
            ));
        }
        // The first number of each side of a connection, as others are easier to read since it.
        let mut firsts = HashMap::new();
        for (place, kept) in frames.into_iter().take(shown).enumerate() {
            let heard = Heard::new(kept.time, kept.frame.clone());
            let words = match &heard.said {
                Said::Tcp(segment) => {
                    let other = (segment.ports.1, segment.ports.0);
                    let first = *firsts.entry(segment.ports).or_insert(segment.seq);
                    if segment.has(flags::ACK) {
                        firsts.entry(other).or_insert(segment.ack);
                    }
                    segment.words(first, *firsts.get(&other).unwrap_or(&0))
                }
                _ if place < hidden => continue,
                _ => heard.words(),
            };
            if place < hidden {
                continue;
            }
            let since = kept.time.since(first.unwrap_or(kept.time));
            let way = if kept.is_own { '>' } else { '<' };
            let len = kept.frame.len();
            lines.push(format!(
                "{:>11.6} {way} {words}, {len} bytes",
                since.as_secs_f64()
            ));
        }
        lines
    }
}
