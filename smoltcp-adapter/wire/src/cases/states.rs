//! Segments at the wrong time: nobody has connected, a handshake isn't over, or a connection is there already.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;

use crate::bench::flags::{ACK, PSH, RST, SYN};
use crate::bench::{Bench, Body, Client, Done, Greeting, Stop, Verdict, Wants};

use super::case;

pub(super) static CASES: [Case<Body>; 6] = [
    case(
        "listen/ack",
        Level::Must,
        "RFC 9293, 3.10.7.2; 3.5.2",
        "An ACK from nowhere gets a reset with its number, so that its sender gives up",
        &[Wants::Server],
        listen_ack,
        "after a restart of the board its clients wait for what will never come",
    ),
    case(
        "listen/rst",
        Level::Must,
        "RFC 9293, 3.10.7.2",
        "A reset from nowhere is ignored",
        &[Wants::Server],
        listen_rst,
        "two hosts reset each other for ever, or the server listens no more",
    ),
    case(
        "synrcvd/bad-ack",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.5.2",
        "A third segment that acknowledges another number gets a reset with that number",
        &[Wants::Server],
        bad_ack,
        "a client with a connection of long ago isn't told that it is gone",
    ),
    case(
        "synrcvd/rst",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.5.3",
        "A handshake that its client resets gives its place back",
        &[Wants::Server],
        synrcvd_rst,
        "whoever looks which ports are open takes all places",
    ),
    case(
        "syn/established",
        Level::Should,
        "RFC 5961, 4.2; RFC 9293, 3.10.7.4",
        "A SYN within a connection is answered by an ACK of what it has, and changes nothing",
        &[Wants::Server],
        established,
        "somebody else's SYN ends a connection, or a client that was restarted hears nothing",
    ),
    case(
        "syn/reboot",
        Level::Must,
        "RFC 9293, 3.5.1",
        "A client that was restarted connects again from the same port, though its last connection is still there",
        &[Wants::Server],
        reboot,
        "a client that was switched off and on is kept out until a timer ends its last connection",
    ),
];

const NOT_TAKEN: &str = "a name isn't acknowledged, though it was said four times";

const UNANSWERED: &str = "no answer to a SYN, four times";

/// So far from what is next that no window reaches it.
const FAR: u32 = 0x2000_0000;

fn listen_ack(bench: &mut Bench<'_>) -> Done {
    for (flags, what) in [(ACK, "an ACK"), (SYN | ACK, "a SYN with ACK")] {
        let mut client = bench.client();
        client.due = !client.first;
        let stray = client.segment(flags, b"");
        let Some(answer) = bench.elicit(&mut client, &stray, |_| true)? else {
            return Ok(Verdict::Failed(format!(
                "{what} isn't answered, three times"
            )));
        };
        bench.forget(client.ports.0);
        if !answer.has(RST) || answer.seq != stray.ack {
            let words = answer.words(stray.ack, stray.seq);
            return Ok(Verdict::Failed(format!("{what} is answered by {words}")));
        }
    }
    Ok(Verdict::Passed)
}

fn listen_rst(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    client.due = !client.first;
    let resets = [RST, RST | ACK].map(|flags| bench.forged(&client.segment(flags, b""), |_| ()));
    let quiet = bench.silence(&client, &resets)?;
    bench.forget(client.ports.0);
    Ok(quiet.verdict("it is answered"))
}

fn bad_ack(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(Verdict::Failed(UNANSWERED.to_owned()));
    }
    let wrong = client.segment(ACK, b"").ack(client.due.wrapping_add(1000));
    // The answer to its SYN may come again meanwhile.
    let answer = bench.elicit(&mut client, &wrong, |answer| !answer.has(SYN))?;
    Ok(match answer {
        None => Verdict::Failed("it isn't answered, three times".to_owned()),
        Some(answer) if answer.has(RST) && answer.seq == wrong.ack => Verdict::Passed,
        Some(answer) => {
            let words = answer.words(client.theirs, client.first);
            Verdict::Failed(format!("{words} comes"))
        }
    })
}

