//! What isn't acknowledged is sent again: when, how often, and how much at once.

use core::time::Duration;
use std::collections::VecDeque;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;

use crate::bench::flags::{ACK, FIN, SYN};
use crate::bench::{Bench, Body, Done, Feature, MSS, Reply, Trait, Verdict, Wants, is_after};

use super::case;

pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "rto/clock",
        Level::Should,
        "RFC 6298, 2.1",
        "Before it has measured anything, TCP waits a second or some",
        &[Wants::Server],
        clock,
        "the clock of TCP goes too fast or too slowly: its tick isn't what the stack takes it for",
    ),
    case(
        "rto/reply",
        Level::Must,
        "RFC 9293, 3.10.8; 3.8.1",
        "Text that isn't acknowledged is sent again, the same, until it is",
        &[Wants::Server],
        reply,
        "one lost frame stops a connection: no timer runs, or what was sent isn't kept",
    ),
    case(
        "rto/backoff",
        Level::Must,
        "RFC 9293, 3.8.2 (MUST-19); RFC 6298, 5.5",
        "Each time, the wait for an acknowledgment is twice as long",
        &[Wants::Server],
        backoff,
        "who sends at the same pace into a network that is full keeps it full",
    ),
    case(
        "rto/afresh",
        Level::May,
        "RFC 6298, 2.1; RFC 9040, 7.1",
        "A new connection doesn't wait as long as one whose acknowledgments don't come",
        &[Wants::Server],
        afresh,
        "one client that vanishes makes all others wait for what is lost, for a minute or longer",
    ),
    case(
        "rto/not-early",
        Level::Should,
        "RFC 6298, 2.4",
        "Where acknowledgments take 300 ms from the beginning on, nothing is sent again",
        &[Wants::Server],
        not_early,
        "over a long way everything goes twice: round trips aren't measured, or the shortest wait is too short",
    ),
];

/// So long something is waited for that must come again.
const LATE: Duration = Duration::from_secs(30);

/// A name that was said and not taken: another check's, so nothing is known of this one.
pub(super) fn unasked() -> Verdict {
    Verdict::Inconclusive("a name isn't acknowledged, though it was said four times".to_owned())
}

/// Some servers end a connection whose reply isn't taken within their deadline, which they may.
pub(super) fn is_given_up(bench: &mut Bench<'_>, reply: &Reply, begun: Instant) -> bool {
    let early = Duration::from_millis(500);
    let deadline = bench.setup.deadline.saturating_sub(early);
    reply.client.is_reset && bench.now() >= begun + deadline
}

pub(super) const GIVEN_UP: &str = "the server's deadline came before there was anything to see";

/// From one time to the next.
pub(super) fn gaps(times: &[Instant]) -> Vec<Duration> {
    let pairs = times.windows(2);
    pairs
        .filter_map(|pair| match pair {
            [one, next] => Some(next.since(*one)),
            _ => None,
        })
        .collect()
}

/// A clock that is half of what it should be, and ten times.
const FAST: Duration = Duration::from_millis(500);
const SLOW: Duration = Duration::from_secs(10);

fn clock(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(unasked());
    }
    let begun = bench.now();
    while let Some((came, again)) = bench.hear(&mut client, begun + LATE)? {
        if !again.has(SYN | ACK) {
            continue;
        }
        let took = came.since(begun);
        bench.portray(Feature::SynAckAgain, Trait::Time(took));
        bench.abort(&mut client)?;
        return Ok(Verdict::unless((took < FAST || took > SLOW).then(|| {
            format!("the answer to a SYN is sent again after {took:.1?}")
        })));
    }
    bench.abort(&mut client)?;
    Ok(Verdict::Inconclusive(format!(
        "the answer to a SYN isn't sent again within {} s",
        LATE.as_secs()
    )))
}

/// How soon and how late text may go again.
const EARLIEST: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_millis(3500);

fn reply(bench: &mut Bench<'_>) -> Done {
    let begun = bench.now();
    let client = bench.taker(MSS);
    let Some(mut reply) = bench.asked(client, 3)? else {
        return Ok(unasked());
    };
    let gaps = gaps(&bench.repeated(&mut reply, 2, LATE)?);
    if let Some(what) = reply.wrong() {
        return Ok(Verdict::Failed(what));
    }
    let (first, second) = match gaps[..] {
        [first, second, ..] => (first, second),
        _ if is_given_up(bench, &reply, begun) => {
            return Ok(Verdict::Inconclusive(GIVEN_UP.to_owned()));
        }
        _ if reply.client.is_reset => {
            let count = gaps.len();
            return Ok(Verdict::Failed(format!(
                "a reset, after it was sent again {count} times"
            )));
        }
        _ => {
            let count = gaps.len();
            return Ok(Verdict::Failed(format!(
                "it was sent again {count} times, and then not within 30 s"
            )));
        }
    };
    bench.portray(Feature::Rto, Trait::Time(first));
    // The next would come after twice as long. One acknowledgment may get lost.
    reply.client.acknowledges = true;
    for _ in 0..2 {
        let due = reply.client.due;
        bench.acknowledge(&mut reply, due)?;
        let seen = reply.parts.len();
        bench.parts(&mut reply, second * 5 / 2)?;
        let more = reply.parts.iter().skip(seen);
        let mut again = more.filter(|part| part.is_again && !part.segment.text.is_empty());
        if again.next().is_none() {
            break;
        }
        if due == reply.client.due && again.next().is_some() {
            return Ok(Verdict::Failed(
                "it goes on though all was acknowledged, twice".to_owned(),
            ));
        }
    }
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Failed(what));
    }
    Ok(if first < EARLIEST {
        Verdict::Worse(format!("after {first:.1?} already"))
    } else if first > LATEST {
        Verdict::Worse(format!("after {first:.1?} only"))
    } else {
        Verdict::Passed
    })
}

