//! Messages to a receiver of this protocol that answers them: lengths, sums and ports of UDP.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::IpProtocol;

use crate::bench::craft::{self, ETHERNET, Ends};
use crate::bench::messages::{HELLO, greeting};
use crate::bench::{Bench, Body, Done, Heard, PATIENCE, Said, Stop, Verdict, Wants};

use super::case;
use super::length::step;
use super::udp::{CLOSED, is_from, is_unreachable};

pub(super) static CASES: [Case<Body>; 8] = [
    case(
        "udp/checksum-bad",
        Level::Must,
        "RFC 1122, 4.1.3.4; RFC 8200, 8.1",
        "A message with a wrong checksum is thrown away",
        &[Wants::Datagrams],
        checksum_bad,
        "sums of what comes in aren't looked at: by the MAC that was told to, or by the stack",
    ),
    case(
        "udp/checksum-zero",
        Level::Should,
        "RFC 768; RFC 1122, 4.1.3.4",
        "A message without a checksum, which IPv4 allows, is taken",
        &[Wants::Datagrams, Wants::V4],
        checksum_zero,
        "zero is taken for a wrong sum: senders that make none, as some small ones do, aren't heard",
    ),
    case(
        "udp6/checksum-zero",
        Level::Must,
        "RFC 6935, 5; RFC 8200, 8.1",
        "A datagram over IPv6 without a checksum is thrown away",
        &[Wants::Echo6],
        checksum_zero6,
        "nothing guards the addresses of IPv6 then, whose header has no sum: what went astray is taken",
    ),
    case(
        "udp/checksum-out",
        Level::Must,
        "RFC 768; RFC 1122, 4.1.3.4; RFC 6935, 5",
        "An answer whose checksum comes out as zero is sent with all bits set, and not as if it had none",
        &[Wants::Datagrams],
        checksum_out,
        "one answer of 65,536 has no sum, or none has: over IPv6 it is thrown away, over IPv4 it isn't guarded",
    ),
    case(
        "udp/length",
        Level::Should,
        "RFC 768",
        "A length that can't be makes a datagram invalid, and what stands behind its length is none of its text",
        &[Wants::Datagrams],
        length,
        "the length in the header isn't looked at: text is read beyond the packet, or options are taken for it",
    ),
    case(
        "udp/port-zero",
        Level::Must,
        "RFC 768",
        "A message from port 0, to which nobody can answer, gets no answer",
        &[Wants::Datagrams],
        port_zero,
        "it sends to a port that isn't one",
    ),
    case(
        "udp/padding-in",
        Level::Must,
        "RFC 894; RFC 791, 3.1",
        "Bytes behind a packet in its frame are none of a message",
        &[Wants::Datagrams],
        padding_in,
        "the length of the frame is taken for that of the datagram",
    ),
    case(
        "udp/every-length",
        Level::Must,
        "RFC 768",
        "Messages of every length from 0 to 1024 bytes are answered, whole",
        &[Wants::Datagrams],
        every_length,
        "where echoes of the same length pass, it isn't the driver: a buffer of the receiver's is too small, or counted wrong",
    ),
];

/// A datagram to the receiver, in a frame.
fn framed(bench: &Bench<'_>, ends: Ends, datagram: &[u8]) -> Vec<u8> {
    craft::ip(bench.hop(), ends, IpProtocol::Udp, craft::HOPS, datagram)
}

/// Sends a datagram until the receiver says something to this port. What it says, if it does.
fn answer(bench: &mut Bench<'_>, datagram: &[u8], port: u16) -> Result<Option<Vec<u8>>, Stop> {
    let (ends, receiver) = (bench.ends(), bench.setup.udp_port);
    let frame = framed(bench, ends, datagram);
    let heard = bench.ask(&frame, |heard| heard.message((receiver, port)).is_some())?;
    Ok(heard.and_then(|heard| heard.message((receiver, port)).map(<[u8]>::to_vec)))
}

fn checksum_bad(bench: &mut Bench<'_>) -> Done {
    let (ends, receiver) = (bench.ends(), bench.setup.udp_port);
    let mut ports = Vec::new();
    let frames = [1, 0x0100, 0x5555].map(|bits: u16| {
        let (mut datagram, port) = bench.message(b"a wrong sum");
        ports.push(port);
        for (byte, bit) in datagram.iter_mut().skip(6).zip(bits.to_be_bytes()) {
            *byte ^= bit;
        }
        // It must not become the zero that says that there is none.
        if datagram.get(6..8) == Some(&[0, 0]) {
            craft::put(&mut datagram, 6, &[0xff, 0xfe]);
        }
        framed(bench, ends, &datagram)
    });
    let quiet = bench.quiet(&frames, |heard| {
        ports
            .iter()
            .any(|port| heard.message((receiver, *port)).is_some())
    })?;
    Ok(quiet.verdict("it is answered"))
}

