//! A deadline that comes at another time than it says: by the stack's clock, or the server's mistake. The 20 ms of
//! quiet that end a name are measured by the same clock, and tell.

use std::time::Duration;

use greet_std::core::probe::{Cause as Came, Fact};

use super::seen::{Of, Seen};
use super::{Said, some};
use crate::latency;
use crate::probe::words;

/// The protocol's.
const QUIET: Duration = Duration::from_millis(20);

pub(super) fn runs_otherwise<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    // A name that comes in pieces ends too early then.
    const PIECES: &[&str] = &["tcp/bytewise", "tcp/segments-settle", "tcp/split-*"];
    let late = open
        .iter()
        .find(|cross| cross.is(&["crowd/late", "lines/half-late"]))?;
    let (what, is_fast) = match at_another_time(seen, late) {
        Some((said, took)) if keeps_time(seen, said, took).is_none() => {
            (words::clock(said, took)?, took < said)
        }
        None if late.is_silence() => (slow_by_its_quiet(seen)?, false),
        _ => return None,
    };
    let crosses = some(open, |cross| {
        let is_in_pieces = cross.is(PIECES) && !cross.is_silence();
        std::ptr::eq(cross, *late) || is_fast && (is_in_pieces || ends_early(cross))
    });
    Some(Said::new(what, crosses))
}

pub(super) fn another_deadline<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let late = open.iter().find(|cross| cross.is(&["crowd/late"]))?;
    let (said, took) = at_another_time(seen, late)?;
    let quiet = keeps_time(seen, said, took)?;
    let what = format!(
        "its deadline came after {}, and it says {}. Its clock is right: the 20 ms of quiet that end a name took {}",
        latency::shown(took),
        latency::shown(said),
        latency::shown(quiet)
    );
    let crosses = some(open, |cross| {
        std::ptr::eq(cross, *late) || took < said && ends_early(cross)
    });
    Some(Said::new(what, crosses))
}

/// What a deadline before its time does to those who may stay, or read on.
fn ends_early(cross: &Of) -> bool {
    const STAY: &[&str] = &["crowd/one-more", "first/places", "lines/steady", "read/*"];
    cross.is(STAY) && !cross.is_silence()
}

/// When the deadline is due, and when it came, if that is why this check failed.
fn at_another_time(seen: &Seen, late: &Of) -> Option<(Duration, Duration)> {
    let (Came::Early { .. } | Came::Overdue { .. }) = late.cause()? else {
        return None;
    };
    seen.facts.iter().find_map(|fact| match *fact {
        Fact::Deadline { said, took } if said > Duration::ZERO => Some((said, took)),
        _ => None,
    })
}

/// How long its quiet took, if that is nearer to what it should take than to what it would by a clock that is as
/// wrong as its deadline.
fn keeps_time(seen: &Seen, said: Duration, took: Duration) -> Option<Duration> {
    let quiet = quiet(seen)?;
    let by_its_clock = QUIET.mul_f64(took.as_secs_f64() / said.as_secs_f64());
    (quiet.abs_diff(QUIET) < quiet.abs_diff(by_its_clock)).then_some(quiet)
}

fn quiet(seen: &Seen) -> Option<Duration> {
    seen.facts.iter().find_map(|fact| match *fact {
        Fact::Quiet { took } => Some(took),
        _ => None,
    })
}

/// Where the deadline doesn't come in time, its quiet tells a clock that is slow from a server that has no
/// deadline.
fn slow_by_its_quiet(seen: &Seen) -> Option<String> {
    /// What a busy board or a link may add is less.
    const SLOW: Duration = Duration::from_millis(80);
    let took = quiet(seen).filter(|took| *took >= SLOW)?;
    let factor = took.as_secs_f64() / QUIET.as_secs_f64();
    Some(format!(
        "its clock may run {factor:.0} times slow: no deadline came in time, and a name that 20 ms of quiet \
         end was answered after {}",
        latency::shown(took)
    ))
}
