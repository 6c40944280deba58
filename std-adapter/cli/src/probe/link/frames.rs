//! What a second host has counted of its own frames, where checks with raw frames ran.

use std::time::Duration;

use serde_json::{Value, json};

use super::report::{count, grouped, share};
use crate::latency::{self, micros};

/// Frames and echoes of one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames {
    /// Frames that left, and those of the board that came.
    pub sent: u64,
    pub received: u64,
    /// Echoes one by one, and how many were never answered.
    pub echoes: u64,
    pub lost: u64,
    /// The same of those that were sent at once.
    pub at_once: u64,
    pub lost_at_once: u64,
    /// Echoes that were answered more than once.
    pub twice: u64,
    /// Packets of the board with a wrong sum.
    pub wrong_sums: u64,
    /// The median.
    pub round_trip: Option<Duration>,
}

impl Frames {
    /// Whether there were any.
    pub fn are_counted(&self) -> bool {
        self.sent > 0
    }

    /// Whether something of it should be mended. What is lost of a burst may have been too much at once.
    pub fn are_bad(&self) -> bool {
        let is_lossy = self.lost >= 3 && self.lost * 200 > self.echoes;
        is_lossy || self.wrong_sums > 0 || self.twice > 1
    }

    /// `the link: 7,123 frames out, 7,100 in, 20 of 3,400 echoes lost (0.6 %), 0 came twice, checksums right,
    /// round trip 41 µs`
    pub fn line(&self) -> String {
        let mut parts = vec![
            format!("{} out", count(self.sent, "frame")),
            format!("{} in", grouped(self.received)),
        ];
        if self.echoes > 0 {
            let (lost, echoes) = (grouped(self.lost), count(self.echoes, "echo"));
            let share = match self.lost {
                0 => String::new(),
                _ => format!(" ({})", share(self.lost, self.echoes)),
            };
            parts.push(format!("{lost} of {echoes} lost{share}"));
        }
        if self.lost_at_once > 0 {
            let (lost, all) = (grouped(self.lost_at_once), grouped(self.at_once));
            parts.push(format!("{lost} of {all} at once"));
        }
        if self.echoes + self.at_once > 0 {
            parts.push(format!("{} came twice", grouped(self.twice)));
        }
        parts.push(match self.wrong_sums {
            0 => "checksums right".to_owned(),
            wrong => format!("{} wrong", count(wrong, "checksum")),
        });
        if let Some(time) = self.round_trip {
            parts.push(format!("round trip {}", latency::shown(time)));
        }
        format!("the link: {}", parts.join(", "))
    }

    /// The same for programs.
    pub fn in_json(&self) -> Value {
        let mut object = json!({
            "event": "frames",
            "line": self.line(),
            "bad": self.are_bad(),
            "sent": self.sent,
            "received": self.received,
            "echoes": self.echoes,
            "echoes_lost": self.lost,
            "echoes_at_once": self.at_once,
            "echoes_at_once_lost": self.lost_at_once,
            "echoes_answered_twice": self.twice,
            "wrong_checksums": self.wrong_sums,
        });
        if let Some(time) = self.round_trip {
            object["round_trip_us"] = micros(time).into();
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Frames = Frames {
        sent: 7123,
        received: 7100,
        echoes: 3400,
        lost: 0,
        at_once: 1440,
        lost_at_once: 0,
        twice: 0,
        wrong_sums: 0,
        round_trip: Some(Duration::from_micros(41)),
    };

    #[test]
    fn a_clean_link_has_nothing_to_mend() {
        assert_eq!(
            CLEAN.line(),
            "the link: 7,123 frames out, 7,100 in, 0 of 3,400 echoes lost, 0 came twice, checksums right, \
             round trip 41 µs"
        );
        assert!(CLEAN.are_counted() && !CLEAN.are_bad());
        let crowded = Frames {
            lost_at_once: 800,
            ..CLEAN
        };
        assert!(crowded.line().contains(", 800 of 1,440 at once, ") && !crowded.are_bad());
        assert!(!Frames::default().are_counted());
    }

    #[test]
    fn what_is_lost_spoilt_or_doubled_is_bad() {
        let lossy = Frames { lost: 20, ..CLEAN };
        assert!(lossy.line().contains(", 20 of 3,400 echoes lost (0.6 %), "));
        assert!(lossy.are_bad());
        let wrong = Frames {
            wrong_sums: 1,
            ..CLEAN
        };
        assert!(wrong.line().contains("1 checksum wrong") && wrong.are_bad());
        assert!(Frames { twice: 2, ..CLEAN }.are_bad());
        assert_eq!(lossy.in_json()["echoes_lost"], 20);
    }
}
