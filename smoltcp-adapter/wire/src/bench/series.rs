//! Many echoes, numbered: which came back, when, how often, in which order, and which bytes were wrong.

use core::time::Duration;
use std::collections::HashMap;

use greet_core::time::Instant;

use super::latencies::median;
use super::{Bench, Heard, PATIENCE, Said, Stop, craft};

/// How series go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// So many at once.
    pub(crate) batch: usize,
    /// How long an answer may take at least; `None`: as long as answers took lately, and some.
    pub(crate) patience: Option<Duration>,
    /// So many answers of a check that didn't come are waited for in full.
    pub(crate) proven: usize,
}

impl Pace {
    /// One by one.
    pub(crate) const SINGLE: Self = Self {
        batch: 1,
        patience: None,
        proven: 3,
    };

    /// So many at once.
    pub(crate) const fn batches(batch: usize) -> Self {
        Self {
            batch,
            ..Self::SINGLE
        }
    }
}

/// One echo, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    /// How many bytes it carried.
    pub(crate) len: usize,
    sent: Instant,
    pub(crate) answers: Vec<Answer>,
    /// Which frame of the recording it is.
    frame: u64,
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// So many echoes had been sent by then.
    pub(crate) sent_by_then: usize,
    /// So many answers had come before.
    place: usize,
    pub(crate) wrong: Option<Wrong>,
    /// Which frame of the recording it is.
    frame: u64,
}

/// What is wrong with the text of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// From this byte of the frame on so many are wrong, others between them included.
    Bytes { first: usize, count: usize },
    /// It has so many bytes.
    Length(usize),
}

/// All echoes of a series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    pub(crate) shots: Vec<Shot>,
    came: usize,
}

impl Bench<'_> {
    /// Sends echoes of these lengths, and takes what comes back.
    pub(crate) fn series(&mut self, lens: &[usize], pace: Pace) -> Result<Series, Stop> {
        let mut series = Series::default();
        let mut sent = Sent::default();
        let header = self.header();
        for (first, batch) in lens.chunks(pace.batch.max(1)).enumerate() {
            let first = first * pace.batch.max(1);
            for len in batch {
                let number = series.shots.len();
                let data = self.fill(*len);
                let wanted = sent.remember(self, number, data);
                let ends = self.ends();
                let data = sent.data(number);
                let icmp = craft::echo(ends, false, wanted.0, wanted.1, data);
                let frame = craft::ip(self.hop(), ends, craft::icmp_of(ends), craft::HOPS, &icmp);
                let time = self.now();
                self.send(&frame)?;
                series.shots.push(Shot {
                    len: *len,
                    sent: time,
                    answers: Vec::new(),
                    frame: self.last_sent(),
                });
                self.drain()?;
            }
            let is_proven = self.missed < pace.proven;
            let patience = match pace.patience {
                _ if is_proven => PATIENCE,
                Some(patience) => patience,
                None => self.usual(),
            };
            let mut until = self.now() + patience;
            while series.lacks(first) {
                let Some(heard) = self.next(until)? else {
                    self.missed += 1;
                    break;
                };
                if let Some(took) = series.take(&heard, &sent, header) {
                    self.lately(took, pace.batch);
                    // As long as answers come, more may.
                    until = until.max(heard.time + patience);
                }
            }
        }
        // What is late may come yet; what comes twice, soon.
        let pause = match (series.lacks(0), self.missed <= pace.proven) {
            (true, true) => PATIENCE,
            (true, false) => self.usual(),
            (false, _) => Duration::from_millis(5),
        };
        let until = self.now() + pause;
        while let Some(heard) = self.next(until)? {
            series.take(&heard, &sent, header);
        }
        self.traffic.count(&series, pace.batch);
        Ok(series)
    }

    /// Where the text of an echo begins in its frame.
    fn header(&self) -> usize {
        if self.ends().to.is_ipv4() { 42 } else { 62 }
    }

    /// How long an answer takes that is neither lost nor stuck.
    pub(crate) fn usual(&self) -> Duration {
        (self.median() * 8).clamp(Duration::from_millis(40), PATIENCE)
    }

    fn lately(&mut self, took: Duration, batch: usize) {
        const LATELY: usize = 32;
        self.latencies.push(took);
        if batch <= 1 {
            self.one_by_one.add(took);
        }
        self.took.push_back(took);
        if self.took.len() > LATELY {
            self.took.pop_front();
        }
    }

    /// How long answers took lately.
    fn median(&self) -> Duration {
        if self.took.is_empty() {
            return PATIENCE / 8;
        }
        let took: Vec<_> = self.took.iter().copied().collect();
        median(&took)
    }
}

/// What was sent, until it is compared.
#[derive(Debug, Default)]
struct Sent {
    numbers: HashMap<(u16, u16), usize>,
    data: Vec<Vec<u8>>,
    ident: u16,
}

