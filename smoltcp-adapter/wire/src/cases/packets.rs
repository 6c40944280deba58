//! Segments in packets that aren't as usual: with bytes behind them, or in fragments.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::IpProtocol;

use crate::bench::craft::{self, ETHERNET};
use crate::bench::flags::{ACK, PSH};
use crate::bench::fragment::cut;
use crate::bench::{
    Bench, Body, Client, Done, Segment, Stop, Verdict, Wants, further, is_after, letters, opening,
};

use super::case;
use super::receive::{ANSWER, APART, HELD, NOT_TAKEN};

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "rx/padding",
        Level::Must,
        "RFC 894; RFC 791, 3.1",
        "What stands in a frame behind its packet is no text",
        &[Wants::Server],
        padding,
        "the length of a frame is taken for that of its packet",
    ),
    case(
        "ip4/options-tcp",
        Level::Must,
        "RFC 1122, 3.2.1.8",
        "Segments are taken whose packets have options of IP that mean nothing to the board",
        &[Wants::Server, Wants::V4],
        options,
        "a segment is looked for 20 bytes behind the beginning of its packet, whatever the header says",
    ),
];

/// Before any check leaves fragments behind of which nothing comes.
pub(super) static FRAGMENTS: [Case<Body>; 2] = [
    case(
        "ip4/frag-tcp",
        Level::Must,
        "RFC 1122, 3.3.2; RFC 791, 3.2",
        "A segment in two fragments is taken, in whichever order they come",
        &[Wants::Server, Wants::V4],
        over_ip4,
        "clients behind a link with a small MTU aren't understood, once they say more than fits",
    ),
    case(
        "ip6/frag-tcp",
        Level::Must,
        "RFC 8200, 4.5",
        "A segment in two fragments over IPv6 is taken, in whichever order they come",
        &[Wants::Server, Wants::V6],
        over_ip6,
        "clients who cut what they send, as a router told them of a small MTU, aren't understood",
    ),
];

fn padding(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(HELD)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let start = client.next;
    let piece = client.saying(ACK | PSH, &further(b"padded"));
    let bare = client.segment(ACK, b"").seq(start);
    for (segment, trailer) in [(&bare, 6), (&bare, 472), (&piece, 20)] {
        let mut frame = bench.packet(segment.between(), &segment.bytes());
        frame.truncate(frame_len(segment)); // as it may be filled up
        frame.resize(frame.len() + trailer, b'!');
        for _ in 0..3 {
            bench.send(&frame)?;
            let time = if segment.is_empty() { APART } else { ANSWER };
            let until = bench.now() + time;
            let is_missing = |client: &Client| is_after(segment.end(), client.acked);
            while is_missing(&client) && bench.hear(&mut client, until)?.is_some() {}
            if is_after(client.acked, segment.end()) {
                return Ok(Verdict::Failed(format!(
                    "{} bytes behind a packet are acknowledged",
                    client.acked.wrapping_sub(segment.end())
                )));
            }
            if !is_missing(&client) {
                break;
            }
        }
    }
    if client.acked != piece.end() {
        let what = "a segment with bytes behind its packet isn't taken";
        return Ok(Verdict::Failed(what.to_owned()));
    }
    Ok(Verdict::unless(bench.finish(&mut client)?.against()))
}

/// Four that do nothing, and one for experiments (RFC 4727, section 3.2).
const OPTIONS: [&[u8]; 2] = [&[1, 1, 1, 1], &[30, 4, 1, 2]];

fn options(bench: &mut Bench<'_>) -> Done {
    for options in OPTIONS {
        let mut client = bench.client();
        let syn = client.syn();
        client.next = syn.end();
        if !has_taken(bench, &mut client, &syn, options)? {
            return Ok(Verdict::Failed(format!(
                "a SYN behind {options:?} isn't answered, three times"
            )));
        }
        bench.transmit(&client.segment(ACK, b""))?;
        let piece = client.saying(ACK | PSH, &opening(&letters(0, 50)));
        if !has_taken(bench, &mut client, &piece, options)? {
            return Ok(Verdict::Failed(format!(
                "text behind {options:?} isn't acknowledged, three times"
            )));
        }
        if let Some(what) = bench.finish(&mut client)?.against() {
            return Ok(Verdict::Failed(what));
        }
    }
    Ok(Verdict::Passed)
}

/// Sends a segment behind options, three times if need be. Whether it is acknowledged.
fn has_taken(
    bench: &mut Bench<'_>,
    client: &mut Client,
    segment: &Segment,
    options: &[u8],
) -> Result<bool, Stop> {
    let mut frame = bench.packet(segment.between(), &segment.bytes());
    craft::add_options(&mut frame, options);
    bench.note(segment);
    for _ in 0..3 {
        bench.send(&frame)?;
        let until = bench.now() + ANSWER;
        while client.acked != segment.end() && bench.hear(client, until)?.is_some() {}
        if client.acked == segment.end() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// So long the frame of a segment is, before it is filled up.
fn frame_len(segment: &Segment) -> usize {
    let header = if segment.ends.0.is_ipv4() { 20 } else { 40 };
    ETHERNET + header + segment.bytes().len()
}

fn over_ip4(bench: &mut Bench<'_>) -> Done {
    let client = bench.client();
    fragments(bench, client)
}

fn over_ip6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    // The server was found over IPv4, if the board was named so.
    let mut first = bench.client();
    if !bench.syn(&mut first)? {
        return Ok(Verdict::Skipped(
            "no server of this protocol greets over IPv6",
        ));
    }
    bench.abort(&mut first)?;
    let client = bench.client();
    fragments(bench, client)
}

fn fragments(bench: &mut Bench<'_>, mut client: Client) -> Done {
    if !bench.held(&mut client, HELD)? {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    }
    let ends = bench.ends();
    let mut lost = Vec::new();
    for (is_reversed, order) in [(false, "first to last"), (true, "last to first")] {
        let piece = client.saying(ACK | PSH, &further(&[b'f'; 200]));
        let is_missing = |client: &Client| is_after(piece.end(), client.acked);
        for _ in 0..3 {
            let (hop, id) = (bench.hop(), bench.fresh().into());
            let mut parts = cut(hop, ends, IpProtocol::Tcp, id, 2, &piece.bytes());
            if is_reversed {
                parts.reverse();
            }
            for part in parts {
                bench.send(&part)?;
                bench.listen(&mut client, Duration::from_millis(2))?;
            }
            let until = bench.now() + ANSWER;
            while is_missing(&client) && bench.hear(&mut client, until)?.is_some() {}
            if !is_missing(&client) {
                break;
            }
        }
        if is_missing(&client) {
            lost.push(order);
            bench.taken(&mut client, &piece)?;
        }
    }
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    Ok(match lost[..] {
        [] => Verdict::Passed,
        [order] => Verdict::Failed(format!("not {order}")),
        _ => Verdict::Worse("it puts no fragments together".to_owned()),
    })
}
