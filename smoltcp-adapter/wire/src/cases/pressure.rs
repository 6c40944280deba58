//! The board's own window, once it has closed: over lines mode, whose server reads no further while its answers
//! aren't taken.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH};
use crate::bench::{
    Bench, Body, Client, Done, Feature, MSS, Stop, Trait, Verdict, Wants, is_after,
};

use super::case;
use super::rto::unasked;

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "zwp/answered",
        Level::Must,
        "RFC 9293, 3.8.6.1",
        "Text for a window that is closed is answered by that window",
        &[Wants::Server, Wants::Lines],
        answered,
        "whoever asks whether a window has opened hears nothing, and gives up",
    ),
    case(
        "window/sws-recv",
        Level::Must,
        "RFC 9293, 3.8.6.2.2 (MUST-39)",
        "A window that was closed doesn't open by little",
        &[Wants::Server, Wants::Lines],
        crumbs,
        "a transfer falls apart into segments of some bytes, and stays so",
    ),
];

/// More than any window without a scale, and what is queued for answers beside it.
const MOST: usize = 512 << 10;

/// So many segments are on their way at once.
const FLIGHT: u32 = 8;

/// A window is closed once nothing was read for so long.
const STILL: Duration = Duration::from_millis(300);

/// A connection to the port for lines whose window is closed.
struct Full {
    client: Client,
    /// The window that it began with.
    whole: u16,
}

/// Lines without a name, each of which is answered by more than itself, until nobody reads them any more.
fn fill(bench: &mut Bench<'_>, window: u16) -> Result<Result<Full, Verdict>, Stop> {
    let mut client = bench.taker(1460);
    client.ports.1 = bench.setup.lines.unwrap_or(client.ports.1);
    client.window = window;
    if !bench.syn(&mut client)? {
        return Ok(Err(unasked()));
    }
    let whole = client.their_window;
    client.window = 0;
    bench.transmit(&client.segment(ACK, b""))?;
    let start = client.next;
    let mut moved = bench.now();
    while bench.now() < moved + STILL {
        let sent = client.next.wrapping_sub(start);
        if usize::try_from(sent).unwrap_or(MOST) >= MOST {
            let what = format!("it never closes, for {sent} bytes that it can't answer");
            return Ok(Err(Verdict::Inconclusive(what)));
        }
        let out = client.next.wrapping_sub(client.acked);
        let room = u32::from(client.their_window).saturating_sub(out);
        let longest = u32::try_from(client.longest()).unwrap_or(u32::from(MSS));
        let len = room.min(longest);
        if len > 0 && out < FLIGHT * longest {
            let lines = vec![b'\n'; usize::try_from(len).unwrap_or_default()];
            let segment = client.segment(ACK | PSH, &lines);
            client.next = segment.end();
            bench.transmit(&segment)?;
            moved = bench.now();
            continue;
        }
        let acked = client.acked;
        let until = bench.now() + STILL;
        bench.hear(&mut client, until)?;
        if client.is_reset {
            let what = "it is reset before its window is closed".to_owned();
            return Ok(Err(Verdict::Inconclusive(what)));
        }
        if client.acked != acked {
            moved = bench.now();
        }
    }
    if client.their_window > 0 || client.acked != client.next {
        let what = format!("its window stays at {}", client.their_window);
        return Ok(Err(Verdict::Inconclusive(what)));
    }
    Ok(Ok(Full { client, whole }))
}

/// So often a window is asked, and how far apart, as such answers may be limited (RFC 5961, section 7).
const TIMES: usize = 3;
const APART: Duration = Duration::from_secs(1);

fn answered(bench: &mut Bench<'_>) -> Done {
    let mut client = match fill(bench, 8192)? {
        Ok(full) => full.client,
        Err(verdict) => return Ok(verdict),
    };
    let question = client.segment(ACK | PSH, b"\n");
    for _ in 0..TIMES {
        bench.transmit(&question)?;
        let heard = bench.listen(&mut client, APART)?;
        if client.is_reset {
            return Ok(Verdict::Failed("a reset answers it".to_owned()));
        }
        // What asks for the client's own window says the same, and comes by itself.
        let is_answer = |acked: u32| acked == question.seq || acked == question.end();
        if heard
            .iter()
            .any(|(_, segment)| segment.is_empty() && is_answer(segment.ack))
        {
            bench.abort(&mut client)?;
            return Ok(Verdict::Passed);
        }
    }
    bench.abort(&mut client)?;
    Ok(Verdict::Failed(format!("it isn't answered, {TIMES} times")))
}

/// So much of the answers is taken at once: a few lines' worth.
const CRUMB: u16 = 128;

/// So many crumbs at most.
const CRUMBS: usize = 600;

/// So far apart they are, if no answer comes.
const SOON: Duration = Duration::from_millis(300);

fn crumbs(bench: &mut Bench<'_>) -> Done {
    // As small as the window was from the beginning, so that all of a crumb is worth a segment.
    let Full { mut client, whole } = match fill(bench, CRUMB)? {
        Ok(full) => full,
        Err(verdict) => return Ok(verdict),
    };
    // Half of it, or a segment, is what is recommended; there are other rules than that.
    let least = (whole / 16).min(MSS);
    let mut edge = client.acked;
    let mut small = 0;
    for _ in 0..CRUMBS {
        client.window = CRUMB;
        let due = client.due;
        bench.transmit(&client.segment(ACK, b""))?;
        let until = bench.now() + SOON;
        while client.due == due && bench.hear(&mut client, until)?.is_some() {
            let right = client.acked.wrapping_add(client.their_window.into());
            if !is_after(right, edge) {
                continue;
            }
            let step = right.wrapping_sub(edge);
            if step >= least.into() {
                bench.portray(Feature::WindowStep, Trait::Bytes(step.into()));
                bench.abort(&mut client)?;
                return Ok(verdict(small));
            }
            edge = right;
            small += 1;
        }
        if client.is_reset || small > 2 {
            break;
        }
    }
    bench.abort(&mut client)?;
    Ok(match small {
        0 => Verdict::Inconclusive(format!("it doesn't open for {CRUMBS} times {CRUMB} bytes")),
        small => verdict(small),
    })
}

/// Twice may be chance, as an edge moves on by what is left of a step.
fn verdict(small: usize) -> Verdict {
    Verdict::unless(
        (small > 2)
            .then(|| format!("{small} times by so little that it is hardly worth a segment")),
    )
}