fn checksum_zero(bench: &mut Bench<'_>) -> Done {
    let (mut datagram, port) = bench.message(b"no sum");
    craft::put(&mut datagram, 6, &[0, 0]);
    let came = answer(bench, &datagram, port)?;
    Ok(Verdict::unless(
        came.is_none().then(|| "no answer, three times".to_owned()),
    ))
}

/// To the receiver's port, and to one at which nobody listens: whichever is answered with a right sum.
fn checksum_zero6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    let (ends, receiver) = (bench.ends(), bench.setup.udp_port);
    let is_told = |heard: &Heard, from| {
        heard.message((receiver, from)).is_some() || is_unreachable(heard) && is_from(heard, from)
    };
    let (mut frames, mut ports) = (Vec::new(), Vec::new());
    let mut is_anything_told = false;
    for to in [receiver, CLOSED] {
        let from = bench.fresh_port();
        let right = framed(bench, ends, &craft::udp(ends, from, to, b"a right sum"));
        let answer = bench.ask(&right, |heard| is_told(heard, from))?;
        is_anything_told |= answer.is_some();
        // From another port, as an answer to the right one may come late.
        let from = bench.fresh_port();
        let mut datagram = craft::udp(ends, from, to, b"no sum");
        craft::put(&mut datagram, 6, &[0, 0]);
        frames.push(framed(bench, ends, &datagram));
        ports.push(from);
    }
    if !is_anything_told {
        return Ok(Verdict::Skipped(
            "no datagram over IPv6 is answered, by anything",
        ));
    }
    let quiet = bench.quiet(&frames, |heard| {
        ports.iter().any(|from| is_told(heard, *from))
    })?;
    Ok(quiet.verdict("it is answered"))
}

fn checksum_out(bench: &mut Bench<'_>) -> Done {
    let (ends, receiver) = (bench.ends(), bench.setup.udp_port);
    let back = Ends {
        from: ends.to,
        to: ends.from,
    };
    // The sum of an answer to port 0 is what is missing to all bits: with that for a port, it comes out as zero.
    let found = (0..26_u8).find_map(|letter| {
        let text = [b"zero ", &[b'a' + letter][..]].concat();
        let answer = craft::udp(back, receiver, 0, &greeting(&text));
        let port = u16::from_be_bytes([*answer.get(6)?, *answer.get(7)?]);
        (port > 1024 && port != receiver).then_some((text, port))
    });
    let Some((text, port)) = found else {
        return Ok(Verdict::Inconclusive("no port makes such a sum".to_owned()));
    };
    let datagram = craft::udp(ends, port, receiver, &text);
    let frame = framed(bench, ends, &datagram);
    let heard = bench.ask(&frame, |heard| heard.message((receiver, port)).is_some())?;
    let Some(heard) = heard else {
        return Ok(Verdict::Failed(
            "no answer whose sum comes out as zero arrives, three times".to_owned(),
        ));
    };
    if heard.message((receiver, port)) != Some(&greeting(&text)) {
        return Ok(Verdict::Inconclusive(
            "it is answered by another text".to_owned(),
        ));
    }
    let header = if ends.to.is_ipv4() { 20 } else { 40 };
    let at = ETHERNET + header + 6;
    Ok(match heard.frame.get(at..at + 2) {
        Some([0xff, 0xff]) => Verdict::Passed,
        Some([0, 0]) => Verdict::Failed("it is sent as if it had none".to_owned()),
        // What its other sums are is seen of all frames.
        _ => Verdict::Inconclusive("its sum is another one".to_owned()),
    })
}

fn length(bench: &mut Bench<'_>) -> Done {
    let (ends, receiver) = (bench.ends(), bench.setup.udp_port);
    let mut ports = Vec::new();
    let frames = [0_u16, 7, 24, 1000, 0xffff].map(|len| {
        let (mut datagram, port) = bench.message(b"a length");
        ports.push(port);
        craft::put(&mut datagram, 4, &len.to_be_bytes());
        craft::mend_udp(ends, &mut datagram);
        framed(bench, ends, &datagram)
    });
    let quiet = bench.quiet(&frames, |heard| {
        ports
            .iter()
            .any(|port| heard.message((receiver, *port)).is_some())
    })?;
    let verdict = quiet
        .verdict("one is answered whose length is less than a header, or more than its packet");
    if verdict != Verdict::Passed {
        return Ok(verdict);
    }
    let (mut datagram, port) = bench.message(b"abc");
    datagram.extend([b'x'; 20]);
    craft::mend_udp(ends, &mut datagram);
    Ok(match answer(bench, &datagram, port)? {
        Some(came) if came == greeting(b"abc") => Verdict::Passed,
        Some(came) => Verdict::Failed(format!(
            "of a message of 3 bytes with 20 behind it, {} come back",
            came.len().saturating_sub(HELLO.len())
        )),
        None => Verdict::Noted("a message with bytes behind its length isn't answered".to_owned()),
    })
}

fn port_zero(bench: &mut Bench<'_>) -> Done {
    let (ends, receiver) = (bench.ends(), bench.setup.udp_port);
    let datagram = craft::udp(ends, 0, receiver, b"to nobody");
    let frame = framed(bench, ends, &datagram);
    let quiet = bench.quiet(
        &[frame],
        |heard| matches!(heard.said, Said::Udp { ports: (from, _), .. } if from == receiver),
    )?;
    Ok(quiet.verdict("it is answered"))
}