impl Sent {
    /// The identifier and the number of an echo.
    fn remember(&mut self, bench: &mut Bench<'_>, number: usize, data: Vec<u8>) -> (u16, u16) {
        let low = u16::try_from(number & 0xffff).unwrap_or_default();
        if low == 0 {
            self.ident = bench.fresh();
        }
        self.numbers.insert((self.ident, low), number);
        self.data.push(data);
        (self.ident, low)
    }

    fn data(&self, number: usize) -> &[u8] {
        self.data.get(number).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Series {
    /// Whether one from this place on has no answer yet.
    fn lacks(&self, first: usize) -> bool {
        let mut from = self.shots.iter().skip(first);
        from.any(|shot| shot.answers.is_empty())
    }

    /// Takes an answer, if it is one. How long it took, if it was the first of its echo.
    fn take(&mut self, heard: &Heard, sent: &Sent, header: usize) -> Option<Duration> {
        let Said::Echo {
            is_reply: true,
            ident,
            number,
            data,
            ..
        } = &heard.said
        else {
            return None;
        };
        let number = *sent.numbers.get(&(*ident, *number))?;
        let by_then = self.shots.iter().rposition(|shot| shot.sent <= heard.time);
        let shot = self.shots.get_mut(number)?;
        let took = heard.time.since(shot.sent);
        shot.answers.push(Answer {
            sent_by_then: by_then.map_or(0, |last| last + 1),
            place: self.came,
            wrong: compare(sent.data(number), data, header),
            frame: heard.number,
        });
        self.came += 1;
        (shot.answers.len() == 1).then_some(took)
    }

    /// Marks those places that were never answered.
    pub(crate) fn mark_lost(&self, bench: &mut Bench<'_>) {
        for place in self.lost() {
            self.mark(bench, place, "never answered");
        }
    }

    /// Marks an echo, by its place.
    pub(crate) fn mark(&self, bench: &mut Bench<'_>, place: usize, words: &str) {
        if let Some(shot) = self.shots.get(place) {
            bench.mark(shot.frame, words);
        }
    }

    /// Marks the first answer to an echo, or a later one, by its place.
    pub(crate) fn mark_answer(&self, bench: &mut Bench<'_>, place: usize, of: usize, words: &str) {
        let shot = self.shots.get(place);
        if let Some(answer) = shot.and_then(|shot| shot.answers.get(of)) {
            bench.mark(answer.frame, words);
        }
    }

    /// Those of which something is true, by number.
    pub(crate) fn places(&self, is_so: impl Fn(&Shot) -> bool) -> Vec<usize> {
        let all = self.shots.iter().enumerate();
        all.filter(|(_, shot)| is_so(shot))
            .map(|(number, _)| number)
            .collect()
    }

    /// Those that were never answered.
    pub(crate) fn lost(&self) -> Vec<usize> {
        self.places(|shot| shot.answers.is_empty())
    }

    /// Those that were answered more than once.
    pub(crate) fn doubled(&self) -> Vec<usize> {
        self.places(|shot| shot.answers.len() > 1)
    }

    /// Those whose answer came behind that of a later one.
    pub(crate) fn overtaken(&self) -> Vec<usize> {
        let mut earliest = usize::MAX;
        let mut overtaken = Vec::new();
        for (number, shot) in self.shots.iter().enumerate().rev() {
            let Some(answer) = shot.answers.first() else {
                continue;
            };
            if answer.place > earliest {
                overtaken.push(number);
            }
            earliest = earliest.min(answer.place);
        }
        overtaken.reverse();
        overtaken
    }

    /// The first that came back wrong, and what of it.
    pub(crate) fn wrong(&self) -> Option<(&Shot, Wrong)> {
        self.shots.iter().find_map(|shot| {
            let wrong = shot.answers.iter().find_map(|answer| answer.wrong)?;
            Some((shot, wrong))
        })
    }

    /// Marks the answers that came back wrong.
    pub(crate) fn mark_wrong(&self, bench: &mut Bench<'_>) {
        let answers = self.shots.iter().flat_map(|shot| &shot.answers);
        for answer in answers {
            match answer.wrong {
                Some(Wrong::Bytes { first, count }) => {
                    bench.mark(
                        answer.frame,
                        format!("wrong from byte {first} on, {count} of them"),
                    );
                }
                Some(Wrong::Length(came)) => {
                    bench.mark(
                        answer.frame,
                        format!("a text of {came} that had another length"),
                    );
                }
                None => {}
            }
        }
    }
}

fn compare(sent: &[u8], came: &[u8], header: usize) -> Option<Wrong> {
    if sent.len() != came.len() {
        return Some(Wrong::Length(came.len()));
    }
    let differ = |(a, b): (&u8, &u8)| a != b;
    let first = sent.iter().zip(came).position(differ)?;
    let last = sent.iter().zip(came).rposition(differ)?;
    Some(Wrong::Bytes {
        first: header + first,
        count: last + 1 - first,
    })
}
