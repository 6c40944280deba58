//! What a report says of the link: one line, the same in numbers, and what findings are made from.

use std::fmt::Write as _;
use std::time::Duration;

use greet_std::core::limits::{DEFAULT_MSS, MAX_TEXT};
use greet_std::core::probe::LinkCounters;
use serde_json::{Value, json};

use super::super::findings::{Every, LinkSeen};
use super::machine::Machine;
use super::stall::StoodStill;
use crate::latency;

/// What was seen of the link while checks ran.
#[derive(Clone, Debug, Default)]
pub struct LinkReport {
    /// Of the probe's own connections; `None`: this system doesn't tell.
    pub seen: Option<LinkCounters>,
    /// Of all of this machine.
    pub machine: Option<Machine>,
    /// Greetings in a row, in which nothing but the link explains that something was missed.
    pub greetings: u32,
    /// Those of them in which something was sent again, or that took much longer than others.
    pub disturbed: u32,
    /// Those of them that took longer though nothing was sent again here.
    pub late: u32,
    /// What was missed came with a period.
    pub period: Option<Every>,
    /// What stood still came with the next frame: how often.
    pub stalls: Option<StoodStill>,
    /// How many packets came with a wrong checksum, and with which period.
    pub wrong_sums: u64,
    pub wrong_sums_period: Option<u32>,
    /// All packets with data of an odd length had a wrong checksum, and no others.
    pub only_odd_sums: bool,
    /// The median of the smoothed round-trip times, and of their variations.
    pub rtt: Option<(Duration, Duration)>,
}

/// So many of a hundred greetings may be disturbed by a machine that is busy.
const MOST_DISTURBED: u32 = 1;

/// Fewer say nothing.
const LEAST: u32 = 5;

impl LinkReport {
    pub fn mss(&self) -> Option<u16> {
        self.seen.and_then(|seen| seen.mss)
    }

    pub fn window(&self) -> Option<u32> {
        self.seen.and_then(|seen| seen.window)
    }

    /// How many fragments' packets this machine couldn't put together.
    pub fn not_put_together(&self) -> u64 {
        self.machine.map_or(0, |machine| machine.not_put_together)
    }

    /// Whether it loses segments, or holds them back.
    pub fn is_lossy(&self) -> bool {
        let LinkReport {
            greetings,
            disturbed,
            ..
        } = *self;
        if greetings > 0 {
            return disturbed >= LEAST && disturbed * 100 > greetings * MOST_DISTURBED;
        }
        // Checks that take all places have their SYNs sent again by any stack.
        let seen = self.seen.unwrap_or_default();
        let again = u64::from(seen.sent_again);
        again >= 10 && again * 50 > u64::from(seen.sent)
    }

    fn is_out_of_order(&self) -> bool {
        let seen = self.seen.unwrap_or_default();
        let count = seen.out_of_order + seen.overtaken;
        count >= 10 && u64::from(count) * 100 > u64::from(seen.received)
    }

    fn has_small_mss(&self) -> bool {
        self.mss().is_some_and(|mss| usize::from(mss) < DEFAULT_MSS)
    }

    /// A name doesn't fit into it.
    fn has_small_window(&self) -> bool {
        let longest = u32::try_from(MAX_TEXT).unwrap_or(u32::MAX);
        self.window().is_some_and(|window| window <= longest)
    }

    /// Whether something about it explains crosses, or should be mended.
    pub fn is_bad(&self) -> bool {
        self.is_lossy()
            || self.stalls.is_some()
            || self.is_out_of_order()
            || self.wrong_sums > 0
            || self.not_put_together() > 0
            || self.has_small_mss()
            || self.has_small_window()
    }

