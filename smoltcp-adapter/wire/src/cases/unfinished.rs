//! Packets in fragments of which the rest never comes, or that can't be.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::IpProtocol;

use crate::bench::fragment::{Part, fragment};
use crate::bench::{Bench, Body, Done, Feature, Said, Trait, Verdict, Wants};

use super::fragments::{
    Echo, LEFT, NONE, Order, SHORT, is_answered, is_answered_at_once, number, reassembles,
};
use super::{LIVENESS, case};

/// Those that leave packets behind of which the rest never comes: who has a place for one alone takes no other for
/// a minute, and nothing that comes later may suffer from that.
pub(super) static CASES: [Case<Body>; 3] = [
    case(
        "ip4/frag-length",
        Level::Must,
        LIVENESS,
        "Fragments that can't be, of lengths and at places, harm nobody",
        &[Wants::V4, Wants::Patience],
        length,
        "a place in a packet is believed before it is looked at: what is written is beyond the buffer",
    ),
    case(
        "ip4/frag-recovers",
        Level::Must,
        "RFC 1122, 3.3.2",
        "Packets of which the rest never comes are forgotten: others, in fragments or not, are answered",
        &[Wants::Echo, Wants::V4, Wants::Patience],
        recovers,
        "whoever loses some fragments takes all places for ever, and nothing in fragments is taken any more",
    ),
    case(
        "ip4/frag-expiry",
        Level::Should,
        "RFC 1122, 3.3.2",
        "Who gives up waiting for the rest of a packet says so to its sender",
        &[Wants::Echo, Wants::V4, Wants::Patience],
        expiry,
        "a sender whose fragments get lost is never told, or what came of them is kept for ever",
    ),
];

fn length(bench: &mut Bench<'_>) -> Done {
    let (hop, ends) = (bench.hop(), bench.ends());
    let message = Echo::new(bench, ends, 56).message;
    let bytes = |len: usize| message.get(..len).unwrap_or_default();
    let mut frames = Vec::new();
    // Each with a number of its own.
    for (offset, has_more, len) in [
        (65_528, false, 64),
        (65_528, true, 64),
        (65_528, false, 8),
        (65_520, true, 16),
        (0, true, 1),
        (0, true, 7),
        (8, true, 13),
        (0, true, 8),
        (0, true, 0),
        (8, false, 0),
    ] {
        let part = Part {
            id: number(bench),
            offset,
            has_more,
        };
        frames.push(fragment(hop, ends, IpProtocol::Icmp, part, bytes(len)));
    }
    // Ends of one packet that contradict each other, the shorter one last.
    let id = number(bench);
    for (offset, has_more, len) in [(0, true, 16), (80, false, 16), (16, false, 8)] {
        let part = Part {
            id,
            offset,
            has_more,
        };
        frames.push(fragment(hop, ends, IpProtocol::Icmp, part, bytes(len)));
    }
    for frame in &frames {
        bench.send(frame)?;
        bench.pause(Duration::from_millis(3))?;
    }
    let is_alive = bench.is_alive()?;
    Ok(Verdict::unless(
        (!is_alive).then(|| "no echo is answered afterwards".to_owned()),
    ))
}

fn recovers(bench: &mut Bench<'_>) -> Done {
    const MANY: usize = 64;
    /// RFC 1122 recommends to wait for 60 to 120 s; who does isn't accused.
    const MOST: Duration = Duration::from_secs(130);
    if !reassembles(bench)? {
        return Ok(Verdict::Skipped(NONE));
    }
    let (hop, ends) = (bench.hop(), bench.ends());
    for _ in 0..MANY {
        let bytes = bench.fill(LEFT / 2);
        let part = Part {
            id: number(bench),
            offset: 0,
            has_more: true,
        };
        let frame = fragment(hop, ends, IpProtocol::Icmp, part, &bytes);
        bench.send(&frame)?;
        bench.pause(Duration::from_millis(3))?;
    }
    if !bench.is_alive()? {
        return Ok(Verdict::Failed(
            "no echo is answered that comes in one packet".to_owned(),
        ));
    }
    let started = bench.now();
    if is_answered(bench, (SHORT, 2, Order::Upward))? {
        return Ok(Verdict::Passed);
    }
    while bench.now() < started + MOST {
        bench.pause(Duration::from_secs(2))?;
        if is_answered_at_once(bench, (SHORT, 2, Order::Upward), 0)? {
            let after = bench.now().since(started).as_secs();
            return Ok(Verdict::Noted(format!(
                "one in fragments is answered again after {after} s"
            )));
        }
    }
    Ok(Verdict::Failed(format!(
        "none in fragments is answered within {} s",
        MOST.as_secs()
    )))
}

fn expiry(bench: &mut Bench<'_>) -> Done {
    /// As above.
    const MOST: Duration = Duration::from_secs(130);
    if !reassembles(bench)? {
        return Ok(Verdict::Skipped(NONE));
    }
    let (hop, ends) = (bench.hop(), bench.ends());
    let message = Echo::new(bench, ends, LEFT).message;
    let part = Part {
        id: number(bench),
        offset: 0,
        has_more: true,
    };
    let first = message.get(..LEFT / 2).unwrap_or_default();
    let frame = fragment(hop, ends, IpProtocol::Icmp, part, first);
    bench.send(&frame)?;
    let begun = bench.now();
    while let Some(heard) = bench.next(begun + MOST)? {
        // Time exceeded, while fragments were put together (RFC 792).
        let is_it = matches!(
            heard.said,
            Said::Icmp {
                kind: 11,
                code: 1,
                ..
            }
        );
        if is_it {
            let took = heard.time.since(begun);
            bench.portray(Feature::ReassemblyTime, Trait::Time(took));
            return Ok(Verdict::Passed);
        }
    }
    let most = MOST.as_secs();
    Ok(Verdict::Failed(format!("nothing comes within {most} s")))
}
