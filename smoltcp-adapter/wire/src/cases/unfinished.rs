//! Packets in fragments of which the rest never comes, or that can't be.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;
use smoltcp::wire::IpProtocol;

use crate::bench::fragment::{Part, fragment};
use crate::bench::{Bench, Body, Done, Feature, Heard, Said, Stop, Trait, Verdict, Wants, craft};

use super::fragments::{
    Echo, LEFT, NONE, Order, SHORT, is_answered, is_answered_at_once, number, reassembles,
};
use super::{LIVENESS, case};

/// Those that leave packets behind of which the rest never comes: who has a place for one alone takes no other for
/// a minute, and nothing that comes later may suffer from that. Those that wait for an error come first: who gives up
/// many at once tells of some alone.
pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "ip4/frag-expiry",
        Level::Should,
        "RFC 1122, 3.3.2",
        "Who gives up waiting for the rest of a packet says so to its sender",
        &[Wants::Echo, Wants::V4, Wants::Patience],
        expiry,
        "a sender whose fragments get lost is never told, or what came of them is kept for ever",
    ),
    case(
        "ip6/frag-expiry",
        Level::Should,
        "RFC 8200, 4.5",
        "Who gives up waiting for the rest of a packet over IPv6 says so to its sender",
        &[Wants::Echo6, Wants::Patience],
        expiry6,
        "a sender whose fragments get lost is never told, or what came of them is kept for ever",
    ),
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
        "ip6/frag-recovers",
        Level::Must,
        "RFC 8200, 4.5",
        "Packets over IPv6 of which the rest never comes are forgotten within 60 s: others, in fragments or not, are answered",
        &[Wants::Echo6, Wants::Patience],
        recovers6,
        "whoever loses some fragments takes all places for ever, and nothing in fragments is taken any more",
    ),
];

/// RFC 1122 recommends to wait for 60 to 120 s; who does isn't accused.
const LONGEST: Duration = Duration::from_secs(130);

/// RFC 8200 demands 60 s; timers may be coarse, and this machine busy.
const LONGEST6: Duration = Duration::from_secs(70);

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
    recovered(bench, LONGEST)
}

fn recovers6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    recovered(bench, LONGEST6)
}

/// Whether it takes fragments, at once or within this time, though none of 64 packets before ever ends.
fn recovered(bench: &mut Bench<'_>, most: Duration) -> Done {
    const MANY: usize = 64;
    if !reassembles(bench)? {
        return Ok(Verdict::Skipped(NONE));
    }
    for _ in 0..MANY {
        half(bench, Half::First)?;
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
    while bench.now() < started + most {
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
        most.as_secs()
    )))
}

/// Which part of a packet comes, of which the other never does.
#[derive(Clone, Copy, Debug)]
enum Half {
    First,
    Second,
}

/// Sends one half of an echo. The packet's number.
fn half(bench: &mut Bench<'_>, which: Half) -> Result<u32, Stop> {
    let (hop, ends, id) = (bench.hop(), bench.ends(), number(bench));
    let message = Echo::new(bench, ends, LEFT).message;
    let (offset, has_more) = match which {
        Half::First => (0, true),
        Half::Second => (LEFT / 2, false),
    };
    let part = Part {
        id,
        offset,
        has_more,
    };
    let bytes = message.get(offset..).unwrap_or_default();
    let bytes = match which {
        Half::First => bytes.get(..LEFT / 2).unwrap_or_default(),
        Half::Second => bytes,
    };
    bench.send(&fragment(hop, ends, craft::icmp_of(ends), part, bytes))?;
    Ok(id)
}

/// Time exceeded, while fragments of this packet were put together (RFC 792; RFC 4443, section 3.3).
fn is_given_up(heard: &Heard, id: u32) -> bool {
    let Said::Icmp {
        ends: (from, _),
        kind,
        code,
        quote,
    } = &heard.said
    else {
        return false;
    };
    // The packet's number: in the header of IPv4, and in the one of fragments behind that of IPv6.
    let (sort, number) = if from.is_ipv4() {
        ((11, 1), quote.get(4..6))
    } else {
        ((3, 1), quote.get(46..48))
    };
    let [.., high, low] = id.to_be_bytes();
    (*kind, *code) == sort && number == Some(&[high, low])
}

/// When it says that it gives a packet up, if it does until then.
fn given_up(bench: &mut Bench<'_>, id: u32, until: Instant) -> Result<Option<Instant>, Stop> {
    while let Some(heard) = bench.next(until)? {
        if is_given_up(&heard, id) {
            bench.looked_at(heard.number);
            return Ok(Some(heard.time));
        }
    }
    Ok(None)
}

fn expiry(bench: &mut Bench<'_>) -> Done {
    expired(bench, LONGEST)
}

fn expiry6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    expired(bench, LONGEST6)
}

/// Whether it says that it gives a packet up, and only of one whose first fragment it has.
fn expired(bench: &mut Bench<'_>, most: Duration) -> Done {
    /// So much longer may the second packet take.
    const COARSE: Duration = Duration::from_secs(3);
    if !reassembles(bench)? {
        return Ok(Verdict::Skipped(NONE));
    }
    let begun = bench.now();
    let id = half(bench, Half::First)?;
    bench.not_answered(bench.last_sent());
    let Some(time) = given_up(bench, id, begun + most)? else {
        let most = most.as_secs();
        return Ok(Verdict::Failed(format!("nothing comes within {most} s")));
    };
    let took = time.since(begun);
    if bench.ends().to == bench.setup.board {
        bench.portray(Feature::ReassemblyTime, Trait::Time(took));
    }
    // After the other, as some have room for one packet alone.
    let until = bench.now() + took + COARSE;
    let id = half(bench, Half::Second)?;
    let is_wrong = given_up(bench, id, until)?.is_some();
    Ok(Verdict::unless(is_wrong.then(|| {
        "of a packet whose first fragment never came it says so as well".to_owned()
    })))
}
