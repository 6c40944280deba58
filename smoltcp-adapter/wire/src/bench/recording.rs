//! The frames of a check, the last so many of them, or those of the last minute, with marks at those that made its
//! verdict: what evidence is made of.

use core::time::Duration;
use std::collections::{BTreeSet, HashMap, VecDeque};

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

/// So many frames are marked, the first ones.
const MARKS: usize = 8;

/// So many of them are shown where not all frames are.
const SHOWN: usize = 3;

/// So many frames each side of a mark are kept, however many come.
const AROUND: u64 = 6;

/// What crossed the cable, the latest of it, and what is marked.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    frames: VecDeque<Kept>,
    bytes: usize,
    /// What is marked and what was around it, of what would have been thrown away for later ones.
    saved: Vec<Kept>,
    /// How many frames there were: the number of the next one.
    count: u64,
    /// The number of the last one of its own.
    last_own: u64,
    /// How many were thrown away for later ones.
    forgotten: u64,
    origin: Duration,
    /// For so long frames are kept; `None`: those of one check are.
    time: Option<Duration>,
    /// So many there were when the check ended; what follows shows that the board lives.
    of_check: Option<u64>,
    marks: Vec<(u64, String)>,
    /// How many more would have been marked.
    more: usize,
    /// The frame that was looked at last.
    point: Option<(u64, &'static str)>,
    /// Frames of checks before, which this one is about.
    exhibits: Vec<(Kept, &'static str)>,
}

#[derive(Clone, Debug)]
struct Kept {
    number: u64,
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

    /// Keeps a frame, and gives it its number.
    pub(crate) fn keep(&mut self, time: Instant, is_own: bool, frame: &[u8]) -> u64 {
        let number = self.count;
        self.count += 1;
        if is_own {
            self.last_own = number;
        }
        let kept = Kept {
            number,
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
                break;
            }
            self.bytes -= first.cost();
            let is_marked = self
                .marks
                .iter()
                .any(|(mark, _)| mark.abs_diff(first.number) <= AROUND);
            let first = self.frames.pop_front();
            if is_marked {
                self.saved.extend(first);
            } else {
                self.forgotten += 1;
            }
        }
        number
    }

    /// A check begins.
    pub(crate) fn begin(&mut self) {
        if self.time.is_none() {
            *self = Self::new(self.origin);
        }
        self.of_check = None;
        self.marks.clear();
        self.more = 0;
        self.point = None;
        self.saved.clear();
        self.exhibits.clear();
    }

    /// The check has ended: what follows is shown only if it has to do with it.
    pub(crate) fn check_ends(&mut self) {
        self.of_check = Some(self.count);
    }

    /// What has followed belongs to the check as well.
    pub(crate) fn check_goes_on(&mut self) {
        self.of_check = None;
    }

    /// The number of the last frame of its own.
    pub(crate) fn last_own(&self) -> u64 {
        self.last_own
    }

    /// Marks a frame that makes the verdict, if the check doesn't pass.
    pub(crate) fn mark(&mut self, number: u64, words: String) {
        if self.marks.len() < MARKS {
            self.marks.push((number, words));
        } else {
            self.more += 1;
        }
    }

    /// A frame was looked at: the last one is marked where no other is.
    pub(crate) fn point(&mut self, number: u64, words: &'static str) {
        if self.of_check.is_none() {
            self.point = Some((number, words));
        }
    }

    /// The check is about this frame of the board, which came in one before.
    pub(crate) fn exhibit(&mut self, time: Instant, frame: &[u8], words: &'static str) {
        let kept = Kept {
            number: 0,
            time,
            is_own: false,
            frame: frame.to_vec(),
        };
        self.exhibits.push((kept, words));
    }

    /// How many frames there were that aren't kept.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// By time, as what came is taken later than it came; of the check alone, or all.
    fn in_order(&self, is_of_check: bool) -> Vec<&Kept> {
        let end = self.of_check.filter(|_| is_of_check).unwrap_or(u64::MAX);
        let all = self.saved.iter().chain(&self.frames);
        let mut all: Vec<_> = all.filter(|kept| kept.number < end).collect();
        all.sort_by_key(|kept| kept.time);
        all
    }

    /// What is said of a frame.
    fn words_at(&self, number: u64) -> Option<&str> {
        if self.marks.is_empty() && self.exhibits.is_empty() {
            let point = self.point.filter(|(at, _)| *at == number);
            return point.map(|(_, words)| words);
        }
        let mark = self.marks.iter().find(|(at, _)| *at == number);
        mark.map(|(_, words)| words.as_str())
    }

    /// The frames as evidence, with those that show whether the board lived afterwards.
    pub fn evidence(&self) -> Evidence {
        self.evidence_of(false)
    }

    /// The ladder of the connection that is marked, or else of the check's last one, or of an exchange of datagrams,
    /// if it had one.
    pub fn ladder(&self) -> Option<Ladder> {
        self.evidence_of(true).ladder()
    }

    fn evidence_of(&self, is_of_check: bool) -> Evidence {
        let mut trace = Trace::new(Medium::Ethernet);
        let [tester, board] = ["tester", "board"].map(|name| trace.add_host(name));
        let shown = self
            .exhibits
            .iter()
            .map(|(kept, words)| (kept, Some(*words)));
        let frames = self.in_order(is_of_check);
        let frames = frames
            .into_iter()
            .map(|kept| (kept, self.words_at(kept.number)));
        let mut marks = Vec::new();
        for (place, (kept, words)) in shown.chain(frames).enumerate() {
            let (from, to) = if kept.is_own {
                (tester, board)
            } else {
                (board, tester)
            };
            let at = moments::smoltcp(kept.time);
            trace.push(&Packet::new(from, to, at, &kept.frame));
            marks.extend(words.map(|words| (place, words)));
        }
        let mut evidence = Evidence::of(trace, tester, self.origin);
        for (place, words) in marks {
            evidence.remark(place, words);
        }
        evidence
    }

    /// Frames of the check in words, so many at most, with times since the first of those that are kept: those that
    /// are marked and what is around them, or else the last ones.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let frames = self.in_order(true);
        let first = frames.first().map(|kept| kept.time);
        let shown = self.shown(&frames, most);
        let mut numbers: Vec<_> = frames.iter().map(|kept| kept.number).collect();
        numbers.sort_unstable();
        // So many frames with a smaller number aren't kept.
        let gone = |kept: &Kept| kept.number - numbers.partition_point(|n| *n < kept.number) as u64;
        let exhibits = self.exhibits.iter();
        let mut lines: Vec<_> = exhibits
            .map(|(kept, words)| format!("    earlier {}  <- {words}", kept.words()))
            .collect();
        // The first number of each side of a connection, as others are easier to read since it.
        let mut firsts = HashMap::new();
        let (mut is_first, mut hidden, mut gone_before) = (true, 0, 0);
        for (place, kept) in frames.iter().enumerate() {
            let words = kept.relative_words(&mut firsts);
            if !shown.contains(&place) {
                hidden += 1;
                continue;
            }
            hidden += gone(kept).saturating_sub(gone_before);
            gone_before = gone_before.max(gone(kept));
            if hidden > 0 {
                let where_to = if is_first { "before" } else { "between" };
                lines.push(format!("({hidden} frames {where_to})"));
            }
            (is_first, hidden) = (false, 0);
            let since = kept.time.since(first.unwrap_or(kept.time));
            let mark = self.words_at(kept.number);
            let mark = mark
                .map(|words| format!("  <- {words}"))
                .unwrap_or_default();
            lines.push(format!("{:>11.6} {words}{mark}", since.as_secs_f64()));
        }
        if hidden > 0 {
            lines.push(format!("({hidden} frames behind)"));
        }
        let left = self
            .marks
            .len()
            .saturating_sub(if most < frames.len() { SHOWN } else { MARKS });
        match self.more + left {
            0 => {}
            more => lines.push(format!("({more} more like those that are marked)")),
        }
        lines
    }

    /// Which of the frames are shown, by their places.
    fn shown(&self, frames: &[&Kept], most: usize) -> BTreeSet<usize> {
        let all = frames.len();
        let places = frames.iter().enumerate();
        let marked = places.filter(|(_, kept)| self.words_at(kept.number).is_some());
        let marked: Vec<_> = marked.map(|(place, _)| place).take(SHOWN).collect();
        if marked.is_empty() || most >= all {
            return (all.saturating_sub(most)..all).collect();
        }
        let share = (most / marked.len()).max(1);
        let around = |place: usize| {
            let end = (place + 1 + share / 2).min(all).max(share.min(all));
            end.saturating_sub(share)..end
        };
        marked.into_iter().flat_map(around).collect()
    }
}

