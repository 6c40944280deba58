//! What messages of ICMP about a connection do to it.

use core::net::IpAddr;
use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::IpProtocol;

use crate::bench::craft::{self, ETHERNET, Ends};
use crate::bench::{Bench, Body, Done, Segment, Stop, Verdict, Wants};

use super::case;
use super::rto::{LONG, SMALL, unasked};

pub(super) static CASES: [Case<Body>; 4] = [
    case(
        "icmp/soft",
        Level::Must,
        "RFC 9293, 3.9.2.2 (MUST-56)",
        "Soft errors don't end a connection: a net, a host or a route out of reach, time exceeded, parameters",
        &[Wants::Server],
        soft,
        "a router that restarts ends every connection through it",
    ),
    case(
        "icmp/quench",
        Level::Must,
        "RFC 9293, 3.9.2.2 (MUST-55); RFC 6633, 3",
        "A source quench does nothing to a connection",
        &[Wants::Server, Wants::V4],
        quench,
        "whoever can forge one message slows connections down, or ends them",
    ),
    case(
        "icmp/hard",
        Level::May,
        "RFC 5927, 5.2; RFC 9293, 3.9.2.2 (SHLD-26)",
        "A protocol or a port out of reach doesn't end a connection that is there",
        &[Wants::Server],
        hard,
        "it ends, as RFC 9293 would have it, and whoever can forge one message ends connections",
    ),
    case(
        "icmp/out-of-window",
        Level::May,
        "RFC 5927, 4.1",
        "An error about what isn't on its way is ignored",
        &[Wants::Server],
        out_of_window,
        "whoever knows two addresses and two ports ends connections",
    ),
];

/// So far apart messages are.
const APART: Duration = Duration::from_millis(5);

/// So long a reset is waited for.
const GRACE: Duration = Duration::from_millis(50);

/// Room for some segments of a reply, so that the rest shows whether its connection lives.
const ROOM: u16 = 4 * SMALL;

/// The beginning of a packet of the board's, as it is quoted: as much of it as errors carry (RFC 1812,
/// 4.3.2.3; RFC 4443, 2.4).
fn quote(bench: &Bench<'_>, segment: &Segment) -> Vec<u8> {
    let ends = segment.between();
    let tcp = segment.bytes();
    let (header, most) = match ends.from {
        IpAddr::V4(_) => (20, 548),
        IpAddr::V6(_) => (40, 1232),
    };
    let packet = craft::ip(bench.hop(), ends, IpProtocol::Tcp, craft::HOPS, &tcp);
    let end = ETHERNET + (header + tcp.len()).min(most);
    packet.get(ETHERNET..end).unwrap_or_default().to_vec()
}

/// An error about a segment of the board's, from whom it was for.
pub(super) fn error(
    bench: &Bench<'_>,
    (kind, code): (u8, u8),
    rest: u32,
    about: &Segment,
) -> Vec<u8> {
    let ends = Ends {
        from: about.ends.1,
        to: about.ends.0,
    };
    let mut message = vec![kind, code, 0, 0];
    message.extend(rest.to_be_bytes());
    message.extend(quote(bench, about));
    match (ends.from, ends.to) {
        (IpAddr::V6(from), IpAddr::V6(to)) => craft::mend_icmp6(from, to, &mut message),
        _ => craft::mend_icmp4(&mut message),
    }
    craft::ip(
        bench.hop(),
        ends,
        craft::icmp_of(ends),
        craft::HOPS,
        &message,
    )
}

/// What is said about a connection by types and codes of ICMP, of both versions, and by how much the quoted
/// number is another than that of a segment on its way.
struct Errors {
    v4: &'static [(u8, u8)],
    v6: &'static [(u8, u8)],
    off: u32,
}

/// Whether a connection goes on after errors: what it came to otherwise.
fn told(bench: &mut Bench<'_>, errors: &Errors) -> Result<Result<Option<String>, Verdict>, Stop> {
    let mut client = bench.taker(SMALL);
    client.window = ROOM;
    let Some(mut reply) = bench.asked(client, LONG)? else {
        return Ok(Err(unasked()));
    };
    bench.settle(&mut reply)?;
    let Some(about) = reply.fresh().next().map(|part| part.segment.clone()) else {
        return Ok(Err(Verdict::Inconclusive("no reply comes".to_owned())));
    };
    if reply.is_whole() {
        return Ok(Err(Verdict::Inconclusive(
            "the whole reply comes at once, beyond the window".to_owned(),
        )));
    }
    let about = about.clone().seq(about.seq.wrapping_add(errors.off));
    let said = match bench.setup.board {
        IpAddr::V4(_) => errors.v4,
        IpAddr::V6(_) => errors.v6,
    };
    for (kind, code) in said {
        let frame = error(bench, (*kind, *code), 0, &about);
        bench.send(&frame)?;
        bench.parts(&mut reply, APART)?;
        if reply.client.is_reset {
            break;
        }
    }
    bench.parts(&mut reply, GRACE)?;
    reply.client.window = 8192;
    Ok(Ok(bench.conclude(&mut [reply])?.against()))
}

fn lives(bench: &mut Bench<'_>, errors: &Errors) -> Done {
    Ok(match told(bench, errors)? {
        Ok(against) => Verdict::unless(against),
        Err(verdict) => verdict,
    })
}

fn soft(bench: &mut Bench<'_>) -> Done {
    const SOFT: Errors = Errors {
        v4: &[(3, 0), (3, 1), (3, 5), (11, 0), (11, 1), (12, 0)],
        v6: &[(1, 0), (1, 3), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2)],
        off: 0,
    };
    lives(bench, &SOFT)
}

fn quench(bench: &mut Bench<'_>) -> Done {
    const QUENCH: Errors = Errors {
        v4: &[(4, 0)],
        v6: &[],
        off: 0,
    };
    lives(bench, &QUENCH)
}

/// Protocol and port unreachable; of IPv6 the port, and what was forbidden.
const HARD: Errors = Errors {
    v4: &[(3, 2), (3, 3)],
    v6: &[(1, 1), (1, 4)],
    off: 0,
};

fn hard(bench: &mut Bench<'_>) -> Done {
    lives(bench, &HARD)
}

fn out_of_window(bench: &mut Bench<'_>) -> Done {
    lives(
        bench,
        &Errors {
            off: 1 << 20,
            ..HARD
        },
    )
}
