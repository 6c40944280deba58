//! The handshake.

use core::net::IpAddr;
use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::craft::ETHERNET;
use crate::bench::flags::{ACK, CWR, ECE, FIN, PSH, SYN, URG};
use crate::bench::{Bench, Body, Client, Done, Heard, Said, Verdict, Wants, is_after};

use super::{LIVENESS, case};

pub(super) static CASES: [Case<Body>; 7] = [
    case(
        "syn/fields",
        Level::Must,
        "RFC 9293, 3.10.7.2; 3.7.1 (SHLD-5, MUST-67)",
        "The answer to a SYN acknowledges it and nothing else, and announces segments that the network carries",
        &[Wants::Server],
        fields,
        "clients send segments that never arrive, or don't understand the answer",
    ),
    case(
        "syn/again",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "A SYN that comes again begins no second connection",
        &[Wants::Server],
        again,
        "a repeated SYN isn't known as one: a lost answer costs a connection, or a place",
    ),
    case(
        "syn/synack-lost",
        Level::Must,
        "RFC 9293, 3.8.1; RFC 6298, 2.1",
        "The answer to a SYN is sent again by itself, with the same number",
        &[Wants::Server],
        synack_lost,
        "one lost frame costs a connection: no timer runs for the handshake",
    ),
    case(
        "syn/data-in-third",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "Text in the segment that completes the handshake is taken",
        &[Wants::Server],
        data_in_third,
        "clients that save a segment aren't understood",
    ),
    case(
        "syn/data",
        Level::Must,
        "RFC 9293, 3.10.7.2",
        "Text that comes with a SYN is taken, or isn't acknowledged: it is neither lost nor there twice",
        &[Wants::Server],
        data,
        "the number behind a SYN is counted with its text, and the text isn't kept",
    ),
    case(
        "syn/ecn",
        Level::Must,
        "RFC 9293, 3.1; RFC 3168, 6.1.1",
        "A SYN that offers explicit congestion notification is answered as any other",
        &[Wants::Server],
        ecn,
        "clients who offer it, as desktops do, don't get through, or believe what isn't so",
    ),
    case(
        "syn/fin",
        Level::Must,
        LIVENESS,
        "A SYN with FIN, which nobody means, harms nobody",
        &[Wants::Server],
        fin,
        "a state is entered that no connection comes to",
    ),
];

const UNANSWERED: &str = "no answer to a SYN, again and again";

/// The longest packet in a frame of Ethernet (RFC 894).
const ETHERNET_MTU: usize = 1500;

fn fields(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    let syn = client.syn();
    client.next = syn.end();
    let Some(answer) = bench.elicit(&mut client, &syn, |_| true)? else {
        return Ok(Verdict::Failed(UNANSWERED.to_owned()));
    };
    if answer.flags != SYN | ACK || answer.ack != client.next {
        let words = answer.words(answer.seq, client.first);
        return Ok(Verdict::Failed(format!("{words} comes")));
    }
    let headers = if bench.setup.board.is_ipv4() { 40 } else { 60 };
    // What this side's end of the cable takes may be less than what the board's does.
    let most = bench.frames.mtu().max(ETHERNET_MTU) - headers;
    Ok(match answer.mss() {
        Some(mss) if mss == 0 || usize::from(mss) > most => Verdict::Worse(format!(
            "it announces segments of {mss} bytes: at most {most} go into a frame"
        )),
        Some(_) => Verdict::Passed,
        None => Verdict::Noted("it announces no MSS, so nobody sends it more than 536".to_owned()),
    })
}

/// How soon a SYN is repeated.
const SOON: Duration = Duration::from_millis(100);

fn again(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(Verdict::Failed("no answer to a SYN, four times".to_owned()));
    }
    let number = client.theirs;
    bench.pause(SOON)?;
    bench.transmit(&client.syn())?;
    let heard = bench.listen(&mut client, SOON * 10)?;
    let other = heard
        .iter()
        .find(|(_, segment)| segment.has(SYN) && segment.seq != number);
    if other.is_some() {
        return Ok(Verdict::Failed(
            "it is answered with another initial number".to_owned(),
        ));
    }
    if client.is_reset {
        return Ok(Verdict::Failed("it resets the connection".to_owned()));
    }
    bench.transmit(&client.segment(ACK, b""))?;
    bench.say(&mut client, b"Ada", false)?;
    Ok(Verdict::unless(bench.reply(&mut client)?.against()))
}

