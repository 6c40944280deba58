//! Timestamps, by which round trips are measured and old segments known.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, FIN, PSH, RST, SYN};
use crate::bench::{
    Bench, Body, Client, Done, Feature, HALF, REST, Segment, Stop, Trait, Verdict, Wants, is_after,
};

use super::case;

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "ts/echo",
        Level::Must,
        "RFC 7323, 3.2; 4.3",
        "Where both sides offered timestamps each segment has one, and echoes the other's latest",
        &[Wants::Server],
        echo,
        "round trips are measured wrong, or the other side drops segments that have none",
    ),
    case(
        "ts/paws",
        Level::Should,
        "RFC 7323, 5.3",
        "A segment whose timestamp is older than the latest isn't taken, and is answered by what is due",
        &[Wants::Server],
        paws,
        "what is late of an earlier round of the numbers becomes part of a name, once a fast link has gone round",
    ),
];

/// What the clock of this side shows at first.
const BEGUN: u32 = 1_000_000;

/// So long until something is said again.
const PATIENCE: Duration = Duration::from_secs(1);

/// A timestamp, and what it echoes.
fn stamps(segment: &Segment) -> Option<(u32, u32)> {
    let (value, echo) = segment.option(8)?.split_first_chunk()?;
    Some((
        u32::from_be_bytes(*value),
        u32::from_be_bytes(echo.try_into().ok()?),
    ))
}

/// A segment with a timestamp behind its other options.
fn stamped(segment: Segment, value: u32, echo: u32) -> Segment {
    let stamps = [
        &[1, 1, 8, 10][..],
        &value.to_be_bytes(),
        &echo.to_be_bytes(),
    ]
    .concat();
    let options = [&segment.options[..], &stamps].concat();
    segment.options(&options)
}

/// One side's clock, and what the other's has shown.
struct Clock {
    own: u32,
    theirs: u32,
}

impl Clock {
    /// What is wrong with a segment of the board, if it is one behind its SYN.
    fn against(&mut self, client: &Client, segment: &Segment) -> Option<String> {
        if segment.has(SYN) || segment.has(RST) {
            return None;
        }
        let words = segment.words(client.theirs, client.first);
        let Some((value, echo)) = stamps(segment) else {
            return Some(format!("none is in {words}"));
        };
        self.theirs = value;
        (echo != self.own).then(|| {
            let off = self.own.wrapping_sub(echo).cast_signed();
            format!("{off} less than came last is echoed in {words}")
        })
    }

    /// Says something until it is acknowledged, or for good: what is wrong with what came.
    fn say(
        &mut self,
        bench: &mut Bench<'_>,
        client: &mut Client,
        flags: u8,
        text: &[u8],
    ) -> Result<Option<String>, Stop> {
        let segment = client.segment(flags, text);
        let behind = segment.end();
        client.next = behind;
        client.said.extend_from_slice(text);
        for _ in 0..3 {
            bench.transmit(&stamped(segment.clone(), self.own, self.theirs))?;
            let until = bench.now() + PATIENCE;
            while is_after(behind, client.acked) {
                let Some((_, answer)) = bench.hear(client, until)? else {
                    break;
                };
                // What left before this came echoes what came before.
                if !is_after(behind, answer.ack)
                    && let Some(what) = self.against(client, &answer)
                {
                    return Ok(Some(what));
                }
            }
            if !is_after(behind, client.acked) || client.is_reset {
                break;
            }
        }
        let is_taken = !is_after(behind, client.acked);
        Ok((!is_taken).then(|| "it isn't acknowledged, three times".to_owned()))
    }

    /// Takes the reply: what is wrong with it, or with its timestamps.
    fn finish(
        &mut self,
        bench: &mut Bench<'_>,
        client: &mut Client,
    ) -> Result<Option<String>, Stop> {
        let give_up = bench.now() + bench.setup.deadline;
        while !client.has_fin && !client.is_reset {
            let Some((_, segment)) = bench.hear(client, give_up)? else {
                break;
            };
            if let Some(what) = self.against(client, &segment) {
                return Ok(Some(what));
            }
            bench.transmit(&stamped(client.segment(ACK, b""), self.own, self.theirs))?;
        }
        Ok(client.greeting().against())
    }
}

