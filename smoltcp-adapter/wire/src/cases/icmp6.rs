//! Echo and the rest of ICMP over IPv6, whatever address the board was named by.

use core::net::Ipv6Addr;

use greet_core::probe::{Case, Level};
use smoltcp::wire::EthernetAddress;

use crate::bench::craft::Ends;
use crate::bench::{Bench, Body, Done, Wants};

use super::{LIVENESS, case, icmp, length};

pub(super) static CASES: [Case<Body>; 8] = [
    case(
        "icmp6/echo",
        Level::Must,
        "RFC 4443, 4.2",
        "An echo request over IPv6 is answered, with its identifier, its number and all of its text",
        &[Wants::V6],
        echo,
        "the stack drops ICMPv6: neighbors, routers and people find nobody there",
    ),
    case(
        "icmp6/source",
        Level::Must,
        "RFC 4443, 4.2",
        "The reply over IPv6 comes from the address that was asked",
        &[Wants::Echo6],
        source,
        "a host has several addresses of IPv6 always, and answers from another one: who asked throws that away",
    ),
    case(
        "icmp6/every-length",
        Level::Must,
        "RFC 4443, 4.2",
        "Echoes over IPv6 of every length up to a frame of 1514 bytes come back unchanged",
        &[Wants::Echo6],
        every_length,
        "where IPv4 passes, it isn't the driver: a buffer is made for headers of 20 bytes, and these have 40",
    ),
    case(
        "icmp6/checksum",
        Level::Should,
        "RFC 4443, 2.3",
        "An echo over IPv6 with a wrong checksum isn't answered",
        &[Wants::Echo6],
        checksum,
        "nothing else guards an address of IPv6 on its way, whose header has no sum",
    ),
    case(
        "icmp6/checksum-zero",
        Level::Must,
        "RFC 4443, 2.3 and 4.2",
        "An echo over IPv6 whose right checksum happens to be zero is answered",
        &[Wants::Echo6],
        checksum_zero,
        "zero is taken for `no checksum`, which only UDP has",
    ),
    case(
        "icmp6/unknown",
        Level::Must,
        "RFC 4443, 2.4(b)",
        "An informational message of an unknown type is ignored",
        &[Wants::Echo6],
        unknown,
        "it answers what it doesn't know",
    ),
    case(
        "icmp6/truncated",
        Level::Must,
        LIVENESS,
        "Messages of ICMPv6 that are cut short harm nobody",
        &[Wants::Echo6],
        truncated,
        "a header is read before its length is looked at",
    ),
    case(
        "icmp6/no-error-for",
        Level::Must,
        "RFC 4443, 2.4(e)",
        "No error is sent over IPv6 for what went to many, or is an error",
        &[Wants::Echo6],
        no_error_for,
        "one packet to a group makes all hosts of a network answer at once",
    ),
];

/// Those that use up what a host sends of errors.
pub(super) static ROUGH: [Case<Body>; 1] = [case(
    "icmp6/rate",
    Level::Must,
    "RFC 4443, 2.4(f)",
    "Errors over IPv6 have a limit: not each of 200 datagrams to closed ports gets one",
    &[Wants::Echo6],
    rate,
    "who forges a source makes it send as much to whom it names, and it has time for nothing else",
)];

fn echo(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    icmp::echo(bench)
}

fn source(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    icmp::source(bench)
}

fn every_length(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    length::every_length(bench)
}

fn checksum(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    icmp::checksum(bench)
}

fn checksum_zero(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    icmp::checksum_zero(bench)
}

fn unknown(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    // Two for experiments, and one that is reserved.
    icmp::unknown_kinds(bench, [200, 201, 254])
}

fn truncated(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    icmp::cut_short(
        bench,
        &[(1, 0), (1, 39), (2, 7), (3, 40), (4, 1), (137, 0), (134, 0)],
    )
}

fn no_error_for(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    let unicast = bench.ends();
    let group = Ends {
        to: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
        ..unicast
    };
    let all_nodes = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);
    let of_any = icmp::no_error_for_any(
        bench,
        &[
            (
                all_nodes,
                unicast,
                "a packet for it alone in the frame of a group",
            ),
            (
                EthernetAddress::BROADCAST,
                unicast,
                "one in a broadcast frame",
            ),
            (all_nodes, group, "one to ff02::1"),
        ],
    )?;
    // Of each kind, of those for experiments, and all of them behind an option by which who doesn't know it has to
    // send an error as well, but for this.
    let of_errors = icmp::no_error_for_errors(
        bench,
        &[(1, 0), (1, 4), (1, 200), (3, 0), (3, 1), (4, 1), (100, 0)],
        &[0x9e, 4, 1, 2, 3, 4],
    )?;
    Ok(icmp::both(of_any, of_errors))
}

fn rate(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    icmp::rate(bench)
}
