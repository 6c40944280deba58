//! Headers of IPv4: whose packet it is, what is wrong with it, and what it says beside that.

use core::net::Ipv4Addr;

use greet_core::probe::{Case, Level};
use smoltcp::wire::{ArpOperation, IpCidr, IpProtocol};

use crate::bench::craft::{self, ETHERNET, Ends};
use crate::bench::{Bench, Body, Done, Feature, Heard, Quiet, Said, Stop, Trait, Verdict, Wants};

use super::{LIVENESS, arp, case};

pub(super) static CASES: [Case<Body>; 11] = [
    case(
        "ip4/not-mine",
        Level::Must,
        "RFC 1122, 3.2.1.3",
        "A packet for another IP address isn't answered, though its frame is for this host",
        &[Wants::Echo, Wants::V4],
        not_mine,
        "the destination's address isn't looked at, or packets are forwarded",
    ),
    case(
        "ip4/checksum",
        Level::Must,
        "RFC 1122, 3.2.1.2",
        "A packet with a wrong header checksum is thrown away",
        &[Wants::Echo, Wants::V4],
        checksum,
        "nobody looks at the header's sum: the MAC that was told to, or the stack",
    ),
    case(
        "ip4/version",
        Level::Must,
        "RFC 1122, 3.2.1.1",
        "A packet of another version than 4 is thrown away",
        &[Wants::Echo, Wants::V4],
        version,
        "the version isn't looked at",
    ),
    case(
        "ip4/ttl",
        Level::Must,
        "RFC 1122, 3.2.1.7",
        "A packet for it is taken even if its time to live has run out",
        &[Wants::Echo, Wants::V4],
        ttl,
        "a host throws away what only a router may",
    ),
    case(
        "ip4/length",
        Level::Must,
        LIVENESS,
        "Lengths that can't be are no harm",
        &[Wants::V4],
        length,
        "lengths of a header are believed: what is read or copied is beyond the frame",
    ),
    case(
        "ip4/options",
        Level::Must,
        "RFC 1122, 3.2.1.8",
        "Options that it doesn't know or need are skipped: none, a record of the route, a timestamp, an unknown one",
        &[Wants::Echo, Wants::V4],
        options,
        "a header of more than 20 bytes is taken for a wrong one",
    ),
    case(
        "ip4/source-route",
        Level::May,
        "RFC 1122, 3.3.5",
        "A packet that says by itself where it wants to go on isn't sent on",
        &[Wants::Echo, Wants::V4],
        source_route,
        "a host sends packets for whoever forges them, past filters that look at where they come from",
    ),
    case(
        "ip4/protocol",
        Level::Should,
        "RFC 1122, 3.2.2.1",
        "A packet of a protocol that it doesn't know is answered by `protocol unreachable`",
        &[Wants::Echo, Wants::V4],
        protocol,
        "who asks waits for nothing, where it could be told at once",
    ),
    case(
        "ip4/martian",
        Level::Must,
        "RFC 1122, 3.2.1.3",
        "An echo that comes from the address of no single host isn't answered",
        &[Wants::Echo, Wants::V4],
        martian,
        "one packet with a forged source makes it send to everybody, or to itself",
    ),
    case(
        "ip4/land",
        Level::Must,
        LIVENESS,
        "An echo that comes from its own address harms nobody",
        &[Wants::Echo, Wants::V4],
        land,
        "it answers itself, without end",
    ),
    case(
        "ip4/id",
        Level::May,
        "RFC 6864, 4.3",
        "Packets that may be cut on their way have numbers of their own",
        &[Wants::Echo, Wants::V4],
        numbers,
        "fragments of two packets are put together as one, wherever a link on the way is short",
    ),
];

/// An echo in a frame to the board, with the header edited and its sum made to fit.
fn edited(bench: &mut Bench<'_>, edit: impl Fn(&mut [u8])) -> (Vec<u8>, (u16, u16)) {
    let (mut frame, wanted) = bench.ping(b"an edited header");
    let header = frame.get_mut(ETHERNET..).unwrap_or_default();
    edit(header);
    craft::mend_ip4(&mut frame);
    (frame, wanted)
}

fn is_reply(heard: &Heard, among: &[(u16, u16)]) -> bool {
    among.iter().any(|wanted| heard.is_reply_to(*wanted))
}