/// So late something may be heard of where this machine is busy.
const JITTER: Duration = Duration::from_millis(50);

fn backoff(bench: &mut Bench<'_>) -> Done {
    let client = bench.taker(MSS);
    let Some(mut reply) = bench.asked(client, 3)? else {
        return Ok(unasked());
    };
    let gaps = gaps(&bench.repeated(&mut reply, 4, LATE)?);
    bench.conclude(&mut [reply])?;
    let (verdict, ratio) = growth(&gaps);
    if let Some(ratio) = ratio {
        bench.portray(Feature::Backoff, Trait::Factor(ratio));
    }
    Ok(verdict)
}

/// Whether these intervals grow as they have to; by how much the last did.
pub(super) fn growth(gaps: &[Duration]) -> (Verdict, Option<f64>) {
    // The first is shorter where a clock is coarse, so it counts only where others are missing.
    let counted = match gaps.len() {
        0..=2 => gaps,
        _ => gaps.get(1..).unwrap_or_default(),
    };
    let ratio = |late: Duration| {
        let pairs = counted.windows(2).filter_map(move |pair| match pair {
            [one, next] => Some((*next + late).as_secs_f64() / one.as_secs_f64().max(1e-6)),
            _ => None,
        });
        pairs.collect::<Vec<_>>()
    };
    let ratios = ratio(Duration::ZERO);
    let said = format!("after {gaps:.1?}");
    let is_short = ratio(JITTER).iter().any(|ratio| *ratio < 1.7);
    let verdict = if ratios.is_empty() || is_short && gaps.len() < 3 {
        Verdict::Inconclusive(format!("it was sent again {said}, which shows too little"))
    } else if is_short {
        Verdict::Failed(said)
    } else if ratios.iter().any(|ratio| *ratio > 3.0) {
        Verdict::Worse(said)
    } else {
        Verdict::Passed
    };
    (verdict, ratios.last().copied())
}

fn afresh(bench: &mut Bench<'_>) -> Done {
    twice(bench, beside)
}

/// A connection beside one that has backed off.
fn beside(bench: &mut Bench<'_>) -> Done {
    let mut replies = Vec::new();
    let mut waits = Vec::new();
    for times in [2, 1] {
        let client = bench.taker(MSS);
        let Some(mut reply) = bench.asked(client, 3)? else {
            return Ok(unasked());
        };
        waits.push(gaps(&bench.repeated(&mut reply, times, LATE)?));
        replies.push(reply);
    }
    bench.conclude(&mut replies)?;
    let [[_, slow, ..], [new, ..]] = [&waits[0][..], &waits[1][..]] else {
        return Ok(Verdict::Inconclusive(format!(
            "they were sent again after {waits:.1?}, which shows too little"
        )));
    };
    // The first would now wait for twice as long; the second waits for half of it, and a tick.
    Ok(Verdict::unless((*new > *slow * 5 / 4).then(|| {
        format!(
            "after {new:.1?}, as the other waits for {:.1?} by now",
            *slow * 2
        )
    })))
}

/// So late acknowledgments are.
const TRIP: Duration = Duration::from_millis(300);

fn not_early(bench: &mut Bench<'_>) -> Done {
    twice(bench, late)
}

/// Where this machine is too late once, it isn't twice: the second time counts.
pub(super) fn twice(bench: &mut Bench<'_>, once: fn(&mut Bench<'_>) -> Done) -> Done {
    match once(bench)? {
        Verdict::Failed(_) => once(bench),
        verdict => Ok(verdict),
    }
}

fn late(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.taker(SMALL);
    if !bench.syn(&mut client)? {
        return Ok(unasked());
    }
    bench.pause(TRIP)?;
    bench.transmit(&client.segment(ACK, b""))?;
    let Some(mut reply) = bench.ask_for(client, LONG, FIN)? else {
        return Ok(unasked());
    };
    // What is to be acknowledged when.
    let mut due = VecDeque::new();
    for part in &reply.parts {
        due.push_back((part.time + TRIP, part.segment.end()));
    }
    let give_up = bench.now() + LATE;
    while !(reply.is_whole() && due.is_empty()) && bench.now() < give_up {
        let until = due.front().map_or(give_up, |(at, _)| *at);
        match bench.part(&mut reply, until)? {
            Some(part) if part.segment.is_empty() || part.is_again => {}
            Some(part) => due.push_back((part.time + TRIP, part.segment.end())),
            None => {
                let Some((_, ack)) = due.pop_front() else {
                    break;
                };
                if is_after(ack, reply.una) {
                    bench.acknowledge(&mut reply, ack)?;
                }
            }
        }
    }
    let again = reply.texts().filter(|part| part.is_again).count();
    let sent = reply.texts().count();
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Inconclusive(what));
    }
    Ok(Verdict::unless((again > 0).then(|| {
        format!("{again} of {sent} segments were sent again, needlessly")
    })))
}

/// Short segments, of which a reply has many. Some take no less than 216.
pub(super) const SMALL: u16 = 128;

/// The longest name for a reply of eight of those.
pub(super) const LONG: usize = 1017;