impl Kept {
    /// Which way it went, and what it says.
    fn words(&self) -> String {
        self.relative_words(&mut HashMap::new())
    }

    /// The same with numbers of TCP since the first of each side.
    fn relative_words(&self, firsts: &mut HashMap<(u16, u16), u32>) -> String {
        let heard = Heard::new(self.time, self.frame.clone());
        let words = match &heard.said {
            Said::Tcp(segment) => {
                let other = (segment.ports.1, segment.ports.0);
                let first = *firsts.entry(segment.ports).or_insert(segment.seq);
                if segment.has(flags::ACK) {
                    firsts.entry(other).or_insert(segment.ack);
                }
                segment.words(first, *firsts.get(&other).unwrap_or(&0))
            }
            _ => heard.words(),
        };
        let way = if self.is_own { '>' } else { '<' };
        format!("{way} {words}, {} bytes", self.frame.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_kept_however_many_frames_follow() {
        let mut recording = Recording::new(Duration::ZERO);
        let keep = |recording: &mut Recording, count: u64| {
            for _ in 0..count {
                let time = Instant::from_micros(recording.count * 10);
                recording.keep(time, recording.count.is_multiple_of(2), &[0; 60]);
            }
        };
        keep(&mut recording, 100);
        recording.mark(40, "lost".to_owned());
        keep(&mut recording, 200_000);
        assert!(recording.forgotten() > 100_000);
        let lines = recording.lines(12);
        assert_eq!(
            lines.first().map(String::as_str),
            Some("(35 frames before)")
        );
        let place = lines.iter().position(|line| line.ends_with("<- lost"));
        assert_eq!(place, Some(6), "{lines:#?}");
        assert_eq!(lines.len(), 14);
        let all = recording.lines(usize::MAX);
        let shown = all.iter().filter(|line| !line.starts_with('(')).count() as u64;
        assert_eq!(shown + recording.forgotten(), recording.count);
        recording.begin();
        assert!(recording.lines(12).is_empty());
    }
}
