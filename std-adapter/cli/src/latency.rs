//! Latencies as a distribution: percentiles, and a small picture of it.
//!
//! `probe` and `bench` record and print with it.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// What took how long, to three digits, from a microsecond to an hour.
pub struct Latency(Histogram<u64>);

/// A bar of at most so many characters is the highest.
const BAR: usize = 40;

/// What stands before a bar in a line.
const BEFORE: usize = "  < ".len() + 9 + 1 + 9 + 1;

impl Latency {
    /// None yet.
    pub fn new() -> Self {
        let hour = 60 * 60 * 1_000_000;
        let histogram = Histogram::new_with_bounds(1, hour, 3);
        Self(histogram.unwrap_or_else(|_| unreachable!("the bounds are right")))
    }

    pub fn record(&mut self, took: Duration) {
        self.0.saturating_record(micros(took));
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        // They have the same bounds.
        let _ = self.0.add(&other.0);
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.0.value_at_percentile(percent))
    }

    pub fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// `median 120 µs, p99 400 µs, slowest 1.20 ms`.
    pub fn sentence(&self) -> String {
        format!(
            "median {}, p90 {}, p99 {}, p99.9 {}, slowest {}",
            shown(self.percentile(50.0)),
            shown(self.percentile(90.0)),
            shown(self.percentile(99.0)),
            shown(self.percentile(99.9)),
            shown(self.max())
        )
    }

    /// In microseconds; `null` if there are none.
    pub fn in_json(&self) -> Value {
        if self.count() == 0 {
            return Value::Null;
        }
        json!({
            "median": micros(self.percentile(50.0)),
            "p90": micros(self.percentile(90.0)),
            "p99": micros(self.percentile(99.0)),
            "p99_9": micros(self.percentile(99.9)),
            "slowest": micros(self.max()),
        })
    }

    /// A line with a bar for each doubling of time that anything fell into, in so many columns.
    pub fn bars(&self, width: usize) -> Vec<String> {
        let longest = width.saturating_sub(BEFORE).min(BAR) as u64;
        let mut rows = Vec::new();
        let mut from = 1_u64;
        while from <= self.0.max() {
            let count = self.0.count_between(from, from * 2 - 1);
            rows.push((from * 2, count));
            from *= 2;
        }
        let first = rows.iter().position(|(_, n)| *n > 0).unwrap_or(rows.len());
        let most = rows.iter().map(|(_, n)| *n).max().unwrap_or(1).max(1);
        rows.iter()
            .skip(first)
            .map(|(below, count)| {
                let length = (count * longest).div_ceil(most);
                let bar = "#".repeat(usize::try_from(length).unwrap_or(0));
                let below = shown(Duration::from_micros(*below));
                format!("  < {below:>9} {count:>9} {bar}")
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }
}

pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Three digits and a unit.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (number, unit) = if seconds < 1e-3 {
        (seconds * 1e6, "µs")
    } else if seconds < 1.0 {
        (seconds * 1e3, "ms")
    } else {
        (seconds, "s")
    };
    let digits = if number >= 100.0 || unit == "µs" {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    format!("{number:.digits$} {unit}")
}