fn padding_in(bench: &mut Bench<'_>) -> Done {
    const BEHIND: usize = 20;
    let (ends, receiver) = (bench.ends(), bench.setup.udp_port);
    let (datagram, port) = bench.message(b"abc");
    let mut frame = framed(bench, ends, &datagram);
    let header = if ends.to.is_ipv4() { 20 } else { 40 };
    frame.truncate(ETHERNET + header + datagram.len());
    frame.extend([b'x'; BEHIND]);
    let heard = bench.ask(&frame, |heard| heard.message((receiver, port)).is_some())?;
    let came = heard
        .as_ref()
        .and_then(|heard| heard.message((receiver, port)));
    Ok(Verdict::unless(match came {
        Some(came) if came == greeting(b"abc") => None,
        Some(came) => Some(format!(
            "of a message of 3 bytes with {BEHIND} behind its packet, {} come back",
            came.len().saturating_sub(HELLO.len())
        )),
        None => Some("no answer, three times".to_owned()),
    }))
}

fn every_length(bench: &mut Bench<'_>) -> Done {
    /// The longest message.
    const MOST: usize = 1024;
    /// A receiver answers no more than 100 in a second to one sender.
    const PACE: Duration = Duration::from_millis(11);
    /// So many at both ends are tried always; of those between a third, another one each time.
    const ENDS: usize = 24;
    /// Where so many in a row don't cross the cable, longer ones don't either.
    const ENOUGH: u32 = 4;
    let mut next = bench.now();
    let mut uncrossed = 0;
    let third = usize::try_from(bench.random() % 3).unwrap_or_default();
    let is_tried = |len: &usize| *len < ENDS || *len > MOST - ENDS || len % 3 == third;
    let is_thorough = bench.setup.is_thorough;
    let lens = (0..=MOST).step_by(step(bench));
    for len in lens.filter(|len| is_thorough || is_tried(len)) {
        let letters = bench.fill(len);
        let text: Vec<u8> = letters.iter().map(|byte| b'a' + byte % 26).collect();
        let came = patiently(bench, &text, &mut next, PACE)?;
        if came.as_deref() == Some(&greeting(&text)) {
            uncrossed = 0;
            continue;
        }
        let what = match came {
            Some(came) => format!(
                "a message of {len} bytes is answered by {} bytes, or by others, ten times",
                came.len()
            ),
            None => format!("a message of {len} bytes isn't answered, ten times"),
        };
        // Of frames that don't cross the cable another check tells.
        if echoes(bench, len)? {
            return Ok(Verdict::Failed(what));
        }
        uncrossed += 1;
        if uncrossed == ENOUGH {
            let why = format!("frames of {len} bytes of text and more don't cross the cable");
            return Ok(Verdict::Inconclusive(why));
        }
    }
    Ok(Verdict::Passed)
}

/// What a message is answered by, that is sent again until it is right, each time once it is due. Bytes that
/// change on the way now and then are another check's.
fn patiently(
    bench: &mut Bench<'_>,
    text: &[u8],
    next: &mut greet_core::time::Instant,
    pace: Duration,
) -> Result<Option<Vec<u8>>, Stop> {
    const TRIES: usize = 10;
    let receiver = bench.setup.udp_port;
    let right = greeting(text);
    let mut wrong = None;
    for tried in 1..=TRIES {
        let pause = next.since(bench.now());
        bench.pause(pause)?;
        *next = bench.now() + pace;
        let (datagram, port) = bench.message(text);
        let ends = bench.ends();
        let frame = framed(bench, ends, &datagram);
        bench.send(&frame)?;
        bench.not_answered(bench.last_sent());
        // Once some were waited for in vain, less long; and in full at last.
        let is_short = bench.missed > 3 && tried < TRIES;
        let patience = if is_short {
            bench.usual().max(Duration::from_millis(100))
        } else {
            PATIENCE
        };
        let until = bench.now() + patience;
        while let Some(heard) = bench.next(until)? {
            if let Some(said) = heard.message((receiver, port)) {
                if said == right {
                    return Ok(Some(right));
                }
                wrong = Some(said.to_vec());
                bench.looked_at(heard.number);
                break;
            }
        }
        bench.missed += 1;
    }
    Ok(wrong)
}

/// Whether an echo comes back whose frame is as long as the answer to such a message.
fn echoes(bench: &mut Bench<'_>, len: usize) -> Result<bool, Stop> {
    if bench.echoes != Some(true) {
        return Ok(true);
    }
    let text = bench.fill(HELLO.len() + len);
    let (frame, wanted) = bench.ping(&text);
    let heard = bench.ask(&frame, |heard| heard.is_reply_to(wanted))?;
    Ok(heard.is_some_and(|heard| matches!(heard.said, Said::Echo { data, .. } if data == text)))
}
