//! Echo and the rest of ICMP over IPv4. What asks over the version that the bench asks over serves the other
//! version as well.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::{EthernetAddress, IpCidr, IpProtocol};

use crate::bench::craft::{self, Ends, Hop};
use crate::bench::fragment::{Part, fragment};
use crate::bench::{Bench, Body, Done, Heard, Said, Verdict, Wants};

use super::strangers::is_search;
use super::udp::{self, CLOSED};
use super::{LIVENESS, case};

/// All hosts on the link (RFC 1112, section 4).
const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

pub(super) static CASES: [Case<Body>; 8] = [
    case(
        "icmp/echo",
        Level::Must,
        "RFC 1122, 3.2.2.6; RFC 4443, 4.2",
        "An echo request is answered, with its identifier, its number and all of its text",
        &[],
        echo,
        "the stack is built without ICMP, or drops it; most checks of the driver need it",
    ),
    case(
        "icmp/source",
        Level::Must,
        "RFC 1122, 3.2.2.6",
        "The reply comes from the address that was asked",
        &[Wants::Echo],
        source,
        "a host with several addresses answers from another one, and who asked throws that away",
    ),
    case(
        "icmp/checksum",
        Level::Should,
        "RFC 792",
        "An echo with a wrong checksum isn't answered",
        &[Wants::Echo, Wants::V4],
        checksum,
        "sums of what comes in aren't looked at: by the MAC that was told to, or by the stack",
    ),
    case(
        "icmp/checksum-zero",
        Level::Must,
        "RFC 1122, 3.2.2.6; RFC 1071",
        "An echo whose right checksum happens to be zero is answered",
        &[Wants::Echo, Wants::V4],
        checksum_zero,
        "zero is taken for `no checksum`, which only UDP has",
    ),
    case(
        "icmp/unknown",
        Level::Must,
        "RFC 1122, 3.2.2",
        "A message of an unknown type is ignored",
        &[Wants::V4],
        unknown,
        "it answers what it doesn't know",
    ),
    case(
        "icmp/truncated",
        Level::Must,
        LIVENESS,
        "Messages that are cut short harm nobody",
        &[Wants::V4],
        truncated,
        "a header is read before its length is looked at",
    ),
    case(
        "icmp/no-error-for",
        Level::Must,
        "RFC 1122, 3.2.2",
        "No error is sent for what went to many, comes from no single host, is a later fragment, or is an error",
        &[Wants::V4],
        no_error_for,
        "one broadcast makes all hosts of a network answer at once",
    ),
    case(
        "icmp/broadcast-echo",
        Level::May,
        "RFC 1122, 3.2.2.6",
        "An echo request that went to many isn't answered",
        &[Wants::Echo, Wants::V4],
        broadcast_echo,
        "one packet with a forged source makes all hosts of a network answer to whom it names",
    ),
];

/// Those that use up what a host sends of errors.
pub(super) static ROUGH: [Case<Body>; 1] = [case(
    "icmp/rate",
    Level::May,
    "RFC 1812, 4.3.2.8, of routers",
    "Errors have a limit: not each of 200 datagrams to closed ports gets one",
    &[Wants::Echo, Wants::V4],
    rate,
    "who forges a source makes it send as much to whom it names",
)];

fn is_echo_reply(heard: &Heard) -> bool {
    matches!(heard.said, Said::Echo { is_reply: true, .. })
}

pub(super) fn echo(bench: &mut Bench<'_>) -> Done {
    let text = bench.fill(56);
    let (frame, wanted) = bench.ping(&text);
    let Some(answer) = bench.ask(&frame, |heard| heard.is_reply_to(wanted))? else {
        return Ok(Verdict::Failed("no reply, three times".to_owned()));
    };
    let is_same = matches!(&answer.said, Said::Echo { data, .. } if *data == text);
    // Which bytes are wrong, and of which lengths, the checks of frames say.
    Ok(Verdict::unless(
        (!is_same).then(|| "the reply has another text".to_owned()),
    ))
}

pub(super) fn source(bench: &mut Bench<'_>) -> Done {
    let (frame, wanted) = bench.ping(b"from whom?");
    let ends = bench.ends();
    let Some(answer) = bench.ask(&frame, |heard| heard.is_reply_to(wanted))? else {
        return Ok(Verdict::Inconclusive("no reply, three times".to_owned()));
    };
    let Said::Echo { ends: came, .. } = answer.said else {
        return Ok(Verdict::Passed);
    };
    Ok(Verdict::unless((came != (ends.to, ends.from)).then(|| {
        format!("the reply goes from {} to {}", came.0, came.1)
    })))
}

