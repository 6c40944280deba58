//! How much is sent before anything is acknowledged, and what follows from a segment that got lost.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;

use crate::bench::flags::FIN;
use crate::bench::{Bench, Body, Done, Feature, Part, Reply, Stop, Trait, Verdict, Wants};

use super::case;
use super::rto::{LONG, SMALL, gaps, twice, unasked};

pub(super) static CASES: [Case<Body>; 4] = [
    case(
        "rto/collapse",
        Level::Must,
        "RFC 9293, 3.8.2 (MUST-19); RFC 5681, 3.1",
        "After a time-out one segment goes until it is acknowledged, and each acknowledgment lets two go at most",
        &[Wants::Server],
        collapse,
        "all is sent at once again into a network that is full: there is no congestion window",
    ),
    case(
        "cwnd/initial",
        Level::Should,
        "RFC 5681, 3.1; RFC 6928, 2",
        "No more than ten segments go before the first acknowledgment",
        &[Wants::Server],
        initial,
        "a whole window is sent at once, which a slow link behind a fast one can't hold",
    ),
    case(
        "fast/retransmit",
        Level::Should,
        "RFC 5681, 3.2",
        "The third duplicate acknowledgment makes the lost segment go again at once",
        &[Wants::Server],
        retransmit,
        "each lost segment costs a whole time-out: a transfer on a link that loses some is slow",
    ),
    case(
        "fast/one-only",
        Level::Should,
        "RFC 5681, 3.2; RFC 6298, 5.4",
        "One lost segment doesn't make those behind it go again",
        &[Wants::Server],
        one_only,
        "one loss makes everything go twice, on a link that is full already",
    ),
];

/// So long a time-out is waited for.
const LATEST: Duration = Duration::from_secs(30);

fn collapse(bench: &mut Bench<'_>) -> Done {
    let client = bench.taker(SMALL);
    let Some(mut reply) = bench.asked(client, LONG)? else {
        return Ok(unasked());
    };
    let gaps = gaps(&bench.repeated(&mut reply, 1, LATEST)?);
    let flight = reply.fresh().count();
    let Some(gap) = gaps.first() else {
        bench.conclude(&mut [reply])?;
        return Ok(Verdict::Inconclusive(
            "nothing is sent again within 30 s".to_owned(),
        ));
    };
    if flight < 2 {
        bench.conclude(&mut [reply])?;
        return Ok(Verdict::Inconclusive(
            "one segment at a time is on its way, so there is nothing to see".to_owned(),
        ));
    }
    // The next one would come after a longer wait.
    bench.parts(&mut reply, (*gap / 2).min(Duration::from_millis(500)))?;
    let burst = at_once(&reply);
    let most = if burst > 1 {
        0
    } else {
        growth(bench, &mut reply)?
    };
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Inconclusive(what));
    }
    let growth = format!("{most} segments went for the acknowledgment of one");
    Ok(if burst > 1 {
        Verdict::Failed(format!(
            "{burst} of {flight} segments were sent again at once"
        ))
    } else if most > LEAST {
        Verdict::Failed(growth)
    } else if most > 2 {
        Verdict::Noted(growth)
    } else {
        Verdict::Passed
    })
}

/// BBR, which Linux may be told to have, never has less on its way.
const LEAST: usize = 4;

/// Acknowledges what came again, segment by segment: each lets one more be on its way beside the one that it takes
/// off it. How many segments went at most for one.
fn growth(bench: &mut Bench<'_>, reply: &mut Reply) -> Result<usize, Stop> {
    const ROUNDS: usize = 3;
    let mut most = 0;
    for _ in 0..ROUNDS {
        // An acknowledgment of what went once shows that nothing was lost (RFC 5682), and then all may go.
        let is_oldest = |part: &&Part| part.segment.seq == reply.una && part.is_again;
        let Some(end) = reply.texts().find(is_oldest).map(|part| part.segment.end()) else {
            break;
        };
        let seen = reply.parts.len();
        bench.acknowledge(reply, end)?;
        bench.settle(reply)?;
        let went = reply.parts.iter().skip(seen);
        most = most.max(went.filter(|part| !part.segment.text.is_empty()).count());
    }
    Ok(most)
}

/// How many segments came again; new ones behind them count as well.
fn at_once(reply: &Reply) -> usize {
    let texts: Vec<_> = reply.texts().collect();
    let first = texts.iter().position(|part| part.is_again);
    first.map_or(0, |first| texts.len() - first)
}

