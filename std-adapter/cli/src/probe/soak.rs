//! A soak: checks in random order, again and again, with what changes meanwhile as trends on one line.
//!
//! It counts connections, or frames where checks with raw frames run. A trend says how something was in the first quarter of the run, and how it is in the last.

use std::time::{Duration, Instant};

use greet_std::core::probe::{Event, Fact, Verdict};
use serde_json::{Value, json};

#[cfg(test)]
mod tests;

use super::tree::Tree;
use crate::latency::{Latency, micros};

/// So many parts a run is kept in at most. When there are more, each two become one.
const PARTS: usize = 32;

/// How long a part is at first.
const PART: Duration = Duration::from_secs(1);

/// How often a line comes where it can't be written over.
const SELDOM: Duration = Duration::from_mins(1);
const OFTEN: Duration = Duration::from_secs(1);

/// A soak that goes on. Its clock is one that never jumps.
pub struct Soak {
    start: Instant,
    /// How long it has taken when something happened last.
    now: Duration,
    /// How long it is to take.
    time: Duration,
    /// What chance chooses follows from it.
    seed: u64,
    parts: Vec<Part>,
    /// How long each part is.
    part: Duration,
    checks: u64,
    counted: Counted,
    count: u64,
    told: Duration,
}

/// What there are many of in a soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Connections,
    /// Those that left and those that came.
    #[cfg(any(test, all(target_os = "linux", feature = "wire")))]
    Frames,
}

impl Counted {
    fn in_words(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            #[cfg(any(test, all(target_os = "linux", feature = "wire")))]
            Self::Frames => "frames",
        }
    }
}

/// What happened in one part of a run.
#[derive(Default)]
struct Part {
    took: Option<Latency>,
    places: Option<u16>,
    sent: u64,
    lost: u64,
}

impl Part {
    fn add(&mut self, other: Self) {
        match (&mut self.took, other.took) {
            (Some(took), Some(more)) => took.add(&more),
            (took @ None, more) => *took = more,
            (Some(_), None) => {}
        }
        self.places = other.places.or(self.places);
        self.sent += other.sent;
        self.lost += other.lost;
    }
}

/// What a quarter of a run came to.
struct Quarter {
    median: Option<Duration>,
    p99: Option<Duration>,
    places: Option<u16>,
    /// Of messages in bursts, or of echoes, in percent.
    lost: Option<f64>,
}

impl Soak {
    /// Begins.
    pub fn new(time: Duration, seed: u64, counted: Counted) -> Self {
        Self {
            start: Instant::now(),
            now: Duration::ZERO,
            time,
            seed,
            parts: Vec::new(),
            part: PART,
            checks: 0,
            counted,
            count: 0,
            told: Duration::ZERO,
        }
    }

    /// Whether there is time for another check.
    pub fn goes_on(&self) -> bool {
        self.now < self.time
    }

    fn part(&mut self) -> Option<&mut Part> {
        let now = self.now;
        while self.part * u32::try_from(PARTS).unwrap_or(u32::MAX) <= now {
            let mut halves = Vec::with_capacity(PARTS);
            let mut parts = std::mem::take(&mut self.parts).into_iter();
            while let Some(mut part) = parts.next() {
                parts.next().into_iter().for_each(|next| part.add(next));
                halves.push(part);
            }
            (self.parts, self.part) = (halves, self.part * 2);
        }
        let at = usize::try_from(now.as_nanos() / self.part.as_nanos().max(1)).ok()?;
        while self.parts.len() <= at {
            self.parts.push(Part::default());
        }
        self.parts.get_mut(at)
    }

    /// Keeps what an event says.
    pub fn note(&mut self, event: &Event<'_>) {
        self.now = self.start.elapsed();
        match event {
            Event::Alive { took, connections } => self.greeted(*took, *connections),
            Event::Found { fact } => self.found(*fact),
            Event::Ended { verdict, .. } => self.ended(verdict),
            _ => {}
        }
    }

