//! Ends that are lost, cross, come again, or never come.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;

use crate::bench::flags::{ACK, FIN, RST};
use crate::bench::{Bench, Body, Client, Done, Feature, Stop, Trait, Verdict, Wants};

use super::case;
use super::close::{APART, HELD, failed, not_taken};
use super::receive::no_handshake;

pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "fin/lost",
        Level::Must,
        "RFC 9293, 3.10.8; 3.6",
        "An end that isn't acknowledged is sent again, until it is",
        &[Wants::Server],
        lost,
        "one lost frame lets a client wait for the end of its reply for ever",
    ),
    case(
        "fin/last-ack",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.10.8",
        "Where the last acknowledgment was lost the end comes again; then the port is free at once",
        &[Wants::Server],
        last_ack,
        "connections that have ended keep their places",
    ),
    case(
        "fin/again",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "An end that comes again after both sides have ended is answered",
        &[Wants::Server],
        again,
        "a client whose last acknowledgment was lost waits until it gives up",
    ),
    case(
        "fin/crossed",
        Level::Must,
        "RFC 9293, 3.6; 3.10.7.4",
        "Ends that cross are both acknowledged",
        &[Wants::Server],
        crossed,
        "connections that both sides end at the same time hang, and keep their places",
    ),
    case(
        "fin/wait2",
        Level::May,
        "RFC 9293, 3.3.2",
        "A client that never ends its side doesn't keep its place for longer than three minutes",
        &[Wants::Server, Wants::Patience],
        wait2,
        "clients that vanish after their reply take all places, one after the other",
    ),
];

/// So long something is waited for that is sent again.
const LATE: Duration = Duration::from_secs(30);

const NO_END: &str = "it doesn't end its side after the reply";

fn lost(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.open(&mut client)? {
        return Ok(no_handshake(&client));
    }
    if !bench.ended(&mut client)? {
        return Ok(failed(NO_END));
    }
    let begun = bench.now();
    let Some(again) = bench.fin_again(&mut client, LATE)? else {
        return Ok(never_again(&client));
    };
    if again.end() != client.due {
        return Ok(failed("it comes again with another number"));
    }
    if let Some(what) = client.greeting().against() {
        return Ok(Verdict::Failed(what));
    }
    // A server may have no patience with a client that doesn't end its side: a reset is none of this.
    if goes_on(bench, &mut client, begun)? {
        return Ok(failed(
            "it comes again and again, though it was acknowledged",
        ));
    }
    bench.close(&mut client)?;
    Ok(Verdict::Passed)
}

/// An end that never came again, for so long.
fn never_again(client: &Client) -> Verdict {
    if client.is_reset {
        // Some servers give a client a moment to end its side, and no more.
        let what = "the connection is reset before its end could come again";
        Verdict::Inconclusive(what.to_owned())
    } else {
        Verdict::Failed(format!("not within {} s", LATE.as_secs()))
    }
}

/// Acknowledges the board's end. Whether it comes more than once all the same: the acknowledgment may be lost.
fn goes_on(bench: &mut Bench<'_>, client: &mut Client, begun: Instant) -> Result<bool, Stop> {
    client.acknowledges = true;
    bench.transmit(&client.segment(ACK, b""))?;
    // The next one would come after twice as long.
    let (soonest, latest) = (Duration::from_secs(1), Duration::from_secs(6));
    let time = (bench.now().since(begun) * 5 / 2).clamp(soonest, latest);
    let heard = bench.listen(client, time)?;
    let again = heard.iter().filter(|(_, segment)| segment.has(FIN));
    Ok(again.count() > 1)
}

fn last_ack(bench: &mut Bench<'_>) -> Done {
    for is_reset in [false, true] {
        let Some(mut client) = bench.hold(HELD)? else {
            return Ok(not_taken());
        };
        // In the middle of a character: the answer is a refusal, whose text isn't of interest here.
        client.acknowledges = false;
        let end = client.saying(ACK | FIN, b"");
        if !bench.taken(&mut client, &end)? || !bench.comes_to_its_end(&mut client)? {
            return Ok(failed(NO_END));
        }
        if !is_reset && bench.fin_again(&mut client, LATE)?.is_none() {
            return Ok(never_again(&client));
        }
        if !is_free(bench, &client, if is_reset { RST } else { ACK })? {
            let what = if is_reset { "reset" } else { "acknowledged" };
            return Ok(Verdict::Failed(format!(
                "a SYN from the same port isn't answered by one, once the last end was {what}"
            )));
        }
    }
    Ok(Verdict::Passed)
}

/// Sends the last segment of a connection. Whether another one can begin from the same port then.
fn is_free(bench: &mut Bench<'_>, client: &Client, last: u8) -> Result<bool, Stop> {
    for _ in 0..2 {
        bench.transmit(&client.segment(last, b""))?;
        bench.pause(APART)?;
        let mut anew = client.anew(100_000);
        if bench.syn(&mut anew)? {
            bench.abort(&mut anew)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn again(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.closed_first()? else {
        return Ok(failed(NO_END));
    };
    let end = client
        .segment(ACK | FIN, b"")
        .seq(client.next.wrapping_sub(1));
    for _ in 0..3 {
        // Some answer what comes again twice a second at most.
        bench.pause(APART * 12)?;
        let due = client.next;
        let is_answered = bench.answered(&mut client, &end, APART * 8, |answer| {
            answer.has(RST) || answer.ack == due
        })?;
        if is_answered {
            return Ok(Verdict::Passed);
        }
    }
    Ok(failed("it isn't, three times"))
}

fn crossed(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.open(&mut client)? {
        return Ok(no_handshake(&client));
    }
    if !bench.ended(&mut client)? {
        return Ok(failed(NO_END));
    }
    let unseen = client.all_but_fin().ack;
    let end = client.saying(ACK | FIN, b"").ack(unseen);
    let begun = bench.now();
    if !bench.taken(&mut client, &end)? {
        return Ok(failed(
            "an end that crosses its own isn't acknowledged, four times",
        ));
    }
    if let Some(what) = client.greeting().against() {
        return Ok(Verdict::Failed(what));
    }
    if goes_on(bench, &mut client, begun)? {
        return Ok(failed(
            "its own end comes again and again, though it was acknowledged",
        ));
    }
    Ok(Verdict::Passed)
}

fn wait2(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.open(&mut client)? {
        return Ok(no_handshake(&client));
    }
    if !bench.ended(&mut client)? {
        return Ok(failed(NO_END));
    }
    client.acknowledges = true;
    bench.transmit(&client.segment(ACK, b""))?;
    let begun = bench.now();
    // Whoever asks too often may keep it alive.
    for time in [30, 45, 55, 60] {
        bench.listen(&mut client, Duration::from_secs(time))?;
        let probe = client.segment(ACK, b"").seq(client.next.wrapping_sub(1));
        let mut is_there = false;
        for _ in 0..3 {
            is_there |= bench.answered(&mut client, &probe, APART * 20, |answer| {
                answer.has(ACK) && !answer.has(RST)
            })?;
            if is_there || client.is_reset {
                break;
            }
        }
        if !is_there {
            let took = bench.now().since(begun);
            bench.portray(Feature::FinWait2, Trait::Time(took));
            return Ok(Verdict::Passed);
        }
    }
    bench.abort(&mut client)?;
    Ok(failed("it is still there after 190 s"))
}
