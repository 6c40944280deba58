//! What became of a run, in the same sentence and with the same keys at both ends.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::latency::shown;

/// How many messages of a run were sent, and what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The sender's end has come. Else it has sent so many at least.
    pub is_whole: bool,
    pub sent: u32,
    /// Right in every byte, each number once.
    pub received: u32,
    /// Numbers that came once more.
    pub duplicates: u64,
    /// Those that came behind one with a higher number (RFC 4737, section 3.3).
    pub reordered: u64,
    /// Datagrams of which a byte was wrong.
    pub wrong: u64,
    /// The interarrival jitter (RFC 3550, section 6.4.1).
    pub jitter_micros: u64,
    /// From the first that came to the last.
    pub micros: u64,
    /// Bytes of each.
    pub size: u32,
}

impl Totals {
    pub fn lost(&self) -> u32 {
        self.sent.saturating_sub(self.received)
    }

    /// How many came in a second.
    fn rate(&self) -> f64 {
        match self.micros {
            0 => 0.0,
            micros => {
                f64::from(self.received.saturating_sub(1))
                    / Duration::from_micros(micros).as_secs_f64()
            }
        }
    }

    fn bits(&self) -> f64 {
        self.rate() * f64::from(self.size) * 8.0
    }

    /// Adds what is known to an event.
    pub fn extend(&self, event: &mut Value) {
        let known = json!({
            "complete": self.is_whole,
            "sent": self.sent,
            "received": self.received,
            "missing": self.lost(),
            "duplicates": self.duplicates,
            "reordered": self.reordered,
            "wrong": self.wrong,
            "jitter_us": self.jitter_micros,
            "size": self.size,
            "seconds": Duration::from_micros(self.micros).as_secs_f64(),
            "messages_per_second": (self.rate() * 10.0).round() / 10.0,
            "bits_per_second": self.bits().round(),
        });
        if let (Value::Object(known), Value::Object(event)) = (known, event) {
            event.extend(known);
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_least = if self.is_whole { "" } else { "at least " };
        let percent = 100.0 * f64::from(self.lost()) / f64::from(self.sent.max(1));
        write!(
            f,
            "sent {at_least}{}, received {}, lost {} ({percent:.2} %), duplicates {}, reordered {}, wrong {}",
            self.sent,
            self.received,
            self.lost(),
            self.duplicates,
            self.reordered,
            self.wrong
        )?;
        if self.received > 1 {
            write!(
                f,
                ", jitter {}, {} bytes each, {:.1} in a second ({})",
                shown(Duration::from_micros(self.jitter_micros)),
                self.size,
                self.rate(),
                bits(self.bits())
            )?;
        }
        Ok(())
    }
}

/// Three digits and a unit.
fn bits(rate: f64) -> String {
    let (number, unit) = match rate {
        rate if rate < 1e6 => (rate / 1e3, "kbit/s"),
        rate if rate < 1e9 => (rate / 1e6, "Mbit/s"),
        rate => (rate / 1e9, "Gbit/s"),
    };
    let digits = match number {
        number if number < 10.0 => 2,
        number if number < 100.0 => 1,
        _ => 0,
    };
    format!("{number:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_one_sentence() {
        let totals = Totals {
            is_whole: true,
            sent: 1_001,
            received: 1_001,
            duplicates: 2,
            reordered: 3,
            wrong: 0,
            jitter_micros: 12,
            micros: 1_000_000,
            size: 125,
        };
        assert_eq!(
            totals.to_string(),
            "sent 1001, received 1001, lost 0 (0.00 %), duplicates 2, reordered 3, wrong 0, jitter 12 µs, \
             125 bytes each, 1000.0 in a second (1.00 Mbit/s)"
        );
        let nothing = Totals {
            is_whole: false,
            sent: 4,
            received: 0,
            micros: 0,
            ..totals
        };
        assert_eq!(
            nothing.to_string(),
            "sent at least 4, received 0, lost 4 (100.00 %), duplicates 2, reordered 3, wrong 0"
        );
    }
}