/// A message of ICMP in a frame to the board.
pub(super) fn framed(bench: &Bench<'_>, ends: Ends, message: &[u8]) -> Vec<u8> {
    craft::ip(
        bench.hop(),
        ends,
        craft::icmp_of(ends),
        craft::HOPS,
        message,
    )
}

pub(super) fn checksum(bench: &mut Bench<'_>) -> Done {
    let (ends, ident) = (bench.ends(), bench.fresh());
    let before = bench.watch().clone();
    let frames = [1_u16, 0x0100, 0xffff].map(|bits| {
        let mut icmp = craft::echo(ends, false, ident, bits, b"a wrong sum");
        for (byte, bit) in icmp.iter_mut().skip(2).zip(bits.to_be_bytes()) {
            *byte ^= bit;
        }
        framed(bench, ends, &icmp)
    });
    let quiet = bench.quiet(
        &frames,
        |heard| matches!(heard.said, Said::Echo { is_reply: true, ident: came, .. } if came == ident),
    )?;
    let verdict = quiet.verdict("it is answered");
    if verdict != Verdict::Passed {
        // Who makes a reply of a request changes its sum by as much as both differ, and a wrong one stays wrong.
        bench.pause(bench.usual())?;
        bench.see_again(before);
    }
    Ok(verdict)
}

pub(super) fn checksum_zero(bench: &mut Bench<'_>) -> Done {
    let (ends, ident) = (bench.ends(), bench.fresh());
    let icmp = craft::echo(ends, false, ident, 1, &[0; 10]);
    // With its own sum in its text, the sum is zero.
    let sum = icmp.get(2..4).unwrap_or_default().to_vec();
    let mut icmp = craft::echo(ends, false, ident, 1, &[&[0; 8], &sum[..]].concat());
    craft::put(&mut icmp, 2, &[0, 0]);
    let frame = framed(bench, ends, &icmp);
    let answer = bench.ask(&frame, |heard| heard.is_reply_to((ident, 1)))?;
    Ok(Verdict::unless(
        answer.is_none().then(|| "no reply, three times".to_owned()),
    ))
}

fn unknown(bench: &mut Bench<'_>) -> Done {
    unknown_kinds(bench, [250, 42, 1])
}

/// Messages of types that nobody knows.
pub(super) fn unknown_kinds(bench: &mut Bench<'_>, kinds: [u8; 3]) -> Done {
    let (ends, ident) = (bench.ends(), bench.fresh());
    let frames = kinds.map(|kind| {
        let mut icmp = craft::echo(ends, false, ident, 7, b"what?");
        craft::put(&mut icmp, 0, &[kind]);
        craft::mend_icmp(ends, &mut icmp);
        framed(bench, ends, &icmp)
    });
    let quiet = bench.quiet(&frames, |heard| {
        is_error_to(heard, ends.from) || is_echo_of(heard, ident)
    })?;
    Ok(quiet.verdict("it is answered"))
}

/// Any message of ICMP to this address but echoes; over IPv6 only errors, as hosts there say more by themselves.
fn is_error_to(heard: &Heard, address: IpAddr) -> bool {
    matches!(heard.said, Said::Icmp { ends: (_, to), kind, .. }
        if to == address && (address.is_ipv4() || kind < 128))
}

fn is_echo_of(heard: &Heard, wanted: u16) -> bool {
    is_echo_reply(heard) && matches!(heard.said, Said::Echo { ident, .. } if ident == wanted)
}

fn truncated(bench: &mut Bench<'_>) -> Done {
    // Errors that quote nothing, or the beginning of a header.
    cut_short(bench, &[(3, 0), (3, 7), (3, 19), (11, 20), (12, 3), (5, 0)])
}