    /// `the link: 117 of 9,340 segments sent again (1.3 %, every 50th to the server), 0 out of order,
    /// checksums right, MSS 1460, window 5840, RTT 300 µs`
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        match self.seen {
            Some(seen) => {
                parts.push(self.sent_again(&seen));
                if self.late > 0 {
                    let late = count(self.late.into(), "answer");
                    parts.push(format!("{late} late"));
                }
                if let Some(stalls) = self.stalls {
                    let StoodStill {
                        nudged,
                        came,
                        left,
                        came_alone,
                    } = stalls;
                    parts.push(format!(
                        "what stood still came with the next frame ({came} of {nudged} times, without one \
                         {came_alone} of {left})"
                    ));
                }
                if seen.received_again > 0 {
                    parts.push(format!(
                        "{} came twice",
                        grouped(seen.received_again.into())
                    ));
                }
                let reordered = seen.out_of_order + seen.overtaken;
                parts.push(format!("{} out of order", grouped(reordered.into())));
            }
            None => parts.push(
                "this system can't be asked what its TCP saw (Linux 5.4 and later and macOS can)"
                    .to_owned(),
            ),
        }
        if self.seen.is_some() || self.machine.is_some() {
            parts.push(self.sums());
        }
        if self.not_put_together() > 0 {
            let times = grouped(self.not_put_together());
            parts.push(format!("fragments missing {times} times"));
        }
        if let Some(mss) = self.mss() {
            parts.push(format!("MSS {mss}"));
        }
        if let Some(window) = self.window() {
            parts.push(format!("window {window}"));
        }
        if let Some((rtt, _)) = self.rtt {
            parts.push(format!("RTT {}", latency::shown(rtt)));
        }
        if let Some(machine) = self.machine.filter(|machine| machine.no_room > 0) {
            let lost = count(machine.no_room, "datagram");
            parts.push(format!("this machine itself had no room for {lost}"));
        }
        format!("the link: {}", parts.join(", "))
    }

    fn sent_again(&self, seen: &LinkCounters) -> String {
        let mut part = format!(
            "{} of {} segments sent again",
            grouped(seen.sent_again.into()),
            grouped(seen.sent.into())
        );
        let mut beside = Vec::new();
        if seen.sent_again > 0 {
            beside.push(share(seen.sent_again.into(), seen.sent.into()));
        }
        beside.extend(self.period.map(words));
        if !beside.is_empty() {
            // A string takes everything.
            let _ = write!(part, " ({})", beside.join(", "));
        }
        part
    }

    fn sums(&self) -> String {
        if self.wrong_sums == 0 {
            return "checksums right".to_owned();
        }
        let mut part = format!("{} wrong", count(self.wrong_sums, "checksum"));
        if self.only_odd_sums {
            part += " (all those of odd lengths)";
        } else if let Some(every) = self.wrong_sums_period {
            // A string takes everything.
            let _ = write!(part, " (every {})", ordinal(every));
        }
        part
    }

    /// What findings are made from.
    pub fn seen(&self) -> LinkSeen {
        let of = self.seen.unwrap_or_default();
        LinkSeen {
            sent: of.sent.into(),
            sent_again: of.sent_again.into(),
            lossy: self.is_lossy(),
            stalling: self.stalls.is_some(),
            every: self.period,
            wrong_sums: self.wrong_sums,
            wrong_sums_every: self.wrong_sums_period,
            only_odd_sums: self.only_odd_sums,
            received: of.received.into(),
            // Linux counts them for the machine alone.
            received_again: self
                .machine
                .map_or(0, |machine| machine.received_again)
                .max(of.received_again.into()),
            // Behind what is lost there is a gap as well.
            reordered: if self.is_lossy() {
                of.overtaken.into()
            } else {
                u64::from(of.out_of_order) + u64::from(of.overtaken)
            },
            mss: of.mss,
            window: of.window,
        }
    }

    /// The same for programs.
    pub fn in_json(&self) -> Value {
        let mut object = json!({
            "event": "link",
            "line": self.line(),
            "bad": self.is_bad(),
            "lossy": self.is_lossy(),
            "stalling": self.stalls.is_some(),
            "greetings": self.greetings,
            "greetings_disturbed": self.disturbed,
            "greetings_late": self.late,
        });
        let mut put = |key: &str, value: Value| object[key] = value;
        if let Some(seen) = self.seen {
            put("segments_sent", seen.sent.into());
            put("segments_sent_again", seen.sent_again.into());
            put("segments_sent_needlessly", seen.needless.into());
            put("segments_received", seen.received.into());
            put("segments_received_again", seen.received_again.into());
            put("segments_out_of_order", seen.out_of_order.into());
            put("segments_overtaken", seen.overtaken.into());
        }
        if let Some(every) = self.period {
            put("period", every.number.into());
            let towards = if every.to_server { "server" } else { "tester" };
            put("period_towards", towards.into());
        }
        if self.seen.is_some() || self.machine.is_some() {
            put("wrong_checksums", self.wrong_sums.into());
        }
        if let Some(every) = self.wrong_sums_period {
            put("wrong_checksums_period", every.into());
        }
        if self.only_odd_sums {
            put("wrong_checksums_of", "odd lengths".into());
        }
        if let Some(mss) = self.mss() {
            put("mss", mss.into());
        }
        if let Some(window) = self.window() {
            put("window", window.into());
        }
        if let Some((rtt, variation)) = self.rtt {
            put("rtt_us", micros(rtt));
            put("rtt_variation_us", micros(variation));
        }
        if let Some(machine) = self.machine {
            put(
                "machine",
                json!({
                    "segments_sent": machine.sent,
                    "segments_sent_again": machine.sent_again,
                    "syns_sent_again": machine.syns_again,
                    "segments_out_of_order": machine.out_of_order,
                    "wrong_checksums": machine.wrong_sums,
                    "reassembly_failed": machine.not_put_together,
                    "datagrams_without_room": machine.no_room,
                    "attempts_failed": machine.attempts_failed,
                    "resets": machine.resets,
                    "given_up": machine.given_up,
                }),
            );
        }
        object
    }
}

fn words(every: Every) -> String {
    let way = if every.to_server { "to" } else { "from" };
    format!("every {} {way} the server", ordinal(every.number))
}

/// `50th`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    grouped(number.into()) + ending
}

fn micros(time: Duration) -> Value {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).into()
}

/// `1 answer`, `2 answers`, `2 echoes`.
pub(super) fn count(number: u64, what: &str) -> String {
    let many = match (number, what) {
        (1, _) => "",
        (_, "echo") => "es",
        _ => "s",
    };
    format!("{} {what}{many}", grouped(number))
}

/// `1.3 %`, of so many.
#[expect(clippy::cast_precision_loss, reason = "a share to a tenth")]
pub fn share(part: u64, all: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / all.max(1) as f64)
}

/// `9,340`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
