//! Recognises a UDP server that grants each source so many answers in a second.
//!
//! Such a server answers all messages until the share of this second is used up, and then none
//! until the next second. What a network loses has no such rhythm.

use std::time::Duration;

/// What became of the messages of the first ten seconds, by when they were sent.
#[derive(Default)]
pub struct Rhythm {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    answered: u64,
    lost: u64,
}

/// A hundredth of a second.
const SLOT: Duration = Duration::from_millis(10);

/// Slots in a second.
const SECOND: usize = 100;

/// More is not kept: a rhythm is plain by then.
const MOST: usize = 10 * SECOND;

/// How far from a second apart two beats may be: a client notices late that answers come again.
const JITTER: usize = 15;

impl Rhythm {
    /// A message that was sent so long after the start was answered.
    pub fn answered(&mut self, sent: Duration) {
        if let Some(slot) = self.slot(sent) {
            slot.answered += 1;
        }
    }

    /// A message that was sent so long after the start was lost.
    pub fn lost(&mut self, sent: Duration) {
        if let Some(slot) = self.slot(sent) {
            slot.lost += 1;
        }
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        let len = self.slots.len().max(other.slots.len());
        self.slots.resize(len, Slot::default());
        for (slot, other) in self.slots.iter_mut().zip(&other.slots) {
            slot.answered += other.answered;
            slot.lost += other.lost;
        }
    }

    /// How many messages are answered in a second, if that is a limit.
    pub fn limit(&self) -> Option<u64> {
        let mut beats = self.beats();
        if beats.is_empty() {
            return None;
        }
        beats.remove(0); // it began in the midst of the server's second
        let mut counts: Vec<u64> = beats.iter().map(|beat| beat.answered).collect();
        counts.sort_unstable();
        let usual = *counts.get(counts.len() / 2)?;
        let alike = counts
            .iter()
            .filter(|count| count.abs_diff(usual) <= usual / 50)
            .count();
        let in_time = beats
            .windows(2)
            .filter(|two| (two[1].start - two[0].start).abs_diff(SECOND) <= JITTER)
            .count();
        // One in four may be off: this machine may have been busy.
        let most = |some: usize, all: usize| some > 0 && some * 4 >= all * 3;
        let has_rhythm = most(alike, counts.len()) && most(in_time, beats.len().saturating_sub(1));
        has_rhythm.then_some(usual)
    }

    /// Stretches that begin with an answer after a loss, and end with a loss.
    fn beats(&self) -> Vec<Beat> {
        let mut beats = Vec::new();
        let mut beat: Option<Beat> = None;
        for (at, slot) in self.slots.iter().enumerate() {
            if slot.answered > 0 {
                let ended = beat.filter(|beat| beat.has_lost && at - beat.start > SECOND / 2);
                if let Some(ended) = ended {
                    beats.push(ended);
                    beat = None;
                }
                let beat = beat.get_or_insert(Beat {
                    start: at,
                    answered: 0,
                    has_lost: false,
                });
                beat.answered += slot.answered;
            }
            // Around its start, what was lost belongs to the silence before.
            if let Some(beat) = &mut beat
                && at > beat.start + 1
            {
                beat.has_lost |= slot.lost > 0;
            }
        }
        beats.extend(beat.filter(|beat| beat.has_lost));
        beats
    }

    fn slot(&mut self, sent: Duration) -> Option<&mut Slot> {
        let at = usize::try_from(sent.as_millis() / SLOT.as_millis()).ok()?;
        if at >= MOST {
            return None;
        }
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Slot::default());
        }
        self.slots.get_mut(at)
    }
}

/// One of those stretches.
#[derive(Clone, Copy)]
struct Beat {
    start: usize,
    answered: u64,
    has_lost: bool,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What becomes of so many messages a second over six seconds, each number answered or not.
    fn rhythm(rate: u32, is_answered: impl Fn(u32, Duration) -> bool) -> Rhythm {
        let mut rhythm = Rhythm::default();
        for number in 0..rate * 6 {
            let sent = Duration::from_secs(1) * number / rate;
            if is_answered(number, sent) {
                rhythm.answered(sent);
            } else {
                rhythm.lost(sent);
            }
        }
        rhythm
    }

    /// A server whose seconds began so long before the start, and which answers so many in each.
    fn limited(rate: u32, limit: u32, before: Duration) -> Rhythm {
        let seen = Cell::new((u64::MAX, 0));
        rhythm(rate, |_, sent| {
            let now = (sent + before).as_secs();
            let (second, answered) = seen.get();
            let answered = if second == now { answered } else { 0 };
            seen.set((now, answered + 1));
            answered < limit
        })
    }

    #[test]
    fn a_server_that_limits_its_sources_is_recognised() {
        for before in [0, 1, 300, 500, 999].map(Duration::from_millis) {
            for (rate, limit) in [(110, 100), (200, 100), (1000, 100), (1000, 50), (10, 3)] {
                assert_eq!(
                    limited(rate, limit, before).limit(),
                    Some(limit.into()),
                    "{limit} of {rate}, {before:?}"
                );
            }
        }
    }

    #[test]
    fn what_a_network_loses_is_no_limit() {
        // xorshift
        let random = |number: u32| {
            let mut x = (number + 1).wrapping_mul(0x9E37_79B9);
            x ^= x << 13;
            x ^= x >> 17;
            x ^ x << 5
        };
        for percent in [1, 2, 5, 10, 30, 60] {
            for rate in [20, 100, 200, 1000] {
                let lossy = rhythm(rate, |number, _| random(number) % 100 >= percent);
                assert_eq!(lossy.limit(), None, "{percent} % of {rate}");
            }
        }
        let stalled = rhythm(200, |_, sent| !(2..4).contains(&sent.as_secs()));
        assert_eq!(stalled.limit(), None);
        assert_eq!(rhythm(200, |_, _| true).limit(), None);
        assert_eq!(rhythm(200, |_, _| false).limit(), None);
        assert_eq!(Rhythm::default().limit(), None);
    }

    #[test]
    fn two_loops_make_one_rhythm() {
        let mut sum = Rhythm::default();
        let whole = limited(1000, 100, Duration::from_millis(300));
        sum.add(&whole);
        sum.add(&whole);
        assert_eq!(sum.limit(), Some(200));
    }
}
