//! What isn't acknowledged is sent again: when, how often, and how much at once.

use core::time::Duration;
use std::collections::VecDeque;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;

use crate::bench::flags::{ACK, FIN, SYN};
use crate::bench::{Bench, Body, Done, Feature, MSS, Reply, Stop, Trait, Verdict, Wants, is_after};

use super::case;

pub(super) static CASES: [Case<Body>; 5] = [
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
    case(
        "rto/clock",
        Level::Should,
        "RFC 6298, 2.1",
        "Before it has measured anything, TCP waits a second or some",
        &[Wants::Server],
        clock,
        "the clock of TCP goes too fast or too slowly: its tick isn't what the stack takes it for",
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
    let known = bench.lessons.synacks.first().copied();
    if let Some(took) = known.filter(|took| (FAST..=SLOW).contains(took)) {
        bench.portray(Feature::SynAckAgain, Trait::Time(took));
        return Ok(Verdict::Passed);
    }
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
    let Some(mut replies) = pair(bench)? else {
        return Ok(unasked());
    };
    let Waits {
        all: gaps,
        first,
        goes_on,
    } = until_acknowledged(bench, &mut replies)?;
    if let Some(what) = replies.iter().find_map(Reply::wrong) {
        return Ok(Verdict::Failed(what));
    }
    let first = match gaps[..] {
        // While the other was asked, the first may have come again unheard.
        [of_first, _, ..] => first.unwrap_or(of_first),
        _ if is_given_up(bench, &replies[0], begun) => {
            return Ok(Verdict::Inconclusive(GIVEN_UP.to_owned()));
        }
        _ if replies[0].client.is_reset => {
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
    if goes_on {
        return Ok(Verdict::Failed(
            "it goes on though all was acknowledged, twice".to_owned(),
        ));
    }
    if let Some(what) = bench.conclude(&mut replies)?.against() {
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

/// Two replies on their way, or one where the board takes no second connection.
fn pair(bench: &mut Bench<'_>) -> Result<Option<Vec<Reply>>, Stop> {
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = bench.taker(MSS);
        if bench.open(&mut client)? {
            clients.push(client);
        } else {
            bench.forget(client.ports.0);
        }
    }
    let mut replies = Vec::new();
    for client in clients {
        let Some(mut reply) = bench.ask_for(client, 3, FIN)? else {
            return Ok(None);
        };
        // What comes while the other speaks is lost.
        bench.settle(&mut reply)?;
        replies.push(reply);
    }
    Ok(Some(replies).filter(|replies| !replies.is_empty()))
}

/// How long replies waited until they were sent again.
struct Waits {
    /// Those of the first.
    all: Vec<Duration>,
    /// The first one of the last.
    first: Option<Duration>,
    /// Whether that goes on though it was acknowledged: one acknowledgment may get lost.
    goes_on: bool,
}

/// Waits until the first was sent again twice, and acknowledges the last once that was sent again, which is sooner where
/// there are two.
fn until_acknowledged(bench: &mut Bench<'_>, replies: &mut [Reply]) -> Result<Waits, Stop> {
    let last = replies.len() - 1;
    let (mut all, mut first, mut quiet, mut more) = (None, None, None, 0);
    let mut late = bench.now() + LATE;
    loop {
        let times = replies[0].times();
        if all.is_none() && (times.len() > 2 || replies[0].client.is_reset) {
            all = Some(gaps(&times));
        }
        let times = replies[last].times();
        if quiet.is_none() && times.len() > 2 - last {
            // The next would come after twice as long.
            let waits = gaps(&times);
            let wait = waits.last().map_or(LATE, |wait| *wait * 5 / 2);
            first = waits.first().copied();
            let due = replies[last].client.due;
            replies[last].client.acknowledges = true;
            bench.acknowledge(&mut replies[last], due)?;
            quiet = Some((bench.now() + wait, wait));
        }
        let until = match (&all, quiet) {
            (Some(_), Some((until, _))) => until,
            (Some(_), None) if replies[last].client.is_reset => bench.now(),
            _ => late,
        };
        let Some(part) = bench.part_of(replies, until)? else {
            break;
        };
        let is_text = part.is_again && !part.segment.text.is_empty();
        if let Some((until, wait)) = &mut quiet
            && is_text
            && part.of == last
        {
            more += 1;
            *until = part.time + *wait;
            if more == 2 {
                break;
            }
        } else if is_text {
            late = part.time + LATE;
        }
    }
    Ok(Waits {
        all: all.unwrap_or_else(|| gaps(&replies[0].times())),
        first,
        goes_on: more == 2,
    })
}

/// So late something may be heard of where this machine is busy.
const JITTER: Duration = Duration::from_millis(50);

fn backoff(bench: &mut Bench<'_>) -> Done {
    const TICK: Duration = Duration::from_millis(500);
    const TIMES: usize = 4;
    let give_up = bench.now() + bench.setup.deadline;
    let client = bench.taker(MSS);
    let Some(mut reply) = bench.asked(client, 3)? else {
        return Ok(unasked());
    };
    // An answer to a SYN waits for as long, and is others' to judge.
    let handshake = bench.client().syn();
    bench.transmit(&handshake)?;
    let mut times = 2;
    let seen = loop {
        let seen = gaps(&bench.repeated(&mut reply, times, LATE)?);
        let last = seen.last().copied().unwrap_or_default();
        // The server ends it before the next could come that wouldn't be late enough.
        let is_all = times == TIMES || bench.now() + last > give_up;
        let is_clear = times > 2 && growth(&seen).0 == Verdict::Passed;
        if seen.len() < times || is_all || is_clear {
            break seen;
        }
        times += 1;
    };
    let mut replies = vec![reply];
    // What a new connection does beside it is another check's, but can be seen here at once.
    let slow = seen.get(1..).and_then(|seen| seen.last().copied());
    if let Some(slow) = slow.filter(|_| !replies.iter().any(|reply| reply.client.is_reset)) {
        let client = bench.taker(MSS);
        if let Some(mut reply) = bench.asked(client, 3)? {
            let new = bench.repeated(&mut reply, 1, slow * 5 / 4)?;
            bench.lessons.beside = gaps(&new).first().map(|new| (slow, *new));
            replies.push(reply);
        }
    }
    // Some of its answers are a tick behind.
    if bench.lessons.answers() == 3 {
        bench.pause(TICK)?;
    }
    bench.lessons.keep_handshake();
    bench.conclude(&mut replies)?;
    let (verdict, ratio) = growth(&seen);
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
    let known = bench.lessons.beside.take();
    if known.is_some_and(|(slow, new)| !waits_as_well(slow, new)) {
        return Ok(Verdict::Passed);
    }
    twice(bench, beside)
}

/// Whether a new connection waits as one that has backed off: that would now wait for twice as long, and a new one waits
/// for half of it, and a tick.
fn waits_as_well(slow: Duration, new: Duration) -> bool {
    new > slow * 5 / 4
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
    Ok(Verdict::unless(waits_as_well(*slow, *new).then(|| {
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