    /// A client was greeted after a check.
    fn greeted(&mut self, took: Duration, connections: u64) {
        self.count = connections;
        if let Some(part) = self.part() {
            part.took.get_or_insert_with(Latency::new).record(took);
        }
    }

    /// Something was measured.
    fn found(&mut self, fact: Fact) {
        if let Fact::Places(places) | Fact::PlacesOrMore(places) = fact
            && let Some(part) = self.part()
        {
            part.places = Some(places);
        }
    }

    /// A check has ended.
    fn ended(&mut self, verdict: &Verdict) {
        self.checks += 1;
        if let Verdict::PassedWithLoss { sent, answered } = *verdict
            && let Some(part) = self.part()
        {
            part.lost += u64::from(sent.saturating_sub(answered));
            part.sent += u64::from(sent);
        }
    }

    /// A check with raw frames has ended: how long echoes took, how many were asked one by one and how many of
    /// them lost, and how many frames there were so far.
    #[cfg(any(test, all(target_os = "linux", feature = "wire")))]
    pub fn crossed(&mut self, took: &[Duration], asked: u64, lost: u64, frames: u64) {
        self.now = self.start.elapsed();
        self.checks += 1;
        self.count = frames;
        if let Some(part) = self.part() {
            for took in took {
                part.took.get_or_insert_with(Latency::new).record(*took);
            }
            part.sent += asked;
            part.lost += lost;
        }
    }

    /// What has crossed until the first failure: `after 1,234 checks and 1,234,567 frames`.
    pub fn until_then(&self) -> String {
        let (checks, what) = (self.checks, self.counted.in_words());
        format!("after {checks} checks and {} {what}", self.count)
    }

    fn quarter(parts: &[Part]) -> Quarter {
        let mut all: Option<Latency> = None;
        for took in parts.iter().filter_map(|part| part.took.as_ref()) {
            all.get_or_insert_with(Latency::new).add(took);
        }
        let (sent, lost) = parts.iter().fold((0, 0), |(sent, lost), part| {
            (sent + part.sent, lost + part.lost)
        });
        #[expect(clippy::cast_precision_loss, reason = "a share to a tenth")]
        let lost = (sent > 0).then(|| 100.0 * lost as f64 / sent as f64);
        Quarter {
            median: all.as_ref().map(|all| all.percentile(50.0)),
            p99: all.as_ref().map(|all| all.percentile(99.0)),
            places: parts.iter().rev().find_map(|part| part.places),
            lost,
        }
    }

    fn quarters(&self) -> (Quarter, Quarter) {
        let len = self.parts.len().div_ceil(4);
        let (first, last) = (
            self.parts.get(..len).unwrap_or_default(),
            self.parts.get(self.parts.len() - len..).unwrap_or_default(),
        );
        (Self::quarter(first), Self::quarter(last))
    }

    /// Everything on one line.
    pub fn line(&self) -> String {
        let (first, last) = self.quarters();
        let took = self.now;
        let rate = rate(self.count, took);
        let mut parts = vec![
            format!("soak: {} of {}", shown(took), shown(self.time)),
            format!("{} checks", self.checks),
            format!("{} {} ({rate:.0}/s)", self.count, self.counted.in_words()),
        ];
        if let (Some(before), Some(now)) = (first.median, last.median) {
            parts.push(format!(
                "latency {}",
                trend(&ms(before), &ms(now), " -> ", " ms")
            ));
        }
        if let (Some(before), Some(now)) = (first.p99, last.p99) {
            parts.push(format!(
                "p99 {}",
                trend(&ms(before), &ms(now), " -> ", " ms")
            ));
        }
        if let (Some(before), Some(now)) = (first.places, last.places) {
            parts.push(format!(
                "places {}",
                trend(&before.to_string(), &now.to_string(), " -> ", "")
            ));
        }
        if let (Some(before), Some(now)) = (first.lost, last.lost) {
            let what = match self.counted {
                Counted::Connections => "lost of bursts",
                #[cfg(any(test, all(target_os = "linux", feature = "wire")))]
                Counted::Frames => "lost",
            };
            let trend = trend(&share(before), &share(now), " -> ", " %");
            parts.push(format!("{what} {trend}"));
        }
        parts.push(format!("seed {}", self.seed));
        parts.join(", ")
    }

