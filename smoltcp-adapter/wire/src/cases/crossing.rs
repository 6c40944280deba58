//! Frames that cross the cable: all of them, whole, once, in order, at once, and of every length.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::craft::SHORTEST;
use crate::bench::period::period;
use crate::bench::series::Pace;
use crate::bench::{Bench, Body, Direction, Done, Stop, Symptom, Verdict, Wants};

use super::length::{self, SHORT};
use super::{LIVENESS, bursts, case};

pub(super) static CASES: [Case<Body>; 8] = [
    case(
        "eth/one-by-one",
        Level::Must,
        LIVENESS,
        "No frame's number is special: of many echoes one by one, none is lost again and again",
        &[Wants::Echo],
        one_by_one,
        "a descriptor of a ring is set up wrong, or is leaked: the period of losses is the ring's length",
    ),
    case(
        "eth/steady",
        Level::Must,
        LIVENESS,
        "Answers don't come later and later",
        &[Wants::Echo],
        steady,
        "something grows with each frame: a list that is searched, a pool that isn't given back",
    ),
    case(
        "eth/every-length",
        Level::Must,
        "RFC 1122, 3.2.2.6; RFC 894",
        "Frames of every length from 60 to 1514 bytes cross both ways unchanged",
        &[Wants::Echo],
        length::every_length,
        "buffers too small, cache lines not invalidated, or a length counted wrong",
    ),
    case(
        "eth/prompt",
        Level::Must,
        LIVENESS,
        "A frame is answered though no other comes",
        &[Wants::Echo],
        prompt,
        "an interrupt is lost: what came stays in the ring until something else comes",
    ),
    case(
        "eth/once",
        Level::Should,
        LIVENESS,
        "What is sent once is answered once",
        &[Wants::Echo],
        once,
        "a descriptor is handed over twice, or a repeater is in a loop",
    ),
    case(
        "eth/in-order",
        Level::Should,
        LIVENESS,
        "Answers come in the order of the echoes",
        &[Wants::Echo],
        in_order,
        "TCP takes reordering for loss, and slows down",
    ),
    case(
        "eth/ring",
        Level::May,
        LIVENESS,
        "Sixteen frames at once are answered, each",
        &[Wants::Echo],
        bursts::ring,
        "the receive ring holds fewer, and is emptied too late: TCP's windows and broadcasts make such bursts",
    ),
    case(
        "eth/burst",
        Level::Must,
        LIVENESS,
        "After a burst that is longer than any ring, frames are answered as before",
        &[Wants::Echo],
        bursts::burst,
        "a receiver that has run over stands still: its `buffer unavailable` has to be cleared and the ring restarted",
    ),
];

/// At a run's end its losses are marked, while its frames are kept.
const RUN: Duration = Duration::from_secs(1);

fn one_by_one(bench: &mut Bench<'_>) -> Done {
    /// A counter of 16 bits wraps.
    const THOROUGH: usize = 70_000;
    /// Fewer show no period of fifty.
    const LEAST: usize = 1000;
    /// So many losses show what there is to see.
    const ENOUGH: usize = 30;
    let begun = bench.now();
    let (mut lost, mut of, mut run) = (Vec::new(), 0, 100);
    loop {
        let started = bench.now();
        let series = bench.series(&vec![SHORT; run], Pace::SINGLE)?;
        series.mark_lost(bench);
        lost.extend(series.lost().into_iter().map(|place| of + place));
        of += run;
        let now = bench.now();
        let is_long = of >= LEAST && now.since(begun) >= bench.setup.walk;
        let is_all = is_long && (of >= THOROUGH || !bench.setup.is_thorough);
        // More of the same would only take time.
        if is_all || lost.len() >= ENOUGH || lost.len() * 4 > of {
            break;
        }
        let each = now.since(started) / u32::try_from(run).unwrap_or(u32::MAX);
        let fit = RUN.as_micros() / each.as_micros().max(1);
        run = usize::try_from(fit).unwrap_or(usize::MAX).clamp(20, 1000);
    }
    // The last one may be stuck, which is another fault.
    lost.retain(|place| place + 1 < of);
    let period = period(&lost);
    let is_regular = period.is_some();
    if lost.is_empty() {
        return Ok(Verdict::Passed);
    }
    let count = lost.len();
    if count < 3 || !is_regular && count * 200 < of {
        return Ok(Verdict::Noted(format!("{count} of {of} were lost")));
    }
    // Of as many, some would be lost again, by all chance. What comes again after that many echoes is no matter of time.
    let enough = period.map_or(4 * of / count, |period| 2 * period);
    let is_far_apart = is_regular && enough > SLOWLY;
    if !is_far_apart && !is_lost_slowly(bench, enough)? {
        return Ok(Verdict::Noted(format!(
            "{count} of {of} were lost, and none where 10 ms are between them: a ring is emptied too late"
        )));
    }
    let way = match period {
        Some(period) => direction(bench, period)?,
        None => None,
    };
    bench.found(Symptom::Loss {
        way,
        period,
        lost: count,
        of,
    });
    Ok(Verdict::Failed(match period {
        Some(period) => format!("{count} of {of} were lost, with period {period}"),
        None => format!("{count} of {of} were lost, without a period"),
    }))
}

/// So many echoes at most are sent with time between them.
const SLOWLY: usize = 400;