/// Echoes without a whole header, and errors of these types whose quotes have so many bytes.
pub(super) fn cut_short(bench: &mut Bench<'_>, errors: &[(u8, usize)]) -> Done {
    let (ends, ident) = (bench.ends(), bench.fresh());
    let whole = craft::echo(ends, false, ident, 9, b"");
    let mut frames: Vec<_> = (0..8)
        .map(|len| {
            let mut icmp = whole.get(..len).unwrap_or_default().to_vec();
            if len >= 4 {
                craft::mend_icmp(ends, &mut icmp);
            }
            framed(bench, ends, &icmp)
        })
        .collect();
    let version = if ends.to.is_ipv4() { 0x45 } else { 0x60 };
    for (kind, len) in errors {
        let mut icmp = vec![version; 8 + len];
        craft::put(&mut icmp, 0, &[*kind, 0, 0, 0, 0, 0, 0, 0]);
        craft::mend_icmp(ends, &mut icmp);
        frames.push(framed(bench, ends, &icmp));
    }
    let quiet = bench.quiet(&frames, |heard| is_echo_of(heard, ident))?;
    Ok(quiet.verdict("a message without a whole header is answered"))
}

fn no_error_for(bench: &mut Bench<'_>) -> Done {
    let unicast = bench.ends();
    let to = |address| Ends {
        to: IpAddr::V4(address),
        ..unicast
    };
    let from = |address| Ends {
        from: IpAddr::V4(address),
        ..unicast
    };
    let own = bench.hop().to;
    let of_any = no_error_for_any(
        bench,
        &[
            (
                EthernetAddress::BROADCAST,
                unicast,
                "a packet for it alone in a broadcast frame",
            ),
            (
                EthernetAddress::BROADCAST,
                to(Ipv4Addr::BROADCAST),
                "one to 255.255.255.255",
            ),
            (
                EthernetAddress([1, 0, 0x5e, 0, 0, 1]),
                to(ALL_SYSTEMS),
                "one to 224.0.0.1",
            ),
            (own, from(ALL_SYSTEMS), "one from 224.0.0.1"),
            (own, from(Ipv4Addr::BROADCAST), "one from 255.255.255.255"),
            (own, from(Ipv4Addr::UNSPECIFIED), "one from 0.0.0.0"),
        ],
    )?;
    let of_later = no_error_for_later(bench)?;
    // Of each kind, and of a code that nobody knows.
    let of_errors = no_error_for_errors(
        bench,
        &[(3, 3), (3, 2), (3, 200), (4, 0), (11, 0), (11, 1), (12, 0)],
        &[],
    )?;
    Ok(both(both(of_any, of_later), of_errors))
}

/// What two parts of a check have come to.
pub(super) fn both(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Failed(one), Verdict::Failed(other)) => {
            Verdict::Failed(format!("{one}; {other}"))
        }
        (failed @ Verdict::Failed(_), _) | (_, failed @ Verdict::Failed(_)) => failed,
        (Verdict::Passed, verdict) | (verdict, _) => verdict,
    }
}

/// Errors of these types and codes, of a datagram that the board never sent, bare and behind these bytes of a header
/// for IPv6's destination.
pub(super) fn no_error_for_errors(
    bench: &mut Bench<'_>,
    kinds: &[(u8, u8)],
    options: &[u8],
) -> Done {
    let ends = bench.ends();
    let back = Ends {
        from: ends.to,
        to: ends.from,
    };
    let datagram = craft::udp(back, CLOSED, 40_011, b"nobody is here");
    let quoted = craft::ip(bench.hop(), back, IpProtocol::Udp, craft::HOPS, &datagram);
    let quoted = quoted.get(craft::ETHERNET..).unwrap_or_default();
    let mut frames = Vec::new();
    for (kind, code) in kinds {
        let mut icmp = [&[*kind, *code, 0, 0, 0, 0, 0, 0], quoted].concat();
        craft::mend_icmp(ends, &mut icmp);
        frames.push(framed(bench, ends, &icmp));
        if !options.is_empty() {
            let next = u8::from(craft::icmp_of(ends));
            let body = [&[next, 0], options, &icmp].concat();
            let (hop, options) = (bench.hop(), IpProtocol::Ipv6Opts);
            frames.push(craft::ip(hop, ends, options, craft::HOPS, &body));
        }
    }
    let quiet = bench.quiet(&frames, |heard| is_error_to(heard, ends.from))?;
    Ok(quiet.verdict("an error comes for an error"))
}

