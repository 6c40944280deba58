//! UDP to a port at which nobody listens.

use greet_core::probe::{Case, Level};
use smoltcp::wire::IpProtocol;

use crate::bench::craft::{self, ETHERNET, Ends};
use crate::bench::{Bench, Body, Done, Heard, Said, Verdict, Wants};

use super::case;

pub(super) static CASES: [Case<Body>; 4] = [
    case(
        "udp/closed",
        Level::Should,
        "RFC 1122, 4.1.3.1; RFC 4443, 3.1",
        "A datagram to a port at which nobody listens is answered by `port unreachable`, which quotes it",
        &[],
        closed,
        "who asks waits for nothing, where it could be told at once",
    ),
    case(
        "udp/closed-checksum",
        Level::Must,
        "RFC 1122, 4.1.3.4; RFC 8200, 8.1",
        "A datagram with a wrong checksum is thrown away, and nothing is said of it",
        &[],
        checksum,
        "sums of what comes in aren't looked at: by the MAC that was told to, or by the stack",
    ),
    case(
        "udp6/closed",
        Level::Should,
        "RFC 4443, 3.1",
        "A datagram over IPv6 to a port at which nobody listens is answered by `port unreachable`, which quotes it",
        &[Wants::Echo6],
        closed6,
        "who asks waits for nothing, where it could be told at once",
    ),
    case(
        "udp6/closed-checksum",
        Level::Must,
        "RFC 8200, 8.1",
        "A datagram over IPv6 with a wrong checksum is thrown away, and nothing is said of it",
        &[Wants::Echo6],
        checksum6,
        "sums of what comes in aren't looked at: by the MAC that was told to, or by the stack",
    ),
];

/// From a port of its own for each, as hosts may limit errors.
const PORT: u16 = 40_000;

/// A port that nobody takes by itself.
pub(super) const CLOSED: u16 = 47;

fn datagram(bench: &mut Bench<'_>) -> (Ends, u16, Vec<u8>) {
    let ends = bench.ends();
    let port = PORT | bench.fresh() & 0xfff;
    (
        ends,
        port,
        craft::udp(ends, port, CLOSED, b"is anybody here?"),
    )
}

/// Port unreachable, of either version.
pub(super) fn is_unreachable(heard: &Heard) -> bool {
    heard.is_port_unreachable()
}

fn closed(bench: &mut Bench<'_>) -> Done {
    let (ends, _, datagram) = datagram(bench);
    let frame = craft::ip(bench.hop(), ends, IpProtocol::Udp, craft::HOPS, &datagram);
    let answer = bench.ask(&frame, is_unreachable)?;
    let Some(answer) = answer else {
        return Ok(Verdict::Failed("no answer, three times".to_owned()));
    };
    let Said::Icmp { quote, .. } = answer.said else {
        return Ok(Verdict::Passed);
    };
    // The header and eight bytes (RFC 1122, 3.2.2: unchanged).
    let len = if ends.to.is_ipv4() { 28 } else { 48 };
    let sent = frame.get(ETHERNET..ETHERNET + len);
    let quoted = quote.get(..len);
    Ok(Verdict::unless((sent != quoted).then(|| {
        "it quotes another packet than was sent".to_owned()
    })))
}

fn closed6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    closed(bench)
}

fn checksum6(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    checksum(bench)
}

fn checksum(bench: &mut Bench<'_>) -> Done {
    let (ends, _, right) = datagram(bench);
    let right = craft::ip(bench.hop(), ends, IpProtocol::Udp, craft::HOPS, &right);
    if bench.ask(&right, is_unreachable)?.is_none() {
        return Ok(Verdict::Skipped(
            "nothing is said of a right one either, so that silence shows nothing",
        ));
    }
    let (ends, port, mut wrong) = datagram(bench);
    if let Some(byte) = wrong.get_mut(7) {
        *byte ^= 0x55;
    }
    // The sum must not become the zero that says that there is none.
    let is_none = wrong.get(6..8) == Some(&[0, 0]);
    if is_none && let Some(byte) = wrong.get_mut(6) {
        *byte ^= 0x55;
    }
    let frame = craft::ip(bench.hop(), ends, IpProtocol::Udp, craft::HOPS, &wrong);
    let quiet = bench.quiet(&[frame], |heard| {
        is_unreachable(heard) && is_from(heard, port)
    })?;
    Ok(quiet.verdict("it is answered"))
}

/// Whether it quotes a datagram from this port.
pub(super) fn is_from(heard: &Heard, port: u16) -> bool {
    let Said::Icmp { ends, quote, .. } = &heard.said else {
        return false;
    };
    let at = if ends.0.is_ipv4() { 20 } else { 40 };
    quote.get(at..at + 2) == Some(&port.to_be_bytes())
}
