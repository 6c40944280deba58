//! Text that comes in pieces, in another order, twice, or in several versions.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH};
use crate::bench::{
    Bench, Body, Client, Done, Feature, Segment, Stop, Trait, Verdict, Wants, further, is_after,
};

use super::case;

pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "rx/out-of-order",
        Level::Must,
        "RFC 9293, 3.10.7.4 (SHLD-31); RFC 5681, 4.2",
        "Text that comes before its turn stands in its place in the end",
        &[Wants::Server],
        out_of_order,
        "bytes are taken as they come, or lost, where a frame was overtaken",
    ),
    case(
        "rx/overlap",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "Of a segment that is old in part only its new part is taken",
        &[Wants::Server],
        overlap,
        "text is there twice, or what was acknowledged is written over, where a client packs it anew",
    ),
    case(
        "rx/duplicate",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.5.2",
        "A segment that comes again is acknowledged, and taken once",
        &[Wants::Server],
        duplicate,
        "text is there twice where an acknowledgment was lost, or the client never hears that it came",
    ),
    case(
        "rx/old",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.5.2",
        "Text from far before the window isn't taken, and answered by what is due",
        &[Wants::Server],
        old,
        "what is left of an old connection, or forged, becomes part of a name",
    ),
    case(
        "rx/beyond-window",
        Level::May,
        "RFC 9293, 3.10.7.4 (table 6)",
        "Of a segment across the right edge of the window no more is taken than fits",
        &[Wants::Server],
        beyond_window,
        "a window isn't a promise of memory: whoever ignores it takes more than was set aside",
    ),
];

/// So much is held first.
pub(super) const HELD: usize = 300;

/// So long segments are apart, so that each is answered by itself.
pub(super) const APART: Duration = Duration::from_millis(50);

/// So long an answer may take.
pub(super) const ANSWER: Duration = Duration::from_secs(1);

pub(super) const NOT_TAKEN: &str = "a name isn't acknowledged, though it was said four times";

/// What it is called where a handshake didn't come about.
pub(super) fn no_handshake(client: &Client) -> Verdict {
    let what = if client.is_reset {
        "a SYN is answered by a reset"
    } else {
        "no answer to a SYN, four times"
    };
    Verdict::Failed(what.to_owned())
}

/// A name with its first part taken; what follows is a piece of so many letters.
fn begun(bench: &mut Bench<'_>) -> Result<Option<Client>, Stop> {
    bench.hold(HELD)
}

fn out_of_order(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = begun(bench)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    // Each ends in the middle of a character, so that the name isn't complete; they go 2, 3, 1.
    let start = client.next;
    let [first, second, third] = [b'x', b'y', b'z'].map(|letter| {
        let text = further(&[letter; 97]);
        client.saying(ACK | PSH, &text)
    });
    let mut repeats = 0;
    for piece in [&second, &third] {
        bench.transmit(piece)?;
        let heard = bench.listen(&mut client, APART)?;
        repeats += heard
            .iter()
            .filter(|(_, answer)| answer.has(ACK) && answer.ack == start)
            .count();
        if is_after(client.acked, start) {
            return Ok(Verdict::Failed(
                "it acknowledges what hasn't come".to_owned(),
            ));
        }
    }
    bench.taken(&mut client, &first)?;
    bench.listen(&mut client, APART)?;
    let is_held = client.acked == third.end();
    let word = if is_held { "held" } else { "thrown away" };
    bench.portray(Feature::OutOfOrder, Trait::Word(word));
    for piece in [&second, &third] {
        if is_after(piece.end(), client.acked) {
            bench.taken(&mut client, piece)?;
        }
    }
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    Ok(if !is_held {
        Verdict::Worse("what came too early was thrown away, and had to be sent again".to_owned())
    } else if repeats < 2 {
        Verdict::Worse(format!(
            "{repeats} of 2 segments that came too early were answered by what is missing"
        ))
    } else {
        Verdict::Passed
    })
}

fn overlap(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = begun(bench)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    // Ten bytes that were taken in another version, and then new ones.
    let new = further(&[b'n'; 20]);
    let back = client.next.wrapping_sub(10);
    let piece = client
        .segment(ACK | PSH, &[&[b'!'; 10], &new[..]].concat())
        .seq(back);
    let behind = piece.end();
    client.next = behind;
    client.said.extend_from_slice(&new);
    bench.until(&mut client, &piece, |client| client.acked == behind)?;
    Ok(Verdict::unless(bench.finish(&mut client)?.against()))
}