    /// The same in so many columns. Parts that have no room are left out, whole: what this is for stays longest.
    fn short(&self, room: usize) -> String {
        let (first, last) = self.quarters();
        let took = self.now;
        let both = |before: Option<String>, now: Option<String>, what: &str, unit: &str| {
            let (before, now) = (before?, now?);
            Some(format!("{what}{}", trend(&before, &now, "->", unit)))
        };
        let places = |quarter: &Quarter| quarter.places.map(|places| places.to_string());
        let rate = format!("{:.0}/s", rate(self.count, took));
        let (median, p99) = (
            both(first.median.map(ms), last.median.map(ms), "", " ms"),
            both(first.p99.map(ms), last.p99.map(ms), "p99 ", " ms"),
        );
        let losses = both(first.lost.map(share), last.lost.map(share), "lost ", " %");
        // With each, when it is left out: the highest first.
        let parts = [
            (0, Some(brief(took))),
            (5, Some(format!("{} checks", self.checks))),
            (7, Some(rate)),
            (6, median),
            (1, p99),
            (2, both(places(&first), places(&last), "places ", "")),
            (3, losses),
            (4, Some(format!("seed {}", self.seed))),
        ];
        let below = |limit| {
            let kept = parts.iter().filter(|(rank, _)| *rank < limit);
            let kept = kept.filter_map(|(_, part)| part.as_deref());
            kept.collect::<Vec<_>>().join(" ")
        };
        let mut lines = (1..=8).rev().map(below);
        lines.find(|line| line.len() <= room).unwrap_or_default()
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let (first, last) = self.quarters();
        let quarter = |quarter: &Quarter| {
            json!({
                "median_us": quarter.median.map(micros),
                "p99_us": quarter.p99.map(micros),
                "places": quarter.places,
                "lost_percent": quarter.lost,
            })
        };
        let took = self.now;
        let what = self.counted.in_words();
        let mut object = json!({
            "event": "soak",
            "seconds": took.as_secs(),
            "checks": self.checks,
            "first_quarter": quarter(&first),
            "last_quarter": quarter(&last),
            "seed": self.seed,
        });
        object[what] = self.count.into();
        object[format!("{what}_per_second")] = rate(self.count, took).round().into();
        object
    }

    /// What is to be told now: every second where a line is written over, or else every minute.
    pub fn told(&mut self, tree: Option<&Tree>) -> Option<String> {
        let room = tree.and_then(Tree::room);
        let gap = if room.is_some() { OFTEN } else { SELDOM };
        if self.now.saturating_sub(self.told) < gap {
            return None;
        }
        self.told = self.now;
        Some(match tree {
            Some(tree) => match room {
                Some(room) => tree.over(&self.short(room)),
                None => self.line() + "\n",
            },
            None => format!("{}\n", self.json()),
        })
    }
}

fn rate(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate in whole numbers")]
    let count = count as f64;
    count / time.as_secs_f64().max(0.001)
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

/// In percent.
fn share(lost: f64) -> String {
    format!("{lost:.1}")
}

/// How it was, and how it is, with an arrow between.
fn trend(before: &str, now: &str, arrow: &str, unit: &str) -> String {
    if before == now {
        format!("{now}{unit}")
    } else {
        format!("{before}{arrow}{now}{unit}")
    }
}

/// In whole seconds.
fn shown(time: Duration) -> String {
    let whole = Duration::from_secs(time.as_secs());
    humantime::format_duration(whole)
        .to_string()
        .replace(' ', "")
}

/// In two units at most: `59s`, `7h02m`, `12d03h`.
fn brief(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, ..) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}