/// Segments so short that a reply has more than ten.
const TINY: u16 = 64;

/// The most that go at once.
const MOST: usize = 10;

fn initial(bench: &mut Bench<'_>) -> Done {
    let Some(mut reply) = bench.asked_for_much(TINY, LONG, FIN)? else {
        return Ok(unasked());
    };
    bench.settle(&mut reply)?;
    let before = reply.texts().take_while(|part| !part.is_again);
    let count = before.count();
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Inconclusive(what));
    }
    let at_once = u64::try_from(count).unwrap_or(u64::MAX);
    bench.portray(Feature::InitialWindow, Trait::Count(at_once));
    Ok(Verdict::unless(
        (count > MOST).then(|| format!("{count} segments at once")),
    ))
}

/// So many have to be behind a lost segment that it is noticed.
const DUPLICATES: usize = 3;

/// So soon it has to go again.
const SOON: Duration = Duration::from_millis(100);

/// So long it is waited for.
const LATE: Duration = Duration::from_secs(10);

/// A reply whose oldest segment is lost, with duplicate acknowledgments for each behind it.
struct Loss {
    reply: Reply,
    /// When the third of them went.
    third: Instant,
    /// When it came again.
    again: Option<Instant>,
}

fn loss(bench: &mut Bench<'_>) -> Result<Result<Loss, Verdict>, Stop> {
    let inconclusive = |what: &str| Ok(Err(Verdict::Inconclusive(what.to_owned())));
    // Without FIN: behind both, some are busy with the end alone.
    let Some(mut reply) = bench.asked_for_much(SMALL, LONG, 0)? else {
        return Ok(Err(unasked()));
    };
    bench.settle(&mut reply)?;
    while reply.in_flight() <= DUPLICATES {
        let high = reply.high;
        if reply.is_whole() || high == reply.una {
            return inconclusive("fewer than four segments are on their way at once");
        }
        bench.acknowledge(&mut reply, high)?;
        bench.settle(&mut reply)?;
    }
    let behind = reply.in_flight() - 1;
    let una = reply.una;
    let mut third = bench.now();
    for number in 1..=behind {
        if reply.times().len() > 1 {
            break;
        }
        if number == DUPLICATES {
            // Before it goes: the answer may be here before the system is done with sending.
            third = bench.now();
        }
        bench.acknowledge(&mut reply, una)?;
        let until = bench.now() + Duration::from_millis(2);
        while bench.part(&mut reply, until)?.is_some() {}
    }
    let times = bench.repeated(&mut reply, 1, LATE)?;
    let again = times.get(1).copied();
    if again.is_some_and(|again| again < third) {
        return inconclusive("it was sent again before anybody could have missed it");
    }
    Ok(Ok(Loss {
        reply,
        third,
        again,
    }))
}

fn retransmit(bench: &mut Bench<'_>) -> Done {
    twice(bench, recovery)
}

fn recovery(bench: &mut Bench<'_>) -> Done {
    let lost = match loss(bench)? {
        Ok(lost) => lost,
        Err(verdict) => return Ok(verdict),
    };
    let Loss {
        reply,
        third,
        again,
    } = lost;
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Inconclusive(what));
    }
    let took = again.map(|again| again.since(third));
    let is_fast = took.is_some_and(|took| took <= SOON);
    let word = if is_fast { "yes" } else { "no" };
    bench.portray(Feature::FastRetransmit, Trait::Word(word));
    Ok(Verdict::unless(match took {
        None => Some("it never goes again, for 10 s".to_owned()),
        Some(took) if took > SOON => Some(format!("after {took:.1?}, by a time-out")),
        Some(_) => None,
    }))
}

fn one_only(bench: &mut Bench<'_>) -> Done {
    let lost = match loss(bench)? {
        Ok(lost) => lost,
        Err(verdict) => return Ok(verdict),
    };
    let mut reply = lost.reply;
    bench.settle(&mut reply)?;
    let again = reply.texts().filter(|part| part.is_again).count();
    let all = reply.fresh().count();
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Inconclusive(what));
    }
    Ok(if again == 0 {
        Verdict::Inconclusive("nothing goes again, for 10 s".to_owned())
    } else {
        Verdict::unless(
            (again > 2).then(|| format!("{again} of {all} segments went again for one")),
        )
    })
}