/// So long the second one is waited for.
const LATE: Duration = Duration::from_secs(30);

/// So long it should take at most: three times the RTO to begin with, and some.
const SHOULD: Duration = Duration::from_secs(4);

fn synack_lost(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(Verdict::Failed("no answer to a SYN, four times".to_owned()));
    }
    let begun = bench.now();
    let Some((came, again)) = bench.hear(&mut client, begun + LATE)? else {
        let late = LATE.as_secs();
        return Ok(Verdict::Failed(format!("not within {late} s")));
    };
    if !again.has(SYN | ACK) || again.seq != client.theirs {
        return Ok(Verdict::Failed(format!(
            "{} comes instead",
            again.words(client.theirs, client.first)
        )));
    }
    bench.transmit(&client.segment(ACK, b""))?;
    bench.say(&mut client, b"Ada", false)?;
    if let Some(what) = bench.reply(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    let took = came.since(begun);
    Ok(if took > SHOULD {
        Verdict::Worse(format!("after {took:.1?} only"))
    } else {
        Verdict::Passed
    })
}

fn data_in_third(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(Verdict::Failed("no answer to a SYN, four times".to_owned()));
    }
    let third = client.segment(ACK | PSH, b"Ada");
    client.next = third.end();
    client.said.clone_from(&third.text);
    bench.until(&mut client, &third, |client| client.acked == third.end())?;
    Ok(Verdict::unless(bench.reply(&mut client)?.against()))
}

fn data(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    let syn = client.syn().text(b"Ada");
    client.next = client.first.wrapping_add(1);
    let name = client.segment(ACK | PSH, b"Ada");
    let start = client.next;
    if !bench.until(&mut client, &syn, |client| !is_after(start, client.acked))? {
        return Ok(Verdict::Failed(UNANSWERED.to_owned()));
    }
    bench.transmit(&client.segment(ACK, b"").seq(client.acked))?;
    client.next = name.end();
    client.said.clone_from(&name.text);
    let name = name.ack(client.due);
    let is_all = |client: &Client| client.acked == name.end();
    if !is_all(&client) && !bench.until(&mut client, &name, is_all)? {
        return Ok(Verdict::Failed(
            "the text isn't taken when it comes again".to_owned(),
        ));
    }
    Ok(Verdict::unless(bench.reply(&mut client)?.against()))
}

/// Whether routers may mark this packet (RFC 3168, section 5).
fn is_capable(heard: &Heard, is_v4: bool) -> bool {
    let traffic = heard.frame.get(ETHERNET + 1).copied().unwrap_or_default();
    let bits = if is_v4 { traffic } else { traffic >> 4 };
    bits & 3 != 0
}

fn ecn(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    let syn = client.syn().flags(SYN | ECE | CWR);
    client.next = syn.end();
    bench.note(&syn);
    let frame = bench.packet(syn.between(), &syn.bytes());
    let heard = bench.ask(
        &frame,
        |heard| matches!(&heard.said, Said::Tcp(segment) if client.is_of(segment)),
    )?;
    let Some(heard) = heard else {
        return Ok(Verdict::Failed("it isn't answered, three times".to_owned()));
    };
    let Said::Tcp(answer) = &heard.said else {
        return Ok(Verdict::Failed(UNANSWERED.to_owned()));
    };
    if !answer.has(SYN | ACK) || answer.ack != client.next {
        let words = answer.words(answer.seq, client.first);
        return Ok(Verdict::Failed(format!("{words} comes")));
    }
    client.take(answer);
    bench.transmit(&client.segment(ACK, b""))?;
    bench.say(&mut client, b"Ada", false)?;
    if let Some(what) = bench.reply(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    let is_v4 = matches!(answer.ends.0, IpAddr::V4(_));
    Ok(if answer.has(ECE | CWR) {
        Verdict::Worse("both bits come back, as from one who copies what he got".to_owned())
    } else if is_capable(&heard, is_v4) {
        Verdict::Worse("its answer says that routers may mark it, which no SYN should".to_owned())
    } else {
        Verdict::Passed
    })
}

fn fin(bench: &mut Bench<'_>) -> Done {
    for (flags, text) in [(SYN | FIN, &b""[..]), (SYN | FIN | PSH | URG, b"Ada")] {
        let mut client = bench.client();
        client.acknowledges = false;
        bench.transmit(&client.syn().flags(flags).text(text))?;
        bench.listen(&mut client, SOON)?;
    }
    Ok(Verdict::Passed)
}