/// A fragment that isn't its packet's first, and that looks like a datagram to a closed port.
fn no_error_for_later(bench: &mut Bench<'_>) -> Done {
    /// Offsets count in units of so many bytes.
    const UNIT: usize = 8;
    let (hop, ends) = (bench.hop(), bench.ends());
    let datagram = craft::udp(ends, 40_010, CLOSED, b"nobody is here");
    let id = bench.fresh().into();
    let part = |offset, has_more| Part {
        id,
        offset,
        has_more,
    };
    let later = fragment(hop, ends, IpProtocol::Udp, part(UNIT, false), &datagram);
    let quiet = bench.quiet(&[later], udp::is_unreachable)?;
    // The rest, lest its place be taken; what is said of the whole doesn't matter.
    let first = datagram.get(..UNIT).unwrap_or_default();
    let first = fragment(hop, ends, IpProtocol::Udp, part(0, true), first);
    bench.send(&first)?;
    bench.pause(bench.usual())?;
    Ok(quiet.verdict("an error comes for a fragment that isn't its packet's first"))
}

/// Datagrams to a closed port that went to many, each in words.
pub(super) fn no_error_for_any(
    bench: &mut Bench<'_>,
    ways: &[(EthernetAddress, Ends, &str)],
) -> Done {
    let own = bench.ends().from;
    let mut came = Vec::new();
    for (hardware, ends, what) in ways {
        let hop = Hop {
            to: *hardware,
            ..bench.hop()
        };
        let datagram = craft::udp(*ends, 40_009, CLOSED, b"nobody is here");
        let frame = craft::ip(hop, *ends, IpProtocol::Udp, craft::HOPS, &datagram);
        // Whoever asks where to send an error would have sent it.
        let quiet = bench.quiet(&[frame], |heard| {
            udp::is_unreachable(heard) || ends.from != own && is_search(heard, ends.from)
        })?;
        match quiet.verdict(what) {
            Verdict::Failed(what) => came.push(what),
            Verdict::Passed => {}
            verdict => return Ok(verdict),
        }
    }
    Ok(Verdict::unless((!came.is_empty()).then(|| {
        format!("an error comes for {}", came.join(", and for "))
    })))
}

fn broadcast_echo(bench: &mut Bench<'_>) -> Done {
    let Some((_, board)) = bench.v4() else {
        return Ok(Verdict::Skipped("it is asked over IPv6"));
    };
    let (unicast, ident) = (bench.ends(), bench.fresh());
    let of_network = bench.setup.address;
    let of_network = match of_network {
        IpCidr::Ipv4(network) => network.broadcast(),
        IpCidr::Ipv6(_) => None,
    };
    let mut frames = Vec::new();
    for address in [Some(Ipv4Addr::BROADCAST), of_network, Some(ALL_SYSTEMS)] {
        let Some(address) = address.filter(|address| *address != board) else {
            continue;
        };
        let ends = Ends {
            to: address.into(),
            ..unicast
        };
        let icmp = craft::echo(ends, false, ident, 1, b"to everybody");
        // The frame goes to the board alone: others aren't asked.
        frames.push(framed(bench, ends, &icmp));
    }
    let quiet = bench.quiet(&frames, |heard| is_echo_of(heard, ident))?;
    Ok(quiet.verdict("it is answered"))
}

/// As many datagrams to closed ports as make a limit show, whatever it is.
pub(super) fn rate(bench: &mut Bench<'_>) -> Done {
    const MANY: u16 = 200;
    let ends = bench.ends();
    let datagram = |bench: &Bench<'_>, port| {
        let datagram = craft::udp(ends, port, CLOSED, b"is anybody here?");
        craft::ip(bench.hop(), ends, IpProtocol::Udp, craft::HOPS, &datagram)
    };
    let first = datagram(bench, 40_200);
    if bench.ask(&first, udp::is_unreachable)?.is_none() {
        return Ok(Verdict::Skipped("it sends no errors"));
    }
    let mut errors = 0;
    let begun = bench.now();
    for number in 0..MANY {
        let frame = datagram(bench, 41_000 + number);
        bench.send(&frame)?;
        let until = bench.now() + Duration::from_millis(2);
        // The next goes as soon as there is an error: some limits are as high as 1000 in a second.
        while let Some(heard) = bench.next(until)? {
            if udp::is_unreachable(&heard) {
                errors += 1;
                bench.looked_at(heard.number);
                break;
            }
        }
    }
    let took = bench.now().since(begun);
    let until = bench.now() + bench.usual();
    while let Some(heard) = bench.next(until)? {
        if udp::is_unreachable(&heard) {
            errors += 1;
            bench.looked_at(heard.number);
        }
    }
    // Some may be lost.
    let is_limited = errors * 10 < usize::from(MANY) * 9;
    Ok(Verdict::unless((!is_limited).then(|| {
        format!("{errors} errors come for {MANY} datagrams within {took:.1?}")
    })))
}