/// A connection on which both sides have timestamps; nothing has been said on it.
fn opened(bench: &mut Bench<'_>) -> Result<Result<(Client, Clock), Verdict>, Stop> {
    let mut client = bench.client();
    client.acknowledges = false;
    let syn = client.syn();
    client.next = syn.end();
    let syn = stamped(syn, BEGUN, 0);
    let Some(answer) = bench.elicit(&mut client, &syn, |answer| answer.has(SYN))? else {
        let what = "no answer to a SYN, three times".to_owned();
        return Ok(Err(Verdict::Failed(what)));
    };
    let offer = stamps(&answer);
    let word = if offer.is_some() { "yes" } else { "no" };
    bench.portray(Feature::Timestamps, Trait::Word(word));
    let Some((theirs, echoed)) = offer else {
        return Ok(Err(Verdict::Skipped("it offers no timestamps")));
    };
    if echoed != BEGUN {
        let what = "its SYN doesn't echo the other's".to_owned();
        return Ok(Err(Verdict::Failed(what)));
    }
    let clock = Clock { own: BEGUN, theirs };
    bench.transmit(&stamped(client.segment(ACK, b""), clock.own, clock.theirs))?;
    Ok(Ok((client, clock)))
}

fn echo(bench: &mut Bench<'_>) -> Done {
    let (mut client, mut clock) = match opened(bench)? {
        Ok(opened) => opened,
        Err(verdict) => return Ok(verdict),
    };
    let half = [b"Ada", HALF].concat();
    for text in [&half[..], REST] {
        clock.own += 10;
        if let Some(what) = clock.say(bench, &mut client, ACK | PSH, text)? {
            return Ok(Verdict::Failed(what));
        }
    }
    if let Some(what) = clock.finish(bench, &mut client)? {
        return Ok(Verdict::Failed(what));
    }
    // The clock stands still for the end, of which no round trip is measured.
    let against = clock.say(bench, &mut client, ACK | FIN, b"")?;
    bench.forget(client.ports.0);
    Ok(Verdict::unless(against))
}

/// So much a segment is older than the latest.
const OLDER: u32 = 1000;

fn paws(bench: &mut Bench<'_>) -> Done {
    let (mut client, mut clock) = match opened(bench)? {
        Ok(opened) => opened,
        Err(verdict) => return Ok(verdict),
    };
    let half = [b"Ada", HALF].concat();
    clock.own += 10;
    if let Some(what) = clock.say(bench, &mut client, ACK | PSH, &half)? {
        return Ok(Verdict::Inconclusive(what)); // what is wrong with them is another check's
    }
    // It would be the next, and end the name.
    let due = client.next;
    let late = client.segment(ACK | PSH, &[REST, b"!"].concat());
    let late = stamped(late, clock.own - OLDER, clock.theirs);
    let mut is_answered = false;
    for _ in 0..3 {
        is_answered = bench.answered(&mut client, &late, PATIENCE, |answer| {
            answer.has(ACK) && answer.ack == due
        })?;
        if is_answered || client.is_reset {
            break;
        }
    }
    if client.is_reset {
        return Ok(Verdict::Failed("it resets the connection".to_owned()));
    }
    if is_after(client.acked, due) {
        bench.abort(&mut client)?;
        return Ok(Verdict::Failed("it is taken".to_owned()));
    }
    clock.own += 10;
    if let Some(what) = clock.say(bench, &mut client, ACK | PSH, REST)? {
        return Ok(Verdict::Failed(what));
    }
    let against = clock.finish(bench, &mut client)?;
    bench.abort(&mut client)?;
    Ok(match against {
        Some(what) => Verdict::Failed(what),
        None if is_answered => Verdict::Passed,
        None => Verdict::Worse("it isn't answered, three times".to_owned()),
    })
}