fn not_mine(bench: &mut Bench<'_>) -> Done {
    let Some((own, board)) = bench.v4() else {
        return Ok(Verdict::Skipped("it is asked over IPv6"));
    };
    let ends = Ends {
        from: own.into(),
        to: arp::foreign(bench, board).into(),
    };
    let ident = bench.fresh();
    let icmp = craft::echo(ends, false, ident, 1, b"not for you");
    let frame = craft::ip(bench.hop(), ends, IpProtocol::Icmp, craft::HOPS, &icmp);
    let quiet = bench.quiet(&[frame], |heard| {
        heard.is_reply_to((ident, 1)) || matches!(heard.said, Said::Icmp { .. })
    })?;
    Ok(quiet.verdict("it is answered"))
}

fn checksum(bench: &mut Bench<'_>) -> Done {
    let mut wanted = Vec::new();
    let frames = [1_u8, 0x80, 0xff].map(|bits| {
        let (mut frame, number) = bench.ping(b"a wrong header");
        if let Some(byte) = frame.get_mut(ETHERNET + 10) {
            *byte ^= bits;
        }
        wanted.push(number);
        frame
    });
    let quiet = bench.quiet(&frames, |heard| is_reply(heard, &wanted))?;
    Ok(quiet.verdict("it is answered"))
}

fn version(bench: &mut Bench<'_>) -> Done {
    let mut wanted = Vec::new();
    let frames = [0x55, 0x65, 0x05].map(|first| {
        let (frame, number) = edited(bench, |header| craft::put(header, 0, &[first]));
        wanted.push(number);
        frame
    });
    let quiet = bench.quiet(&frames, |heard| is_reply(heard, &wanted))?;
    Ok(quiet.verdict("it is answered"))
}

fn ttl(bench: &mut Bench<'_>) -> Done {
    for hops in [1, 0] {
        let (frame, wanted) = edited(bench, |header| craft::put(header, 8, &[hops]));
        let answer = bench.ask(&frame, |heard| heard.is_reply_to(wanted))?;
        if answer.is_none() {
            return Ok(Verdict::Failed(format!("no reply to one of {hops}")));
        }
    }
    Ok(Verdict::Passed)
}

fn length(bench: &mut Bench<'_>) -> Done {
    let mut wanted = Vec::new();
    let mut frames = Vec::new();
    // The header's length in words, and the packet's in bytes.
    for (words, bytes) in [
        (5, 0),
        (5, 19),
        (5, 1500),
        (5, 0xffff),
        (4, 44),
        (0, 44),
        (15, 44),
        (6, 20),
    ] {
        let (frame, number) = edited(bench, |header| {
            craft::put(header, 0, &[0x40 | words]);
            craft::put(header, 2, &u16::to_be_bytes(bytes));
        });
        wanted.push(number);
        frames.push(frame);
    }
    let quiet = bench.quiet(&frames, |heard| is_reply(heard, &wanted))?;
    Ok(match quiet.verdict("one of them is answered") {
        Verdict::Failed(came) => Verdict::Worse(came),
        verdict => verdict,
    })
}

fn options(bench: &mut Bench<'_>) -> Done {
    for (options, what) in [
        (&[1, 1, 1, 1][..], "options that do nothing"),
        (&[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0], "a record of its route"),
        (&[68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0], "timestamps"),
        // For experiments (RFC 4727, section 3.2).
        (&[30, 4, 1, 2], "an unknown option"),
    ] {
        let (mut frame, wanted) = bench.ping(b"behind options");
        craft::add_options(&mut frame, options);
        if bench
            .ask(&frame, |heard| heard.is_reply_to(wanted))?
            .is_none()
        {
            return Ok(Verdict::Failed(format!(
                "an echo with {what} isn't answered"
            )));
        }
    }
    Ok(Verdict::Passed)
}

fn source_route(bench: &mut Bench<'_>) -> Done {
    let Some((own, _)) = bench.v4() else {
        return Ok(Verdict::Skipped("it is asked over IPv6"));
    };
    let mut sent_on = Vec::new();
    // A loose one and a strict one, which go on to here.
    let frames = [131, 137].map(|kind| {
        let (mut frame, wanted) = bench.ping(b"go on");
        sent_on.push(wanted.0);
        let route = [&[kind, 7, 4][..], &own.octets()].concat();
        craft::add_options(&mut frame, &route);
        frame
    });
    // It may be answered, by the way that it came (RFC 1122, 3.2.2.6), or not.
    let quiet = bench.quiet(&frames, |heard| {
        matches!(heard.said, Said::Echo { is_reply: false, ident, .. } if sent_on.contains(&ident))
    })?;
    Ok(quiet.verdict("it is sent on"))
}

fn protocol(bench: &mut Bench<'_>) -> Done {
    unknown_protocol(bench, (3, 2))
}

