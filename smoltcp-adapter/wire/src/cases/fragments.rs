//! Packets in fragments, of either version: put together whatever their order, and apart from others.

use core::net::IpAddr;
use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::IpProtocol;

use crate::bench::craft::{self, Ends};
use crate::bench::fragment::{Part, cut, fragment};
use crate::bench::{Bench, Body, Done, Feature, PATIENCE, Said, Stop, Trait, Verdict, Wants};

use super::case;
use super::udp::CLOSED;

pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "ip4/fragments",
        Level::Must,
        "RFC 1122, 3.3.2; RFC 791, 3.2",
        "An echo in fragments is answered whatever their order, up to 576 bytes, and should be up to 1500",
        &[Wants::Echo, Wants::V4],
        over_ip4,
        "messages that are longer than a link on their way takes are lost, all of them",
    ),
    case(
        "ip4/frag-key",
        Level::Must,
        "RFC 791, 3.2",
        "Fragments of packets that come at once are kept apart by number, protocol and source",
        &[Wants::Echo, Wants::V4],
        key,
        "packets of two senders, or of two protocols, are mixed, or spoil each other",
    ),
    case(
        "ip4/frag-overlap",
        Level::May,
        "RFC 1858, 4",
        "A packet whose fragments overlap with other bytes isn't put together",
        &[Wants::Echo, Wants::V4],
        overlap4,
        "what a filter has seen isn't what is taken: a later fragment changes an earlier one",
    ),
    case(
        "ip6/fragments",
        Level::Must,
        "RFC 8200, 4.5 and 5",
        "An echo over IPv6 in fragments is answered whatever their order, up to 1500 bytes",
        &[Wants::Echo6],
        over_ip6,
        "over IPv6 nobody on the way cuts packets, but senders do: what is longer than a link takes is lost",
    ),
    case(
        "ip6/frag-overlap",
        Level::Must,
        "RFC 5722, 4; RFC 8200, 4.5",
        "A packet over IPv6 whose fragments overlap is thrown away",
        &[Wants::Echo6],
        overlap6,
        "what a filter has seen isn't what is taken: a later fragment changes an earlier one",
    ),
];

/// Why a check of fragments isn't run.
pub(super) const NONE: &str = "it puts no fragments together";

/// In which order fragments come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Upward,
    Downward,
    /// The first of them twice.
    Twice,
}

/// An echo of so many bytes, as what a packet carries, and what its reply has.
pub(super) struct Echo {
    pub(super) message: Vec<u8>,
    number: (u16, u16),
    data: Vec<u8>,
}

impl Echo {
    pub(super) fn new(bench: &mut Bench<'_>, ends: Ends, len: usize) -> Self {
        let data = bench.fill(len);
        let number = (bench.fresh(), 1);
        Self {
            message: craft::echo(ends, false, number.0, number.1, &data),
            number,
            data,
        }
    }
}

/// So often something is sent of which one frame may be lost: with one of twenty lost, and nine frames, all
/// tries fail once in 20,000 times.
const TRIES: usize = 10;

/// Sends frames that are no burst.
fn send(bench: &mut Bench<'_>, frames: &[Vec<u8>]) -> Result<(), Stop> {
    for frame in frames {
        bench.send(frame)?;
        // What comes is looked at afterwards.
        let until = bench.now() + Duration::from_millis(1);
        while bench.now() < until {
            bench.frames.wait(until)?;
        }
        bench.drain()?;
    }
    Ok(())
}

/// Waits for the replies to these echoes, less long once some were waited for. Which of them came right.
fn replies(
    bench: &mut Bench<'_>,
    echoes: &[&Echo],
    tried: usize,
) -> Result<Vec<Option<bool>>, Stop> {
    let mut came = vec![None; echoes.len()];
    let patience = if tried < 2 { PATIENCE } else { bench.usual() };
    bench.not_answered(bench.last_sent());
    let until = bench.now() + patience;
    while came.contains(&None)
        && let Some(heard) = bench.next(until)?
    {
        for (echo, came) in echoes.iter().zip(&mut came) {
            if heard.is_reply_to(echo.number)
                && let Said::Echo { data, .. } = &heard.said
            {
                *came = Some(*data == echo.data);
                bench.looked_at(heard.number);
            }
        }
    }
    Ok(came)
}

/// A number for a packet that none had before.
pub(super) fn number(bench: &mut Bench<'_>) -> u32 {
    u32::from(bench.fresh())
}

