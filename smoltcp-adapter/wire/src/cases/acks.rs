//! Acknowledgments: when they come, and what becomes of those that can't be right.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH, RST};
use crate::bench::messages::greeting;
use crate::bench::{
    Bench, Body, Client, Done, Feature, Trait, Verdict, Wants, further, is_after, opening,
};

use super::case;
use super::receive::{NOT_TAKEN, no_handshake};

pub(super) static CASES: [Case<Body>; 4] = [
    case(
        "ack/unsent",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "An acknowledgment of what was never sent doesn't count as one",
        &[Wants::Server],
        unsent,
        "a forged or broken segment makes it forget text that nobody has",
    ),
    case(
        "ack/old",
        Level::May,
        "RFC 9293, 3.10.7.4 (MAY-12); RFC 5961, 5.2",
        "Text isn't taken whose acknowledgment is older than any window",
        &[Wants::Server],
        old,
        "who guesses a sequence number alone may put text into a connection",
    ),
    case(
        "ack/keepalive",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.8.4",
        "Who asks whether it is still there, by a number that was taken before, gets an answer",
        &[Wants::Server],
        keepalive,
        "clients take an idle connection for dead",
    ),
    case(
        "ack/delay",
        Level::Must,
        "RFC 9293, 3.8.6.3 (MUST-40); RFC 5681, 4.2",
        "Text is acknowledged within half a second, whatever the application does",
        &[Wants::Server],
        delay,
        "clients send it again, and slow down",
    ),
];

/// How much of a name is held.
pub(super) const HELD: usize = 30;

/// So long segments are apart, so that each is answered by itself.
pub(super) const APART: Duration = Duration::from_millis(50);

pub(super) fn not_taken() -> Verdict {
    Verdict::Failed(NOT_TAKEN.to_owned())
}

/// So often it is told of a window before it is given up.
const TOLD: usize = 5;

fn unsent(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(no_handshake(&client));
    }
    let open = client.window;
    client.window = 0;
    bench.transmit(&client.segment(ACK, b""))?;
    let name = client.saying(ACK | PSH, b"Ada");
    bench.taken(&mut client, &name)?;
    // The reply waits for a window; one byte of it may have come, to ask for it.
    let forged = client.due.wrapping_add(5);
    bench.transmit(&client.segment(ACK, b"").ack(forged))?;
    bench.listen(&mut client, APART * 2)?;
    client.window = open;
    client.acknowledges = true;
    // What it has forgotten never comes, however often it hears of the window.
    let due = greeting(&client.said).len();
    let is_over = |client: &Client| client.text.len() >= due || client.is_reset;
    for _ in 0..TOLD {
        if is_over(&client) {
            break;
        }
        bench.transmit(&client.segment(ACK, b""))?;
        let until = bench.now() + SOON;
        while !is_over(&client) && bench.hear(&mut client, until)?.is_some() {}
    }
    if !is_over(&client) {
        let came = client.text.len();
        return Ok(Verdict::Failed(format!(
            "{came} bytes of the greeting come, and no more though its window was opened {TOLD} times"
        )));
    }
    if let Some(what) = bench.reply(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    unsent_in_flight(bench)
}

/// The same where the reply is on its way already, so that it has to come again.
fn unsent_in_flight(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.open(&mut client)? {
        return Ok(no_handshake(&client));
    }
    client.acknowledges = false;
    let name = client.saying(ACK | PSH, b"Ada");
    bench.until(&mut client, &name, |client| !client.text.is_empty())?;
    // What comes until then is lost.
    let forged = client.due.wrapping_add(5);
    bench.transmit(&client.segment(ACK, b"").ack(forged))?;
    let came = bench.now();
    loop {
        let Some((_, segment)) = bench.hear(&mut client, came + AGAIN)? else {
            let late = AGAIN.as_secs();
            return Ok(Verdict::Failed(format!(
                "what is on its way isn't sent again after one, not within {late} s"
            )));
        };
        if segment.has(RST) {
            return Ok(Verdict::Failed("it resets the connection".to_owned()));
        }
        if !segment.text.is_empty() {
            break;
        }
    }
    Ok(Verdict::unless(bench.reply(&mut client)?.against()))
}

/// So long something is waited for that is sent again.
const AGAIN: Duration = Duration::from_secs(30);

fn old(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(HELD)? else {
        return Ok(not_taken());
    };
    let due = client.next;
    let piece = client.saying(ACK | PSH, &further(b"injected"));
    let long_ago = client.due.wrapping_sub(1 << 20);
    let mut is_taken = false;
    for _ in 0..2 {
        // Who guesses doesn't know the window either.
        let forged = piece.clone().ack(long_ago).window(client.window - 1);
        let is_answered = bench.answered(&mut client, &forged, APART * 12, |_| true)?;
        is_taken = is_after(client.acked, due);
        if is_taken || is_answered {
            break;
        }
    }
    bench.taken(&mut client, &piece)?;
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    let against = is_taken.then(|| "it is taken".to_owned());
    Ok(Verdict::unless(against))
}

/// So long an answer may take that no timer delays.
const SOON: Duration = Duration::from_secs(1);

fn keepalive(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(HELD)? else {
        return Ok(not_taken());
    };
    // With a byte and without, as clients do both.
    for text in [&b""[..], b"\0"] {
        // Some answer such segments twice a second at most.
        bench.pause(APART * 12)?;
        let probe = client.segment(ACK, text).seq(client.next.wrapping_sub(1));
        let mut is_answered = false;
        for _ in 0..3 {
            let due = client.next;
            is_answered = bench.answered(&mut client, &probe, SOON, |answer| {
                answer.has(ACK) && !answer.has(RST) && answer.ack == due
            })?;
            if is_answered || client.is_reset {
                break;
            }
        }
        if client.is_reset {
            return Ok(Verdict::Failed("it resets the connection".to_owned()));
        }
        if !is_answered {
            let len = text.len();
            return Ok(Verdict::Failed(format!(
                "no answer to one of {len} bytes, three times"
            )));
        }
    }
    Ok(Verdict::unless(bench.finish(&mut client)?.against()))
}

/// So long an acknowledgment may be delayed, and so much is for what the measurement costs.
pub(super) const LATEST: Duration = Duration::from_millis(500 + 50);

fn delay(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    let begun = bench.now();
    if !bench.syn(&mut client)? {
        return Ok(no_handshake(&client));
    }
    let round_trip = bench.now().since(begun);
    bench.transmit(&client.segment(ACK, b""))?;
    bench.say(&mut client, &opening(b"delayed"), false)?;
    let mut took = Vec::new();
    for _ in 0..3 {
        bench.pause(APART)?;
        let piece = client.saying(ACK | PSH, &further(b"more"));
        let begun = bench.now();
        if !bench.taken(&mut client, &piece)? {
            return Ok(not_taken());
        }
        took.push(bench.now().since(begun));
    }
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    took.sort_unstable();
    if let [_, median, _] = took[..] {
        bench.portray(Feature::AckDelay, Trait::Time(median));
    }
    let longest = took.iter().max().copied().unwrap_or_default();
    let late = took.iter().filter(|took| **took > LATEST + round_trip);
    Ok(match late.count() {
        0 => Verdict::Passed,
        1 => Verdict::Noted(format!("one of 3 came after {longest:.1?}")),
        late => Verdict::Failed(format!("{late} of 3 came late, after up to {longest:.1?}")),
    })
}
