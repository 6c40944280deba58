//! One direction of a broken cable: frames in, frames out, and a clock of the caller's.

use std::collections::VecDeque;
use std::time::Duration;

use crate::fault::{Fault, Kind};
use crate::frame;

/// How long a frame that is to be swapped waits for another.
const SWAP: Duration = Duration::from_millis(20);
/// How long a ring takes to be emptied.
const TURN: Duration = Duration::from_micros(100);
/// What a cable carries: more would be lost, which is another fault.
const LONGEST: usize = 1514;
/// Ethernet carries no shorter ones.
const SHORTEST: usize = 60;
/// A line of the cache.
const LINE: usize = 32;

/// One direction, with one fault.
#[derive(Debug)]
pub struct Way {
    fault: Fault,
    /// How many frames it could have been done to.
    count: u32,
    chance: u64,
    /// Frames on their way, and when they are due; `Duration::MAX` with the next.
    held: VecDeque<(Duration, Vec<u8>)>,
    /// When the ring was empty.
    turn: Option<Duration>,
    /// What the memory holds of the frame before.
    before: Vec<u8>,
}

impl Way {
    /// A direction on which nothing has come; the seed is for what is left to chance.
    pub fn new(fault: Fault, seed: u64) -> Self {
        Self {
            fault,
            count: 0,
            chance: seed,
            held: VecDeque::new(),
            turn: None,
            before: Vec::new(),
        }
    }

    /// A direction without a fault.
    pub fn faultless() -> Self {
        let (kind, n) = (Kind::Lose, 0);
        Self::new(Fault { kind, n }, 0)
    }

    /// A frame comes. What goes on because of it is added to `out`.
    pub fn put(&mut self, mut frame: Vec<u8>, now: Duration, out: &mut Vec<Vec<u8>>) {
        let Fault { kind, n } = self.fault;
        let bytes = n as usize;
        match kind {
            Kind::SwapEvery => {
                let is_nth = self.is_nth(true);
                if let Some((_, first)) = self.held.pop_front() {
                    out.extend([frame, first]);
                    return;
                }
                if is_nth {
                    self.held.push_back((now + SWAP, frame));
                    return;
                }
            }
            Kind::StickEvery => {
                out.extend(self.held.pop_front().map(|(_, first)| first));
                if self.is_nth(true) {
                    self.held.push_back((Duration::MAX, frame));
                    return;
                }
            }
            Kind::Delay => {
                let due = now + Duration::from_millis(n.into());
                self.held.push_back((due, frame));
                self.expire(now, out);
                return;
            }
            Kind::DuplicateEvery => {
                if self.is_nth(true) {
                    out.push(frame.clone());
                }
            }
            Kind::Truncate => frame.truncate(bytes),
            Kind::Trail => {
                if frame.len() + bytes <= LONGEST {
                    frame.resize(frame.len() + bytes, 0xa5);
                }
            }
            Kind::CorruptEvery => self.corrupt(&mut frame),
            Kind::WrongSumEvery => {
                if self.is_nth(frame::data(&frame).is_some()) {
                    frame::spoil(&mut frame);
                }
            }
            Kind::WrongSumOdd => {
                if self.is_nth(frame::data(&frame).is_some_and(|data| data.len() % 2 == 1)) {
                    frame::spoil(&mut frame);
                }
            }
            Kind::StaleEvery | Kind::StaleMendedEvery => self.mix(&mut frame),
            Kind::StaleAnywhereEvery => self.mix_anywhere(&mut frame),
            Kind::Later => {
                self.count = self.count.saturating_add(1);
                let late = Duration::from_micros(u64::from(n) * u64::from(self.count));
                self.held.push_back((now + late, frame));
                self.expire(now, out);
                return;
            }
            Kind::ZeroSumEvery => {
                if self.is_nth(frame::data(&frame).is_some()) {
                    frame::clear_sum(&mut frame);
                }
            }
            Kind::PadLonger => {
                if frame.len() > bytes && frame.len() < SHORTEST {
                    frame.resize(SHORTEST, 0);
                }
            }
            Kind::Lengthen => frame::lengthen(&mut frame, bytes),
            Kind::Tag => {
                let [.., high, low] = n.to_be_bytes();
                if frame.len() >= 12 {
                    frame.splice(12..12, [0x81, 0, high, low]);
                }
            }
            Kind::TakeTrailer => {
                if self.is_nth(frame::has_trailer(&frame)) {
                    frame::take_trailer(&mut frame);
                }
            }
            Kind::Ttl => frame::set_ttl(&mut frame, n.try_into().unwrap_or(u8::MAX)),
            Kind::DropEvery
            | Kind::Lose
            | Kind::LoseLonger
            | Kind::LoseResets
            | Kind::LoseFragments
            | Kind::LoseMulticast
            | Kind::ArpAnswers
            | Kind::Ring => {
                if self.is_lost(&frame, now) {
                    return;
                }
            }
        }
        out.push(frame);
    }