/// Whether an echo is answered that comes so.
pub(super) fn is_answered(
    bench: &mut Bench<'_>,
    (len, count, order): (usize, usize, Order),
) -> Result<bool, Stop> {
    for tried in 0..TRIES {
        if is_answered_at_once(bench, (len, count, order), tried)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn is_answered_at_once(
    bench: &mut Bench<'_>,
    (len, count, order): (usize, usize, Order),
    tried: usize,
) -> Result<bool, Stop> {
    let ends = bench.ends();
    let echo = Echo::new(bench, ends, len);
    let (protocol, id) = (craft::icmp_of(ends), number(bench));
    let mut frames = cut(bench.hop(), ends, protocol, id, count, &echo.message);
    match order {
        Order::Upward => {}
        Order::Downward => frames.reverse(),
        Order::Twice => {
            let first = frames.first().cloned();
            frames.splice(0..0, first);
        }
    }
    send(bench, &frames)?;
    Ok(replies(bench, &[&echo], tried)? == [Some(true)])
}

/// Sends all of a small packet with this number, so that one ends of which something was left. A host that has a
/// place for one alone would take no other for a minute.
fn finish(bench: &mut Bench<'_>, id: u32) -> Result<(), Stop> {
    let (hop, ends) = (bench.hop(), bench.ends());
    let message = Echo::new(bench, ends, LEFT - 8).message;
    let frames = cut(hop, ends, craft::icmp_of(ends), id, 2, &message);
    send(bench, &frames)?;
    // A reply is nobody's.
    bench.pause(Duration::from_millis(20))
}

/// Whether an echo in one packet comes back right, which one in fragments can't do better.
fn is_answered_whole(bench: &mut Bench<'_>, len: usize) -> Result<bool, Stop> {
    for tried in 0..TRIES {
        let ends = bench.ends();
        let echo = Echo::new(bench, ends, len);
        let protocol = craft::icmp_of(ends);
        let frame = craft::ip(bench.hop(), ends, protocol, craft::HOPS, &echo.message);
        bench.send(&frame)?;
        if replies(bench, &[&echo], tried)? == [Some(true)] {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether it puts anything together, in two fragments in order.
pub(super) fn reassembles(bench: &mut Bench<'_>) -> Result<bool, Stop> {
    let is_known = match (bench.ends().to, bench.reassembles) {
        (IpAddr::V4(_), Some(known)) => return Ok(known),
        (IpAddr::V4(_), None) => false,
        (IpAddr::V6(_), _) => true,
    };
    let does = is_answered(bench, (SHORT, 2, Order::Upward))?;
    if !is_known {
        bench.reassembles = Some(does);
    }
    Ok(does)
}

/// How long what a packet carries is that is finished.
pub(super) const LEFT: usize = 96;

/// What an echo carries that has nothing to do with lengths.
pub(super) const SHORT: usize = 120;

/// In a packet of 576 bytes.
const SMALL: usize = 576 - 28;

fn over_ip4(bench: &mut Bench<'_>) -> Done {
    bench.reassembles = None;
    in_fragments(bench, SMALL)
}

fn over_ip6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    in_fragments(bench, 1500 - 48)
}

/// Echoes of which those up to a length must be answered.
fn in_fragments(bench: &mut Bench<'_>, due: usize) -> Done {
    if !is_answered_whole(bench, SHORT)? {
        return Ok(Verdict::Skipped("no echo of that length comes back right"));
    }
    if !reassembles(bench)? {
        // What needs no fragments works, and most of what a small board does needs none.
        return Ok(Verdict::Worse(NONE.to_owned()));
    }
    let most = bench.frames.mtu().min(1500);
    let most = most.saturating_sub(if bench.ends().to.is_ipv4() { 28 } else { 48 });
    for len in [due.min(most), most] {
        if !is_answered_whole(bench, len)? {
            continue; // which is another check's
        }
        for order in [Order::Upward, Order::Downward, Order::Twice] {
            for count in [2, 3, 8] {
                if is_answered(bench, (len, count, order))? {
                    let whole = u64::try_from(len).unwrap_or(u64::MAX);
                    // Of the version that the board was named by.
                    if bench.ends().to == bench.setup.board {
                        bench.portray(Feature::Reassembly, Trait::Bytes(whole));
                    }
                    continue;
                }
                let how = match order {
                    Order::Upward => "in order",
                    Order::Downward => "the last first",
                    Order::Twice => "in order, the first of them twice",
                };
                let what =
                    format!("an echo of {len} bytes in {count} fragments, {how}, isn't answered");
                // Who drops a packet of which a part came twice is no worse off than who lost it.
                let is_due = len <= due && !matches!(order, Order::Twice);
                return Ok(if is_due {
                    Verdict::Failed(what)
                } else {
                    Verdict::Worse(what)
                });
            }
        }
    }
    Ok(Verdict::Passed)
}

fn key(bench: &mut Bench<'_>) -> Done {
    if !reassembles(bench)? {
        return Ok(Verdict::Skipped(NONE));
    }
    if !both(bench)? {
        return Ok(Verdict::Noted(
            "of two packets whose fragments come in turn not both are put together".to_owned(),
        ));
    }
    for other in [Other::Protocol, Other::Source] {
        if matches!(other, Other::Source) && !bench.setup.is_alone {
            continue;
        }
        let mut is_right = false;
        for tried in 0..TRIES {
            is_right = beside(bench, other, tried)?;
            if is_right {
                break;
            }
        }
        if !is_right {
            let of = match other {
                Other::Protocol => "of another protocol",
                Other::Source => "from another address",
            };
            return Ok(Verdict::Failed(format!(
                "an echo isn't answered while fragments {of} come that have the same number"
            )));
        }
    }
    Ok(Verdict::Passed)
}

/// Whether two packets with numbers of their own are both answered whose fragments come in turn.
fn both(bench: &mut Bench<'_>) -> Result<bool, Stop> {
    // If chance fails all of these, nothing worse than a note comes of it.
    for tried in 0..4 {
        let ends = bench.ends();
        let [a, b] = [(); 2].map(|()| Echo::new(bench, ends, 200));
        let ids = [number(bench), number(bench)];
        let of = |bench: &Bench<'_>, echo: &Echo, id| {
            cut(bench.hop(), ends, IpProtocol::Icmp, id, 2, &echo.message)
        };
        let (first, second) = (of(bench, &a, ids[0]), of(bench, &b, ids[1]));
        send(bench, &in_turn(&first, &second))?;
        if replies(bench, &[&a, &b], tried)? == [Some(true), Some(true)] {
            return Ok(true);
        }
        // Of the second one the last may wait alone, and for the first: it comes, and as little as it takes.
        for frame in &second {
            send(bench, core::slice::from_ref(frame))?;
            if replies(bench, &[&b], 0)? == [Some(true)] {
                break;
            }
        }
    }
    Ok(false)
}

/// One of these, one of those.
fn in_turn(first: &[Vec<u8>], second: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let pairs = first.iter().zip(second);
    pairs
        .flat_map(|(one, other)| [one.clone(), other.clone()])
        .collect()
}

/// What another packet differs in that has the same number.
#[derive(Clone, Copy, Debug)]
enum Other {
    Protocol,
    Source,
}

/// Whether an echo is answered while the fragments of another packet with the same number come between its
/// own.
fn beside(bench: &mut Bench<'_>, other: Other, tried: usize) -> Result<bool, Stop> {
    let (hop, ends, id) = (bench.hop(), bench.ends(), number(bench));
    let echo = Echo::new(bench, ends, 200);
    let own = cut(hop, ends, IpProtocol::Icmp, id, 2, &echo.message);
    let foreign = match other {
        Other::Protocol => {
            let text = bench.fill(200);
            let datagram = craft::udp(ends, 40_300, CLOSED, &text);
            cut(hop, ends, IpProtocol::Udp, id, 2, &datagram)
        }
        Other::Source => {
            let Some((own, _)) = bench.v4() else {
                return Ok(true);
            };
            let from = core::net::Ipv4Addr::from_bits(own.to_bits() ^ 0x36);
            bench.others.push((from, hop.from));
            let ends = Ends {
                from: from.into(),
                ..ends
            };
            let other = Echo::new(bench, ends, 200);
            cut(hop, ends, IpProtocol::Icmp, id, 2, &other.message)
        }
    };
    send(bench, &in_turn(&own, &foreign))?;
    Ok(replies(bench, &[&echo], tried)? == [Some(true)])
}

fn overlap4(bench: &mut Bench<'_>) -> Done {
    if !reassembles(bench)? {
        return Ok(Verdict::Skipped(NONE));
    }
    overlap(bench)
}

fn overlap6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    if !reassembles(bench)? {
        return Ok(Verdict::Skipped(NONE));
    }
    overlap(bench)
}

/// Fragments of which the second has other bytes where the first has some: its sum fits whichever are taken.
fn overlap(bench: &mut Bench<'_>) -> Done {
    let (hop, ends) = (bench.hop(), bench.ends());
    let (protocol, id) = (craft::icmp_of(ends), number(bench));
    let echo = Echo::new(bench, ends, LEFT - 8);
    let mut swapped = echo.message.clone();
    // The words change their places, and their sum stays.
    swapped[32..48].rotate_left(2);
    let part = |offset, has_more| Part {
        id,
        offset,
        has_more,
    };
    let piece = |bytes: &[u8], from, to| bytes.get(from..to).unwrap_or_default().to_vec();
    let frames = [
        (part(0, true), piece(&echo.message, 0, 48)),
        (part(32, true), piece(&swapped, 32, 80)),
        (part(80, false), piece(&echo.message, 80, LEFT)),
    ]
    .map(|(part, bytes)| fragment(hop, ends, protocol, part, &bytes));
    let quiet = bench.quiet(&frames, |heard| heard.is_reply_to(echo.number))?;
    finish(bench, id)?;
    Ok(quiet.verdict("it is put together, and answered"))
}
