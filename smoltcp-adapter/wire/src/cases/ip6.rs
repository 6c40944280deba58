//! Headers of IPv6, and how long packets may be.

use core::net::IpAddr;

use greet_core::probe::{Case, Level};
use smoltcp::wire::IpProtocol;

use crate::bench::craft::{self, ETHERNET, Ends};
use crate::bench::{Bench, Body, Done, Heard, PATIENCE, Stop, Verdict, Wants};

use super::{case, ip4};

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "ip6/ext",
        Level::Must,
        "RFC 8200, 4.1 and 4.2",
        "Headers of options that it doesn't need to know are skipped, hop by hop and for the destination",
        &[Wants::Echo6],
        extension,
        "a packet with more than one header is taken for none: group reports, and some hosts' packets, have them",
    ),
    case(
        "ip6/next-header",
        Level::Should,
        "RFC 8200, 4; RFC 4443, 3.4",
        "A header that it doesn't know is answered by `parameter problem`",
        &[Wants::Echo6],
        next_header,
        "who asks waits for nothing, where it could be told at once",
    ),
];

/// What changes how long packets may be from then on.
pub(super) static ROUGH: [Case<Body>; 1] = [case(
    "ip6/too-big",
    Level::Must,
    "RFC 8201, 4",
    "`Packet too big` is obeyed down to 1280 bytes, and what asks for less is ignored",
    &[Wants::Echo6, Wants::Alone],
    too_big,
    "over a tunnel long packets are lost for ever; or whoever forges one makes all of them tiny",
)];

/// An option that pads to eight bytes with its header.
const PAD: [u8; 6] = [1, 4, 0, 0, 0, 0];

/// One for experiments that who doesn't know it skips (RFC 4727, section 4.3).
const UNKNOWN: [u8; 6] = [0x1e, 4, 1, 2, 3, 4];

const HOP_BY_HOP: u8 = 0;
const DESTINATION: u8 = 60;

fn extension(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    for (headers, what) in [
        (&[(HOP_BY_HOP, PAD)][..], "options hop by hop"),
        (&[(DESTINATION, PAD)], "options for the destination"),
        (
            &[(HOP_BY_HOP, PAD), (DESTINATION, PAD)],
            "both headers of options",
        ),
        (
            &[(DESTINATION, UNKNOWN)],
            "an unknown option that is to be skipped",
        ),
    ] {
        let (ends, number) = (bench.ends(), (bench.fresh(), 1));
        let echo = craft::echo(ends, false, number.0, number.1, b"behind options");
        let mut next = u8::from(IpProtocol::Icmpv6);
        let mut body = echo;
        for (kind, options) in headers.iter().rev() {
            body.splice(0..0, [&[next, 0][..], options].concat());
            next = *kind;
        }
        let frame = craft::ip(bench.hop(), ends, next.into(), craft::HOPS, &body);
        if bench
            .ask(&frame, |heard| heard.is_reply_to(number))?
            .is_none()
        {
            return Ok(Verdict::Failed(format!(
                "an echo behind {what} isn't answered"
            )));
        }
    }
    Ok(Verdict::Passed)
}

fn next_header(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    ip4::unknown_protocol(bench, (4, 1))
}

fn too_big(bench: &mut Bench<'_>) -> Done {
    const LEAST: usize = 1280;
    bench.over_ip6(true);
    // As an address that is forgotten afterwards: what it is told of its path holds for ten minutes.
    let from = bench.stranger6()?;
    let ends = Ends {
        from: from.into(),
        ..bench.ends()
    };
    let most = bench.frames.mtu().min(1500);
    if most <= LEAST {
        return Ok(Verdict::Skipped(
            "no packet of more than 1280 bytes fits into a frame here",
        ));
    }
    let long = most - 48;
    let Some((first, packet)) = longest(bench, ends, long)? else {
        return Ok(Verdict::Skipped("no long echo over IPv6 is answered"));
    };
    if first != most {
        return Ok(Verdict::Skipped("its packets over IPv6 are shorter anyway"));
    }
    tell(bench, ends, 600, &packet)?;
    match longest(bench, ends, long)? {
        Some((len, _)) if len < LEAST => {
            return Ok(Verdict::Failed(format!(
                "told of 600 bytes, it sends packets of {len} at most"
            )));
        }
        None => {
            return Ok(Verdict::Failed(
                "told of 600 bytes, it answers no long echo any more".to_owned(),
            ));
        }
        Some(_) => {}
    }
    for _ in 0..3 {
        tell(bench, ends, LEAST, &packet)?;
        // Who can't cut its packets sends none that are too long, and that is right as well.
        if longest(bench, ends, long)?.is_none_or(|(len, _)| len <= LEAST) {
            return Ok(Verdict::Passed);
        }
    }
    Ok(Verdict::Failed(format!(
        "told of {LEAST} bytes, three times, it goes on sending packets of {most}"
    )))
}

/// Sends long echoes. How long the longest packet is that comes back, and the beginning of that.
fn longest(
    bench: &mut Bench<'_>,
    ends: Ends,
    len: usize,
) -> Result<Option<(usize, Vec<u8>)>, Stop> {
    for _ in 0..3 {
        let number = (bench.fresh(), 1);
        let data = bench.fill(len);
        let echo = craft::echo(ends, false, number.0, number.1, &data);
        let frame = craft::ip(bench.hop(), ends, IpProtocol::Icmpv6, craft::HOPS, &echo);
        bench.send(&frame)?;
        let until = bench.now() + PATIENCE;
        let mut came = None;
        while let Some(heard) = bench.next(until)? {
            let Some(packet) = to(&heard, ends.from, number) else {
                continue;
            };
            let is_longer = came
                .as_ref()
                .is_none_or(|(len, _): &(usize, Vec<u8>)| *len < packet.len());
            if is_longer {
                came = Some((packet.len(), packet.to_vec()));
                bench.looked_at(heard.number);
            }
            let has_more = packet.get(6) == Some(&u8::from(IpProtocol::Ipv6Frag))
                && packet.get(43).is_some_and(|flags| flags & 1 == 1);
            if !has_more {
                break;
            }
        }
        if came.is_some() {
            return Ok(came);
        }
    }
    Ok(None)
}

/// The reply to an echo from this address, or a fragment to it: the packet.
fn to(heard: &Heard, address: IpAddr, number: (u16, u16)) -> Option<&[u8]> {
    let packet = heard.frame.get(ETHERNET..)?;
    let is_ip6 = heard.frame.get(12..14) == Some(&[0x86, 0xdd]);
    let IpAddr::V6(address) = address else {
        return None;
    };
    let next = *packet.get(6)?;
    let is_reply = heard.is_reply_to(number);
    let is_part = next == u8::from(IpProtocol::Ipv6Frag);
    let is_it = is_ip6 && packet.get(24..40)? == address.octets() && (is_reply || is_part);
    let len = 40 + usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?]));
    is_it.then(|| packet.get(..len))?
}

/// `Packet too big`, of a packet that came.
fn tell(bench: &mut Bench<'_>, ends: Ends, mtu: usize, packet: &[u8]) -> Result<(), Stop> {
    let mtu = u32::try_from(mtu).unwrap_or_default().to_be_bytes();
    let quoted = packet.get(..packet.len().min(1232)).unwrap_or_default();
    let mut icmp = [&[2, 0, 0, 0][..], &mtu, quoted].concat();
    craft::mend_icmp(ends, &mut icmp);
    let frame = craft::ip(bench.hop(), ends, IpProtocol::Icmpv6, craft::HOPS, &icmp);
    bench.send(&frame)
}