fn duplicate(bench: &mut Bench<'_>) -> Done {
    let Some(client) = begun(bench)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let back = client.next.wrapping_sub(50);
    let old = client.said.get(HELD - 50..).unwrap_or_default().to_vec();
    let piece = client.segment(ACK | PSH, &old).seq(back);
    acknowledged(bench, client, &piece, "it isn't acknowledged, three times")
}

/// Sends an old piece until it is acknowledged, three times at most, and ends the name, which has to be whole.
fn acknowledged(
    bench: &mut Bench<'_>,
    mut client: Client,
    piece: &Segment,
    otherwise: &str,
) -> Done {
    let mut is_answered = false;
    for _ in 0..3 {
        let due = client.next;
        is_answered = bench.answered(&mut client, piece, ANSWER, |answer| {
            answer.has(ACK) && answer.ack == due
        })?;
        if is_answered {
            break;
        }
    }
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    Ok(if is_answered {
        Verdict::Passed
    } else {
        Verdict::Worse(otherwise.to_owned())
    })
}

fn old(bench: &mut Bench<'_>) -> Done {
    let Some(client) = begun(bench)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let long_ago = client.next.wrapping_sub(1 << 20);
    let piece = client.segment(ACK | PSH, b"from long ago").seq(long_ago);
    acknowledged(bench, client, &piece, "it isn't answered, three times")
}

/// So much of what a server reads after a refusal is filled at most: it reads 64 KiB.
const FILLED: u32 = 48 << 10;

/// A connection whose server reads on, whatever comes: the port for lines, if there is one, or after a refusal.
fn reading(bench: &mut Bench<'_>) -> Result<Result<Client, Verdict>, Stop> {
    let mut client = bench.client();
    if let Some(lines) = bench.setup.lines {
        client.ports.1 = lines;
        let is_open = bench.open(&mut client)?;
        let what = "nobody answers at the port for lines";
        return Ok(if is_open {
            Ok(client)
        } else {
            Err(Verdict::Inconclusive(what.to_owned()))
        });
    }
    if !bench.open(&mut client)? {
        return Ok(Err(no_handshake(&client)));
    }
    if !bench.refused(&mut client)? {
        let what = "what is no name isn't refused";
        return Ok(Err(Verdict::Failed(what.to_owned())));
    }
    Ok(Ok(client))
}

fn beyond_window(bench: &mut Bench<'_>) -> Done {
    let mut client = match reading(bench)? {
        Ok(client) => client,
        Err(verdict) => return Ok(verdict),
    };
    let (edge, start) = (client.edge(), client.next);
    let window = edge.wrapping_sub(start);
    if window > FILLED && bench.setup.lines.is_none() {
        return Ok(Verdict::Skipped(
            "its window is larger than what is read of one client",
        ));
    }
    if window < 20 {
        return Ok(Verdict::Noted(format!("its window is {window}")));
    }
    let across = client
        .segment(ACK | PSH, &[b'>'; 20])
        .seq(edge.wrapping_sub(10));
    bench.transmit(&across)?;
    bench.listen(&mut client, APART)?;
    let mut pieces = Vec::new();
    while client.next != across.seq {
        let left = usize::try_from(across.seq.wrapping_sub(client.next)).unwrap_or_default();
        // A line, whose answer is hardly longer.
        let mut text = vec![b'.'; left.min(client.longest())];
        if let Some(last) = text.last_mut() {
            *last = b'\n';
        }
        pieces.push(client.saying(ACK | PSH, &text));
    }
    // They go one behind the other: after a refusal the server reads for a second only. For lines it waits longer.
    let is_missing = |client: &Client| is_after(across.seq, client.acked);
    for _ in 0..3 {
        for piece in &pieces {
            if is_after(piece.end(), client.acked) {
                // With what has come meanwhile: what is too old isn't taken (RFC 5961, 5.2).
                bench.transmit(&piece.clone().ack(client.due))?;
                bench.listen(&mut client, Duration::from_millis(2))?;
            }
        }
        let until = bench.now() + APART * 6;
        while is_missing(&client) && bench.hear(&mut client, until)?.is_some() {}
    }
    if is_missing(&client) {
        return Ok(Verdict::Inconclusive(
            "it doesn't read on, of a client that it has refused, or of one with lines".to_owned(),
        ));
    }
    bench.listen(&mut client, APART * 4)?;
    let taken = client.acked;
    bench.abort(&mut client)?;
    let against = is_after(taken, edge)
        .then(|| format!("{} bytes beyond it are taken", taken.wrapping_sub(edge)));
    Ok(Verdict::unless(against))
}
