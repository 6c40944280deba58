//! What a connection does when a router says that its packets are too long.

use core::net::Ipv4Addr;
use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::craft::ETHERNET;
use crate::bench::{Bench, Body, Client, Done, Reply, Stop, Verdict, Wants, is_after};

use super::case;
use super::rto::{LONG, unasked};
use super::tcp_icmp::error;

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "frag/needed",
        Level::Must,
        "RFC 1191, 3; RFC 9293, 3.7.2",
        "Once a router says that packets are too long, they are shorter, or may be taken apart",
        &[Wants::Server, Wants::V4, Wants::Alone],
        needed,
        "a connection over a tunnel opens and then stands still, as its long packets are thrown away",
    ),
    case(
        "frag/needed-absurd",
        Level::Must,
        "RFC 1191, 3",
        "A router that says 0, 1 or 67 bytes does no harm",
        &[Wants::Server, Wants::V4, Wants::Alone],
        absurd,
        "one forged message divides by zero, or makes segments of no bytes",
    ),
];

/// Long segments, so that a reply is one of more than the path takes.
const WHOLE: u16 = 1460;

/// So far apart messages are.
const APART: Duration = Duration::from_millis(20);

/// What a path takes at least, where a router says so; any host takes as much.
const PATH: u32 = 576;

/// A client at an address of its own: what the board learns of the way to it, it keeps for minutes.
fn stranger(bench: &mut Bench<'_>) -> Option<Client> {
    let (own, board) = bench.v4()?;
    let last = |offset: u32| Ipv4Addr::from_bits(own.to_bits() ^ offset);
    let other = [1, 2, 3].map(last).into_iter().find(|it| *it != board)?;
    bench.others.push((other, bench.setup.hardware));
    let mut client = bench.taker(WHOLE);
    client.ends.from = other.into();
    Some(client)
}

/// Whether a packet must not be taken apart, and how long it is.
fn whole(frame: &[u8]) -> Option<(bool, usize)> {
    let ip = frame.get(ETHERNET..)?;
    let len = u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]);
    Some((*ip.get(6)? & 0x40 != 0, len.into()))
}

/// A long reply that is on its way in one packet that must not be taken apart.
fn long(bench: &mut Bench<'_>) -> Result<Result<Reply, Verdict>, Stop> {
    let Some(client) = stranger(bench) else {
        return Ok(Err(Verdict::Skipped("this is about IPv4")));
    };
    let Some(mut reply) = bench.asked(client, LONG)? else {
        return Ok(Err(unasked()));
    };
    bench.settle(&mut reply)?;
    let is_long = |frame: &[u8]| matches!(whole(frame), Some((true, len)) if len > 576);
    if reply.texts().any(|part| is_long(&part.frame)) {
        return Ok(Ok(reply));
    }
    let greeting = bench.conclude(&mut [reply])?;
    Ok(Err(match greeting.against() {
        Some(what) => Verdict::Inconclusive(what),
        None => Verdict::Passed,
    }))
}

fn needed(bench: &mut Bench<'_>) -> Done {
    const TIMES: usize = 3;
    const LATE: Duration = Duration::from_secs(30);
    let mut reply = match long(bench)? {
        Ok(reply) => reply,
        Err(verdict) => return Ok(verdict),
    };
    let mut lost = 0;
    let mut about = reply.texts().next().map(|part| part.segment.clone());
    let until = bench.now() + LATE;
    let is_heard = loop {
        if let Some(about) = about.take() {
            let frame = error(bench, (3, 4), PATH, &about);
            bench.send(&frame)?;
            lost += 1;
        }
        let Some(part) = bench.part(&mut reply, until)? else {
            break false;
        };
        if reply.client.is_reset {
            return Ok(Verdict::Noted(
                "it ends the connection, as it doesn't look for the longest packet".to_owned(),
            ));
        }
        if part.segment.text.is_empty() {
            continue;
        }
        match whole(&part.frame) {
            Some((true, len)) if len > 576 && lost == TIMES => break false,
            // A router throws that away as well.
            Some((true, len)) if len > 576 => about = Some(part.segment),
            _ => break true,
        }
    };
    let greeting = bench.conclude(&mut [reply])?;
    Ok(if is_heard {
        Verdict::unless(greeting.against())
    } else if lost < TIMES {
        Verdict::Inconclusive("what was lost doesn't come again within 30 s".to_owned())
    } else {
        Verdict::Failed(format!(
            "{lost} times a packet was said to be too long, and none is shorter"
        ))
    })
}

fn absurd(bench: &mut Bench<'_>) -> Done {
    /// The shortest path of all (RFC 791, section 3.2).
    const SHORTEST: usize = 68;
    let mut reply = match long(bench)? {
        Ok(reply) => reply,
        Err(verdict) => return Ok(verdict),
    };
    let Some(about) = reply.texts().next().map(|part| part.segment.clone()) else {
        return Ok(unasked());
    };
    for path in [0, 1, 67] {
        let frame = error(bench, (3, 4), path, &about);
        bench.send(&frame)?;
        bench.parts(&mut reply, APART)?;
    }
    // The last piece may be as short as it is, with FIN behind it or without.
    let end = reply.high.wrapping_sub(1);
    let crumbs = |reply: &Reply| {
        let all = reply
            .texts()
            .filter(|part| is_after(end, part.segment.end()));
        all.filter_map(|part| whole(&part.frame))
            .map(|(_, len)| len)
            .find(|len| *len < SHORTEST)
    };
    let mut replies = [reply];
    if let Some(what) = bench.conclude(&mut replies)?.against() {
        return Ok(Verdict::Failed(what));
    }
    let [reply] = &replies;
    Ok(Verdict::unless(
        crumbs(reply).map(|len| format!("packets of {len} bytes follow")),
    ))
}