/// Whether one of so many is lost though there is time between them.
fn is_lost_slowly(bench: &mut Bench<'_>, enough: usize) -> Result<bool, Stop> {
    for _ in 0..enough.min(SLOWLY) {
        bench.pause(Duration::from_millis(10))?;
        if is_lost(bench)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which way every so many frames are lost. Between two losses, frames that nobody answers go to the board:
/// if they count, the next echo is lost so much sooner.
fn direction(bench: &mut Bench<'_>, period: usize) -> Result<Option<Direction>, Stop> {
    if !(6..=600).contains(&period) {
        return Ok(None);
    }
    let until_lost = |bench: &mut Bench<'_>| {
        for count in 1..=2 * period {
            if is_lost(bench)? {
                return Ok(Some(count));
            }
        }
        Ok::<_, Stop>(None)
    };
    let fillers = period / 2;
    let near = |count: usize, wanted: usize| count.abs_diff(wanted) <= 1 + period / 12;
    let (mut ways_in, mut ways_out) = (0, 0);
    if until_lost(bench)?.is_none() {
        return Ok(None);
    }
    for _ in 0..2 {
        for number in 0..fillers {
            let frame = bench.nobodys(SHORTEST);
            bench.send(&frame)?;
            if number % 2 == 1 {
                bench.pause(Duration::from_millis(3))?;
            }
        }
        match until_lost(bench)? {
            Some(count) if near(count, period - fillers) => ways_in += 1,
            Some(count) if near(count, period) => ways_out += 1,
            _ => {}
        }
    }
    Ok(match (ways_in, ways_out) {
        (2, 0) => Some(Direction::In),
        (0, 2) => Some(Direction::Out),
        _ => None,
    })
}

fn is_lost(bench: &mut Bench<'_>) -> Result<bool, Stop> {
    let (frame, wanted) = bench.ping(&[0; SHORT]);
    bench.send(&frame)?;
    let until = bench.now() + bench.usual();
    while let Some(heard) = bench.next(until)? {
        if heard.is_reply_to(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn prompt(bench: &mut Bench<'_>) -> Done {
    const PACE: Pace = Pace {
        batch: 1,
        patience: Some(Duration::from_millis(500)),
        proven: 0,
    };
    /// Each that is stuck takes as long as it is waited for.
    const RUN: usize = 20;
    let (mut stuck, mut of) = (Vec::new(), 0);
    for _ in 0..5 {
        let series = bench.series(&[SHORT; RUN], PACE)?;
        let late = series.places(|shot| shot.answers.is_empty());
        let waited = series.shots.iter().enumerate().filter(|(number, shot)| {
            let first = shot.answers.first();
            first.is_some_and(|answer| answer.sent_by_then > number + 1)
        });
        let waited: Vec<_> = waited.map(|(number, _)| number).collect();
        for number in waited {
            series.mark_answer(bench, number, 0, "it came only once the next echo was sent");
            stuck.push(of + number);
        }
        // The last one has no other behind it.
        if late.contains(&(RUN - 1)) && !stuck.is_empty() {
            stuck.push(of + RUN - 1);
        }
        of += RUN;
    }
    if stuck.len() < 3 {
        return Ok(Verdict::Passed);
    }
    let percent = u8::try_from(stuck.len() * 100 / of).unwrap_or(100);
    let period = period(&stuck);
    bench.found(Symptom::Stuck { period, percent });
    Ok(Verdict::Failed(format!(
        "{} of {of} answers came only once the next echo was sent",
        stuck.len()
    )))
}

fn once(bench: &mut Bench<'_>) -> Done {
    let series = bench.series(&[SHORT; 300], Pace::SINGLE)?;
    let doubled = series.doubled();
    if doubled.len() < 2 {
        return Ok(Verdict::Passed);
    }
    for number in &doubled {
        series.mark_answer(bench, *number, 1, "this answer comes again");
    }
    let period = period(&doubled);
    bench.found(Symptom::Duplicated { period });
    Ok(Verdict::Failed(format!(
        "{} of 300 were answered more than once",
        doubled.len()
    )))
}

fn in_order(bench: &mut Bench<'_>) -> Done {
    let series = bench.series(&[SHORT; 320], Pace::batches(16))?;
    let overtaken = series.overtaken();
    if overtaken.len() < 2 {
        return Ok(Verdict::Passed);
    }
    for number in &overtaken {
        series.mark_answer(bench, *number, 0, "that of a later echo came before");
    }
    let period = period(&overtaken);
    bench.found(Symptom::Swapped { period });
    Ok(Verdict::Failed(format!(
        "{} of 320 answers were overtaken by that of a later echo",
        overtaken.len()
    )))
}

fn steady(bench: &mut Bench<'_>) -> Done {
    const MANY: usize = 480;
    const FEW: usize = 160;
    let has_many = bench.one_by_one.count() >= 2 * MANY;
    let count = if has_many { FEW } else { MANY };
    let mut found = None;
    // All echoes count that went one by one before. By chance so many medians rise once in some thousand times;
    // twice, never.
    for _ in 0..2 {
        let series = bench.series(&vec![SHORT; count], Pace::SINGLE)?;
        let Some(rise) = bench.one_by_one.rise() else {
            return Ok(Verdict::Passed);
        };
        series.mark_answer(bench, count - 1, 0, "the last answer");
        found = Some(rise);
    }
    let (first, last) = found.unwrap_or_default();
    bench.found(Symptom::Slower { first, last });
    Ok(Verdict::Failed(format!(
        "after {first:.1?} at first, {last:.1?} at last, and ever later between"
    )))
}