fn synrcvd_rst(bench: &mut Bench<'_>) -> Done {
    /// More than a small server has places.
    const TIMES: usize = 32;
    let mut verdict = forgotten(bench)?;
    // A reset that is lost looks like one that isn't obeyed.
    for _ in 0..2 {
        if verdict == Verdict::Passed {
            break;
        }
        verdict = forgotten(bench)?;
    }
    if verdict != Verdict::Passed {
        return Ok(verdict);
    }
    for before in 0..TIMES {
        let mut client = bench.client();
        let is_answered = bench.syn(&mut client)?;
        bench.abort(&mut client)?;
        if !is_answered {
            return Ok(Verdict::Failed(format!(
                "after {before} that were reset no SYN is answered, four times"
            )));
        }
    }
    Ok(Verdict::unless(greeted(bench)?.against()))
}

/// Whether a handshake ends by one reset.
fn forgotten(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(Verdict::Failed(UNANSWERED.to_owned()));
    }
    bench.transmit(&client.segment(RST, b""))?;
    // Whoever goes on with the handshake takes this for its end.
    let third = client.segment(ACK | PSH, b"Ada");
    let answer = bench.elicit(&mut client, &third, |_| true)?;
    bench.forget(client.ports.0);
    if let Some(answer) = answer.filter(|answer| !answer.has(RST)) {
        let words = answer.words(client.theirs, client.first);
        return Ok(Verdict::Failed(format!(
            "the handshake goes on: {words} comes"
        )));
    }
    Ok(Verdict::Passed)
}

/// How an honest client fares who is as patient as TCP is with a SYN.
pub(super) fn greeted(bench: &mut Bench<'_>) -> Result<Greeting, Stop> {
    let mut client = bench.client();
    if !bench.open(&mut client)? {
        bench.forget(client.ports.0);
        return Ok(Greeting::Wrong(UNANSWERED.to_owned()));
    }
    bench.say(&mut client, b"Ada", false)?;
    bench.reply(&mut client)
}

fn established(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let syn = client.segment(SYN, b"").seq(client.next.wrapping_add(FAR));
    // It must not count as something that was said.
    let (due, next) = (client.due, client.next);
    let answer = bench.elicit(&mut client, &syn, |_| true)?;
    let Some(answer) = answer else {
        let what = match bench.finish(&mut client)? {
            Greeting::Right => "it isn't answered, three times".to_owned(),
            Greeting::Wrong(what) => format!("it isn't answered, and then: {what}"),
        };
        return Ok(Verdict::Failed(what));
    };
    if (answer.flags, answer.seq, answer.ack) != (ACK, due, next) {
        let words = answer.words(client.theirs, client.first);
        return Ok(Verdict::Failed(format!("{words} comes")));
    }
    Ok(Verdict::unless(bench.finish(&mut client)?.against()))
}

fn reboot(bench: &mut Bench<'_>) -> Done {
    let Some(old) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let mut client = bench.client();
    client.ports = old.ports;
    client.first = old.next.wrapping_add(FAR);
    client.acked = client.first;
    client.next = client.syn().end();
    for _ in 0..3 {
        let until = bench.now() + Duration::from_secs(1);
        if again(bench, &mut client, until)? {
            bench.transmit(&client.segment(ACK, b""))?;
            bench.say(&mut client, b"Ada", false)?;
            return Ok(Verdict::unless(bench.reply(&mut client)?.against()));
        }
    }
    Ok(Verdict::Failed(
        "no SYN gets through, though all that came instead was reset".to_owned(),
    ))
}

/// Connects as who knows of no connection: what belongs to one is reset, and then it tries again.
fn again(bench: &mut Bench<'_>, client: &mut Client, until: Instant) -> Result<bool, Stop> {
    /// So often at once at most.
    const RESETS: usize = 4;
    for _ in 0..RESETS {
        bench.transmit(&client.syn())?;
        let Some((_, answer)) = bench.hear(client, until)? else {
            return Ok(false);
        };
        client.is_reset = false;
        if answer.has(SYN | ACK) && answer.ack == client.next {
            return Ok(true);
        }
        if !answer.has(RST) {
            let reset = client.segment(RST, b"").seq(answer.ack);
            bench.transmit(&reset)?;
        }
    }
    let now = bench.now();
    bench.pause(until.since(now))?;
    Ok(false)
}