    fn is_lost(&mut self, frame: &[u8], now: Duration) -> bool {
        let Fault { kind, n } = self.fault;
        match kind {
            Kind::DropEvery => self.is_nth(true),
            Kind::Lose => self.random() % 100 < u64::from(n),
            Kind::LoseLonger => frame.len() > n as usize,
            Kind::LoseResets => self.is_nth(frame::is_reset(frame)),
            Kind::LoseFragments => self.is_nth(frame::is_fragment(frame)),
            Kind::LoseMulticast => self.is_nth(frame.starts_with(&[0x33, 0x33])),
            Kind::ArpAnswers => frame::is_arp_reply(frame) && self.is_beyond(),
            Kind::Ring => {
                if self.turn.is_none_or(|turn| now >= turn + TURN) {
                    (self.turn, self.count) = (Some(now), 0);
                }
                self.is_beyond()
            }
            _ => false,
        }
    }

    /// Counts one more; whether it is beyond the first N.
    fn is_beyond(&mut self) -> bool {
        self.count = self.count.saturating_add(1);
        self.count > self.fault.n
    }

    /// When a frame goes on if no other comes.
    pub fn due(&self) -> Option<Duration> {
        let due = self.held.front().map(|(due, _)| *due);
        due.filter(|due| *due < Duration::MAX)
    }

    /// Adds to `out` what is due.
    pub fn expire(&mut self, now: Duration, out: &mut Vec<Vec<u8>>) {
        while let Some((_, frame)) = self.held.pop_front_if(|(due, _)| *due <= now) {
            out.push(frame);
        }
    }

    /// Counts what it could be done to; whether this is an Nth.
    fn is_nth(&mut self, counts: bool) -> bool {
        self.count = self.count.wrapping_add(counts.into());
        counts && self.count.is_multiple_of(self.fault.n)
    }

    fn corrupt(&mut self, frame: &mut [u8]) {
        let Some(data) = frame::data(frame).filter(|data| !data.is_empty()) else {
            return;
        };
        if self.is_nth(true) {
            let (chance, len) = (self.random(), data.len() as u64);
            let offset = usize::try_from(chance / 8 % len).unwrap_or(0); // it is below a length
            frame[data.start + offset] ^= 1 << (chance % 8);
            frame::mend(frame);
        }
    }

    /// Leaves one line of the frame before in this one's data.
    fn mix(&mut self, frame: &mut [u8]) {
        let came = frame.to_vec();
        if let Some(data) = frame::data(frame) {
            let line = data.start.next_multiple_of(LINE);
            let line = line..line + LINE;
            let fits = line.end <= data.end && line.end <= self.before.len();
            if self.is_nth(fits) {
                frame[line.clone()].copy_from_slice(&self.before[line]);
                if self.fault.kind == Kind::StaleMendedEvery {
                    frame::mend(frame);
                }
            }
        }
        self.before = came;
    }

    /// Leaves as many bytes as a line has of the frame before, at any place of this one's data.
    fn mix_anywhere(&mut self, frame: &mut [u8]) {
        let came = frame.to_vec();
        if let Some(data) = frame::data(frame) {
            let end = data.end.min(self.before.len());
            let places = (end + 1).saturating_sub(data.start + LINE);
            if self.is_nth(places > 0) {
                let place = self.random() % places as u64;
                let start = data.start + usize::try_from(place).unwrap_or(0); // it is below a length
                let line = start..start + LINE;
                frame[line.clone()].copy_from_slice(&self.before[line]);
                frame::mend(frame);
            }
        }
        self.before = came;
    }

    /// `SplitMix64`.
    fn random(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
