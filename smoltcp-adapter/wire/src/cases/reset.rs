//! Resets: which are obeyed, and who gets one.

use core::net::IpAddr;
use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, FIN, PSH, RST, SYN};
use crate::bench::{Bench, Body, Client, Done, Heard, Quiet, REST, Said, Segment, Verdict, Wants};

use super::case;

pub(super) static CASES: [Case<Body>; 4] = [
    case(
        "rst/exact",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.5.3",
        "A reset with the number that is next ends a connection, and isn't answered",
        &[Wants::Server],
        exact,
        "a client that has crashed keeps its place until a timer ends it",
    ),
    case(
        "rst/in-window",
        Level::Should,
        "RFC 5961, 3.2; RFC 9293, 3.10.7.4",
        "A reset with another number of the window is answered by an ACK, and ends nothing",
        &[Wants::Server],
        in_window,
        "somebody who guesses one number in a window ends other people's connections",
    ),
    case(
        "rst/outside",
        Level::Must,
        "RFC 9293, 3.5.3; 3.10.7.4",
        "A reset whose number is outside of the window is ignored",
        &[Wants::Server],
        outside,
        "anybody can end other people's connections, and an old segment does",
    ),
    case(
        "rst/closed-port",
        Level::Must,
        "RFC 9293, 3.10.7.1",
        "What comes to a port at which nobody listens gets a reset that its sender accepts; a reset gets nothing",
        &[Wants::Server],
        closed_port,
        "clients wait for a minute where they could be told at once",
    ),
];

const NOT_TAKEN: &str = "a name isn't acknowledged, though it was said four times";

/// So far from what is next that no window reaches it.
const FAR: u32 = 0x1000_0000;

/// So long what was said before may still be answered.
const SETTLED: Duration = Duration::from_millis(50);

/// A port that nobody takes by itself.
const CLOSED: u16 = 47;

fn exact(bench: &mut Bench<'_>) -> Done {
    for flags in [RST, RST | ACK] {
        let mut verdict = obeyed(bench, flags)?;
        // A reset that is lost looks like one that isn't obeyed.
        for _ in 0..2 {
            if verdict == Verdict::Passed {
                break;
            }
            verdict = obeyed(bench, flags)?;
        }
        if verdict != Verdict::Passed {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Passed)
}

/// Whether a connection ends by one reset.
fn obeyed(bench: &mut Bench<'_>, flags: u8) -> Done {
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    bench.listen(&mut client, SETTLED)?;
    let frame = bench.forged(&client.segment(flags, b""), |_| ());
    match bench.silence(&client, &[frame])? {
        Quiet::Kept => {}
        quiet => return Ok(quiet.verdict("it is answered")),
    }
    // Whoever knows the connection takes this; others reset it, or say nothing.
    let more = client.segment(ACK | PSH, REST);
    let answer = bench.elicit(&mut client, &more, |_| true)?;
    if answer.is_some_and(|answer| !answer.has(RST)) {
        let with = if flags == RST { "" } else { " with ACK" };
        return Ok(Verdict::Failed(format!(
            "the connection goes on after a reset{with}"
        )));
    }
    bench.forget(client.ports.0);
    Ok(Verdict::Passed)
}

fn in_window(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let reset = client.segment(RST, b"").seq(client.next.wrapping_add(10));
    let due = client.next;
    let is_challenge = |answer: &Segment| answer.flags == ACK && answer.ack == due;
    let answer = bench.elicit(&mut client, &reset, is_challenge)?;
    Ok(match (bench.finish(&mut client)?.against(), answer) {
        (Some(what), _) => Verdict::Failed(format!("it ends the connection: {what}")),
        (None, None) => Verdict::Failed("it isn't answered, three times".to_owned()),
        (None, Some(_)) => Verdict::Passed,
    })
}

fn outside(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    bench.listen(&mut client, SETTLED)?;
    let numbers = [client.next.wrapping_add(FAR), client.next.wrapping_sub(FAR)];
    let frames = numbers.map(|seq| {
        let reset = client.segment(RST, b"").seq(seq);
        bench.packet(reset.between(), &reset.bytes())
    });
    let quiet = bench.silence(&client, &frames)?;
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    Ok(match quiet.verdict("it is answered") {
        Verdict::Failed(came) => Verdict::Worse(came),
        verdict => verdict,
    })
}

/// A client for the port at which nobody listens, with numbers that it has from nowhere.
fn stranger(bench: &mut Bench<'_>) -> Client {
    let mut client = bench.client();
    client.ports.1 = CLOSED;
    client.due = !client.first;
    client
}

fn closed_port(bench: &mut Bench<'_>) -> Done {
    let mut silent = Vec::new();
    let mut odd = None;
    for (flags, text, what) in [
        (SYN, &b""[..], "a SYN"),
        (SYN, b"abc", "a SYN with text"),
        (ACK, b"", "an ACK"),
        (FIN, b"", "a FIN without ACK"),
        (0, b"abc", "text without ACK"),
    ] {
        let client = stranger(bench);
        let segment = client.segment(flags, text);
        let frame = bench.forged(&segment, |_| ());
        let is_it = |heard: &Heard| match &heard.said {
            Said::Tcp(answer) => client.is_of(answer),
            Said::Icmp { ends, kind, .. } => is_unreachable(*ends, *kind),
            _ => false,
        };
        let answer = bench.ask(&frame, is_it)?;
        bench.forget(client.ports.0);
        let Some(Heard { said, .. }) = answer else {
            silent.push(what);
            continue;
        };
        let Said::Tcp(answer) = said else {
            return Ok(Verdict::Failed(format!(
                "{what} is answered by ICMP, which ends no connection"
            )));
        };
        let is_right = if segment.has(ACK) {
            answer.has(RST) && answer.seq == segment.ack
        } else {
            answer.has(RST | ACK) && answer.seq == 0 && answer.ack == segment.end()
        };
        if is_right {
            continue;
        }
        let words = answer.words(0, segment.seq);
        let said = format!("{what} is answered by {words}");
        if segment.has(SYN) || segment.has(ACK) {
            return Ok(Verdict::Failed(said));
        }
        odd.get_or_insert(said);
    }
    let client = stranger(bench);
    let resets = [RST, RST | ACK].map(|flags| bench.forged(&client.segment(flags, b""), |_| ()));
    match bench.silence(&client, &resets)? {
        Quiet::Kept => {}
        quiet => return Ok(quiet.verdict("a reset is answered")),
    }
    bench.forget(client.ports.0);
    Ok(match (&silent[..], odd) {
        ([], None) => Verdict::Passed,
        // Nobody sends such segments but who looks for faults.
        ([], Some(odd)) => Verdict::Worse(odd),
        (all, _) => Verdict::Worse(format!(
            "nothing is said to {}, unless a firewall is in between",
            all.join(", ")
        )),
    })
}

/// Destination unreachable, of either version.
fn is_unreachable(ends: (IpAddr, IpAddr), kind: u8) -> bool {
    kind == if ends.0.is_ipv4() { 3 } else { 1 }
}
