//! Runs checks with raw frames: each, then a look whether the board still answers.

use core::time::Duration;

use greet_core::probe::{About, Case};

use crate::bench::{Bench, Body, Greeting, Recording, Stop, Symptom, Traffic, Verdict, Wants};
use crate::cases::RAW_CASES;

/// So long a board may take to start again.
const RESTART: Duration = Duration::from_secs(15);

/// What happens while checks with raw frames run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RawEvent<'a> {
    /// A check begins.
    Started {
        /// Which one.
        check: &'static About,
    },
    /// A check has ended.
    Ended {
        /// Which one.
        check: &'static About,
        /// How.
        verdict: &'a Verdict,
        /// What isn't there that it needs, if it was skipped for that.
        lacks: Option<Wants>,
        /// What a cross means.
        meaning: &'static str,
        /// Its frames.
        recording: &'a Recording,
        /// What crossed the cable since the beginning.
        traffic: Traffic,
        /// How long each echo took that it sent in series, and that was answered.
        took: &'a [Duration],
    },
    /// The board doesn't answer any more: the checks after this one are skipped.
    Stopped {
        /// After which check.
        after: &'static About,
    },
}

/// Runs the checks that `only` picks. What was found is with the bench afterwards.
///
/// # Errors
///
/// The cable carries nothing any more, or somebody wants it to end.
pub fn grade_raw(
    bench: &mut Bench<'_>,
    only: impl Fn(&About) -> bool,
    report: &mut dyn FnMut(RawEvent<'_>),
) -> Result<(), Stop> {
    let picked = || {
        let all = RAW_CASES.iter().copied().flatten();
        all.filter(|case| only(&case.about))
    };
    let Some(first) = picked().next() else {
        return Ok(());
    };
    bench.begin(first.about.id);
    let mut is_there = bench.find()?;
    let mut is_first = true;
    for case in picked() {
        let check = &case.about;
        report(RawEvent::Started { check });
        if !is_first {
            bench.begin(check.id);
        }
        is_first = false;
        if is_there && bench.serves.is_none() && case.body.wants.contains(&Wants::Server) {
            bench.serves = Some(bench.has_server()?);
        }
        if is_there && bench.receives.is_none() && case.body.wants.contains(&Wants::Datagrams) {
            bench.receives = Some(bench.has_receiver()?);
        }
        let (verdict, lacks) = match unmet(bench, case, is_there) {
            Some(Unmet { why, lacks }) => (Verdict::Skipped(why), lacks),
            None => (judged(bench, case, &mut is_there)?, None),
        };
        let took = bench.take_latencies();
        report(end_of(bench, case, &verdict, lacks, &took));
        if !is_there && bench.board.is_some() {
            is_there = returns(bench)?;
            if !is_there {
                report(RawEvent::Stopped { after: check });
                bench.board = None;
            }
        }
    }
    Ok(())
}

/// What there is to say of a check that has ended.
pub(crate) fn end_of<'a>(
    bench: &'a Bench<'_>,
    case: &'static Case<Body>,
    verdict: &'a Verdict,
    lacks: Option<Wants>,
    took: &'a [Duration],
) -> RawEvent<'a> {
    RawEvent::Ended {
        check: &case.about,
        verdict,
        lacks,
        meaning: case.body.meaning,
        recording: bench.recording(),
        traffic: bench.traffic(),
        took,
    }
}

/// Runs one check, and looks whether the board lives.
pub(crate) fn judged(
    bench: &mut Bench<'_>,
    case: &'static Case<Body>,
    is_there: &mut bool,
) -> Result<Verdict, Stop> {
    let verdict = (case.body.run)(bench)?;
    bench.check_ends();
    bench.hang_up()?;
    bench.over_ip6(false);
    if bench.board.is_none() {
        return Ok(verdict);
    }
    let after = case.about.id;
    *is_there = bench.is_alive()?;
    if !*is_there {
        bench.check_goes_on();
        bench.mark_last_sent();
        bench.found(Symptom::Died { after });
        return Ok(and(verdict, "the board doesn't answer afterwards"));
    }
    if bench.serves == Some(true)
        && case.body.wants.contains(&Wants::Server)
        && let Greeting::Wrong(what) = bench.is_serving()?
    {
        bench.check_goes_on();
        bench.mark_last_sent();
        bench.found(Symptom::NotServed { after });
        bench.serves = Some(serves_again(bench)?);
        let what = format!("an honest client isn't greeted afterwards: {what}");
        return Ok(and(verdict, &what));
    }
    Ok(verdict)
}

/// A cross, whatever it was, with something more to say.
fn and(verdict: Verdict, what: &str) -> Verdict {
    match verdict {
        Verdict::Failed(said) | Verdict::Worse(said) => Verdict::Failed(format!("{said}; {what}")),
        _ => Verdict::Failed(what.to_owned()),
    }
}

/// Whether a server that didn't greet does so again, once it has given up whom it waits for.
fn serves_again(bench: &mut Bench<'_>) -> Result<bool, Stop> {
    let give_up = bench.now() + bench.setup.deadline + RESTART;
    while bench.now() < give_up {
        if bench.is_serving()? == Greeting::Right {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a board that was gone answers again.
fn returns(bench: &mut Bench<'_>) -> Result<bool, Stop> {
    let give_up = bench.now() + RESTART;
    while bench.now() < give_up {
        if bench.is_alive()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why a check can't run.
pub(crate) struct Unmet {
    pub why: &'static str,
    /// What it needs that isn't there.
    pub lacks: Option<Wants>,
}

/// Why a check can't run, if it can't.
pub(crate) fn unmet(bench: &Bench<'_>, case: &Case<Body>, is_there: bool) -> Option<Unmet> {
    let all = case.body.wants;
    let finds_out = all.contains(&Wants::Nobody) && bench.board.is_none();
    if !is_there && !finds_out {
        return Some(Unmet {
            why: "nobody answers",
            lacks: None,
        });
    }
    all.iter().find_map(|wants| {
        let why = lacking(bench, *wants)?;
        let lacks = Some(*wants);
        Some(Unmet { why, lacks })
    })
}

/// What there is to say where something isn't there.
fn lacking(bench: &Bench<'_>, wants: Wants) -> Option<&'static str> {
    match wants {
        Wants::Nobody => None,
        Wants::Echo => (bench.echoes != Some(true)).then_some("it answers no echo"),
        Wants::Datagrams => (bench.receives != Some(true))
            .then_some("no receiver of this protocol answers at its port"),
        Wants::Server => {
            (bench.serves != Some(true)).then_some("no server of this protocol greets at its port")
        }
        Wants::Lines => (bench.setup.lines.is_none()).then_some("no port for lines was named"),
        Wants::Patience => (!bench.setup.is_patient).then_some("it takes minutes"),
        Wants::Echo6 if bench.v6().is_none() => Some("no address of IPv6 is known of the board"),
        Wants::Echo6 => (bench.echoes6 != Some(true)).then_some("it answers no echo over IPv6"),
        Wants::V4 => bench
            .v4()
            .is_none()
            .then_some("the board was named by an address of IPv6"),
        Wants::V6 => bench
            .v6()
            .is_none()
            .then_some("no address of IPv6 is known of the board"),
        Wants::Alone => (!bench.setup.is_alone)
            .then_some("others may be on the cable, whose addresses it would use"),
    }
}
