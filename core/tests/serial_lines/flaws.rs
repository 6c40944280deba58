//! The machine, broken in one way that is chosen at run time: each rule must notice the flaws that are named
//! for it.

use std::panic::catch_unwind;

use embedded_io::ErrorKind;
use greet_core::error::Refusal;
use greet_core::limits::Limits;
use greet_core::lines::{Outcome, SerialLines, Tally};
use greet_core::machine::{Machine, Want};
use greet_core::time::Instant;

use crate::rules::RULES;
use crate::{DEADLINE, SETTLE, START};

/// A way to break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is right.
    None,
    /// A refusal ends all.
    RefusalEnds,
    /// Nobody is told of refusals.
    RefusalUntold,
    /// What comes of a refused line is a line of its own.
    RestIsALine,
    /// A pause doesn't end a refused line.
    PauseEndsNothing,
    /// A pause of a quarter of the time does.
    PauseTooShort,
    /// Something is always due.
    AlwaysDue,
    /// A line is never late.
    NeverLate,
    /// The time of a line counts from its last byte.
    TimeFromLastByte,
    /// What comes of a late line is a line of its own.
    LateRestIsALine,
    /// Replies that nobody takes wait for ever.
    RepliesWait,
    /// Replies are thrown away in half of the time.
    RepliesThrownEarly,
    /// A stop ends it at once.
    StopAtOnce,
    /// A stop changes nothing.
    StopIgnored,
    /// Once it stops, no time ends it.
    StopWaits,
    /// A fault of the line isn't heard of.
    FaultIgnored,
}

/// Each with the rule that must notice it.
const NOTICED: &[(Flaw, &str)] = &[
    (Flaw::RefusalEnds, "a_refusal_ends_nothing_but_its_line"),
    (Flaw::RefusalUntold, "a_refusal_ends_nothing_but_its_line"),
    (
        Flaw::RestIsALine,
        "what_comes_of_a_refused_line_is_thrown_away_up_to_its_end",
    ),
    (Flaw::PauseEndsNothing, "or_up_to_a_pause"),
    (Flaw::PauseTooShort, "noise_that_goes_on_is_refused_once"),
    (Flaw::AlwaysDue, "between_lines_nothing_is_due"),
    (Flaw::NeverLate, "half_a_line_is_late_and_forgotten"),
    (Flaw::TimeFromLastByte, "half_a_line_is_late_and_forgotten"),
    (
        Flaw::LateRestIsALine,
        "half_a_line_that_goes_on_is_thrown_away_once_it_is_late",
    ),
    (
        Flaw::RepliesWait,
        "who_takes_no_replies_keeps_nobody_waiting_for_ever",
    ),
    (
        Flaw::RepliesThrownEarly,
        "who_takes_no_replies_keeps_nobody_waiting_for_ever",
    ),
    (
        Flaw::StopAtOnce,
        "a_stop_answers_what_has_begun_and_nothing_behind_it",
    ),
    (
        Flaw::StopIgnored,
        "a_stop_answers_what_has_begun_and_nothing_behind_it",
    ),
    (
        Flaw::StopWaits,
        "a_stop_waits_for_nobody_longer_than_the_deadline",
    ),
    (Flaw::FaultIgnored, "a_fault_ends_it"),
];

#[test]
fn each_flaw_is_noticed_by_the_rule_that_it_breaks() {
    for (flaw, name) in NOTICED {
        let rule = RULES.iter().find(|(rule, _)| rule == name);
        let (_, rule) = *rule.expect("a rule");
        println!("{flaw:?} breaks {name}:");
        let noticed = catch_unwind(|| rule(*flaw)).is_err();
        assert!(noticed, "{flaw:?} isn't noticed by {name}");
    }
}

#[test]
fn each_rule_is_broken_by_a_flaw() {
    for (rule, _) in RULES {
        let broken = NOTICED.iter().any(|(_, name)| name == rule);
        assert!(broken, "no flaw breaks {rule}");
    }
}