/// A protocol that nobody knows, and the error of ICMP that says so, by its type and code.
pub(super) fn unknown_protocol(bench: &mut Bench<'_>, error: (u8, u8)) -> Done {
    /// For experiments (RFC 3692).
    const UNKNOWN: u8 = 253;
    let ends = bench.ends();
    let frame = craft::ip(
        bench.hop(),
        ends,
        UNKNOWN.into(),
        craft::HOPS,
        b"what is this?",
    );
    let answer = bench.ask(&frame, |heard| {
        matches!(heard.said, Said::Icmp { ends: (_, to), kind, code, .. } if to == ends.from && (kind, code) == error)
    })?;
    Ok(Verdict::unless(
        answer
            .is_none()
            .then(|| "no answer, three times".to_owned()),
    ))
}

fn martian(bench: &mut Bench<'_>) -> Done {
    let nobody = [
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(224, 0, 0, 1),
        Ipv4Addr::UNSPECIFIED,
    ];
    let verdict = from_all_of(bench, &nobody)?.verdict("one of them is answered");
    let of_network = match bench.setup.address {
        IpCidr::Ipv4(network) => network.broadcast(),
        IpCidr::Ipv6(_) => None,
    };
    let (Verdict::Passed, Some(of_network)) = (&verdict, of_network) else {
        return Ok(verdict);
    };
    // Linux takes this one, unless its reverse path filter is on.
    let quiet = from_all_of(bench, &[of_network])?;
    Ok(
        match quiet.verdict(&format!("one from {of_network} is answered")) {
            Verdict::Failed(came) => Verdict::Noted(came),
            verdict => verdict,
        },
    )
}

/// Echoes to the board from each of these addresses.
fn from_all_of(bench: &mut Bench<'_>, sources: &[Ipv4Addr]) -> Result<Quiet, Stop> {
    let (ends, ident) = (bench.ends(), bench.fresh());
    let frames: Vec<_> = sources
        .iter()
        .map(|from| {
            let ends = Ends {
                from: (*from).into(),
                ..ends
            };
            let icmp = craft::echo(ends, false, ident, 1, b"from nobody");
            craft::ip(bench.hop(), ends, IpProtocol::Icmp, craft::HOPS, &icmp)
        })
        .collect();
    // Whoever asks where to send an answer would have sent it.
    bench.quiet(&frames, |heard| match heard.said {
        Said::Arp {
            operation: ArpOperation::Request,
            target: (_, whom),
            ..
        } => sources.contains(&whom),
        _ => heard.is_reply_to((ident, 1)),
    })
}

fn land(bench: &mut Bench<'_>) -> Done {
    let Some((_, board)) = bench.v4() else {
        return Ok(Verdict::Skipped("it is asked over IPv6"));
    };
    let ends = Ends {
        from: board.into(),
        to: board.into(),
    };
    let icmp = craft::echo(ends, false, bench.fresh(), 1, b"from yourself");
    let frame = craft::ip(bench.hop(), ends, IpProtocol::Icmp, craft::HOPS, &icmp);
    bench.send(&frame)?;
    let is_alive = bench.is_alive()?;
    Ok(Verdict::unless(
        (!is_alive).then(|| "no echo is answered afterwards".to_owned()),
    ))
}

fn numbers(bench: &mut Bench<'_>) -> Done {
    const MANY: usize = 16;
    let mut numbers = Vec::new();
    for _ in 0..MANY {
        let (frame, wanted) = bench.ping(b"which number?");
        let Some(answer) = bench.ask(&frame, |heard| heard.is_reply_to(wanted))? else {
            continue;
        };
        let Some([high, low, flags]) = answer.frame.get(ETHERNET + 4..ETHERNET + 7) else {
            continue;
        };
        // Where nobody may cut, the number says nothing.
        if flags & 0x40 == 0 {
            numbers.push(u16::from_be_bytes([*high, *low]));
        }
    }
    let sent = numbers.len();
    let word = how_numbered(&numbers);
    bench.portray(Feature::Identification, Trait::Word(word));
    numbers.sort_unstable();
    numbers.dedup();
    let again = sent - numbers.len();
    Ok(Verdict::unless((again > 0).then(|| {
        format!("of {sent} replies that may be cut {again} have a number that another had")
    })))
}

/// How numbers of packets that may be cut go on.
fn how_numbered(numbers: &[u16]) -> &'static str {
    /// Others may be sent between.
    const NEAR: u16 = 16;
    let mut steps = numbers.windows(2).filter_map(|pair| match pair {
        [one, next] => Some(next.wrapping_sub(*one)),
        _ => None,
    });
    if numbers.is_empty() {
        "none: nothing may be cut"
    } else if steps.clone().all(|step| step == 0) {
        "always the same"
    } else if steps.all(|step| (1..=NEAR).contains(&step)) {
        "a counter"
    } else {
        "random"
    }
}