/// The machine with a flaw.
#[derive(Debug)]
pub(crate) struct Flawed {
    inner: SerialLines,
    flaw: Flaw,
    /// So many refusals have been seen.
    refused: u32,
    heard: Instant,
    stops: bool,
}

pub(crate) fn begun(flaw: Flaw) -> Flawed {
    let settle = match flaw {
        Flaw::PauseTooShort => SETTLE / 4,
        _ => SETTLE,
    };
    Flawed {
        inner: SerialLines::new(Limits::DEFAULT.with_settle(settle)),
        flaw,
        refused: 0,
        heard: START,
        stops: false,
    }
}

impl Flawed {
    pub(crate) fn wind_down(&mut self, now: Instant) {
        self.stops = true;
        if self.flaw != Flaw::StopIgnored {
            self.inner.wind_down(now);
        }
        if self.flaw == Flaw::StopAtOnce {
            self.inner.lost(ErrorKind::Other);
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.inner.tally()
    }

    pub(crate) fn take_refusals(&mut self) -> Option<(u32, Refusal)> {
        let refusals = self.inner.take_refusals();
        refusals.filter(|_| self.flaw != Flaw::RefusalUntold)
    }

    /// Whether a line was refused since this was asked.
    fn refuses(&mut self) -> bool {
        let refused = u32::try_from(self.inner.tally().refused).expect("few");
        let more = refused > self.refused;
        self.refused = refused;
        more
    }

    /// As if the line had ended here.
    fn end_line(&mut self, now: Instant) {
        if let Some(first) = self.inner.space().first_mut() {
            *first = b'\n';
            self.inner.received(1, now);
        }
    }
}

impl Machine for Flawed {
    type Outcome = Outcome;

    fn want(&self) -> Want {
        self.inner.want()
    }

    fn space(&mut self) -> &mut [u8] {
        self.inner.space()
    }

    fn received(&mut self, n: usize, now: Instant) {
        self.heard = now;
        self.inner.received(n, now);
        match (self.flaw, self.refuses()) {
            (Flaw::RefusalEnds, true) => self.inner.lost(ErrorKind::Other),
            (Flaw::RestIsALine, true) => self.end_line(now),
            _ => {}
        }
    }

    fn received_fin(&mut self, now: Instant) {
        if self.flaw != Flaw::FaultIgnored {
            self.inner.received_fin(now);
        }
    }

    fn quiet(&mut self, now: Instant, in_one_segment: impl FnOnce(usize) -> bool) {
        self.inner.quiet(now, in_one_segment);
    }

    fn transmit(&self) -> &[u8] {
        self.inner.transmit()
    }

    fn fin_follows(&self) -> bool {
        self.inner.fin_follows()
    }

    fn transmitted(&mut self, n: usize, now: Instant) {
        self.inner.transmitted(n, now);
    }

    fn finished(&mut self, now: Instant) {
        self.inner.finished(now);
    }

    fn lost(&mut self, kind: ErrorKind) {
        if self.flaw != Flaw::FaultIgnored {
            self.inner.lost(kind);
        }
    }

    fn due(&self) -> Instant {
        match (self.flaw, self.inner.due()) {
            (Flaw::AlwaysDue, Instant::NEVER) => START + DEADLINE,
            (_, due) => due,
        }
    }

    fn timeout(&mut self, now: Instant) {
        let waits = match self.flaw {
            Flaw::PauseEndsNothing => self.refused > 0,
            Flaw::NeverLate => self.inner.transmit().is_empty(),
            Flaw::TimeFromLastByte => now < self.heard + DEADLINE,
            Flaw::RepliesWait => !self.inner.transmit().is_empty(),
            Flaw::StopWaits => self.stops,
            _ => false,
        };
        if waits {
            return;
        }
        let early = self.flaw == Flaw::RepliesThrownEarly;
        self.inner
            .timeout(if early { now + DEADLINE / 2 } else { now });
        if self.flaw == Flaw::LateRestIsALine && self.refuses() {
            self.end_line(now);
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        self.inner.outcome()
    }
}
