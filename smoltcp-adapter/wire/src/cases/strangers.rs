//! A SYN to or from an address with which nobody can have a connection.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::{ArpOperation, EthernetAddress, IpCidr, IpProtocol};

use crate::bench::craft::{self, Ends, Hop};
use crate::bench::flags::RST;
use crate::bench::{Bench, Body, Client, Done, Heard, Quiet, Said, Segment, Stop, Verdict, Wants};

use super::{LIVENESS, case};

pub(super) static CASES: [Case<Body>; 3] = [
    case(
        "bcast/syn",
        Level::Must,
        "RFC 9293, 3.9.2.3 (MUST-57); RFC 1122, 3.3.6",
        "A SYN that goes to all, or to a group, gets no answer",
        &[Wants::Server],
        broadcast,
        "one frame makes all hosts of a network connect to whoever is named as its sender",
    ),
    case(
        "src/martian",
        Level::Must,
        "RFC 9293, 3.9.2.3 (MUST-63); RFC 1122, 3.2.1.3",
        "A SYN from an address that no host can have gets no answer",
        &[Wants::Server],
        martian,
        "one frame makes it send to all, or to a group, again and again",
    ),
    case(
        "src/land",
        Level::Must,
        LIVENESS,
        "A SYN that claims to come from the board's own address and port harms nobody",
        &[Wants::Server],
        land,
        "it talks to itself for ever (the attack is known as LAND)",
    ),
];

/// What goes to all hosts of a link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The last address of the network that both are on, which is everybody's.
fn everybody(bench: &Bench<'_>) -> Option<Ipv4Addr> {
    match bench.setup.address {
        IpCidr::Ipv4(network) => network.broadcast(),
        IpCidr::Ipv6(_) => None,
    }
}

/// A frame with the SYN of a client, between other addresses.
fn frame(bench: &Bench<'_>, client: &Client, ends: Ends, to: EthernetAddress) -> Vec<u8> {
    let hop = Hop { to, ..bench.hop() };
    between(hop, ends, client.syn())
}

fn between(hop: Hop, ends: Ends, segment: Segment) -> Vec<u8> {
    let segment = Segment {
        ends: (ends.from, ends.to),
        ..segment
    };
    craft::ip(hop, ends, IpProtocol::Tcp, craft::HOPS, &segment.bytes())
}

/// The reset behind that: whoever took the SYN needn't keep a place for nobody.
fn reset(bench: &mut Bench<'_>, client: &Client, ends: Ends) -> Result<(), Stop> {
    let reset = client.syn().flags(RST).seq(client.syn().end()).options(&[]);
    let frame = between(bench.hop(), ends, reset);
    bench.send(&frame)
}

/// Whether it is of a client's connection, whoever the addresses say that it is between.
fn is_back(client: &Client, heard: &Heard) -> bool {
    let ports = (client.ports.1, client.ports.0);
    matches!(&heard.said, Said::Tcp(segment) if segment.ports == ports)
}

fn broadcast(bench: &mut Bench<'_>) -> Done {
    let client = bench.client();
    bench.note(&client.syn());
    let own = bench.hop().to;
    let mut targets: Vec<(IpAddr, EthernetAddress)> = Vec::new();
    if bench.setup.board.is_ipv4() {
        let group = EthernetAddress([1, 0, 0x5e, 0, 0, 1]);
        targets.push((Ipv4Addr::BROADCAST.into(), EthernetAddress::BROADCAST));
        targets.push((Ipv4Addr::BROADCAST.into(), own));
        targets.push((Ipv4Addr::new(224, 0, 0, 1).into(), group));
        if let Some(network) = everybody(bench) {
            targets.push((network.into(), EthernetAddress::BROADCAST));
        }
    } else {
        let group = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);
        targets.push((ALL_NODES.into(), group));
        targets.push((ALL_NODES.into(), own));
    }
    let from = client.ends.from;
    let frames: Vec<_> = targets
        .into_iter()
        .map(|(to, hardware)| frame(bench, &client, Ends { from, to }, hardware))
        .collect();
    match bench.quiet(&frames, |heard| is_back(&client, heard))? {
        Quiet::Kept => {}
        quiet => return Ok(quiet.verdict("it is answered")),
    }
    // A frame for all with a packet for it alone (RFC 1122, section 3.3.6: SHOULD).
    let link = frame(bench, &client, client.ends, EthernetAddress::BROADCAST);
    let quiet = bench.quiet(&[link], |heard| is_back(&client, heard))?;
    Ok(
        match quiet.verdict("its own address in a frame for all is answered") {
            Verdict::Failed(came) => Verdict::Worse(came),
            verdict => verdict,
        },
    )
}

fn martian(bench: &mut Bench<'_>) -> Done {
    let client = bench.client();
    bench.note(&client.syn());
    let mut sources: Vec<IpAddr> = Vec::new();
    if bench.setup.board.is_ipv4() {
        let all = [
            Ipv4Addr::LOCALHOST,
            Ipv4Addr::new(224, 0, 0, 5),
            Ipv4Addr::BROADCAST,
            Ipv4Addr::UNSPECIFIED,
        ];
        // Not everybody's address of the network, from which Linux takes a SYN unless it filters by routes.
        sources.extend(all.map(IpAddr::from));
    } else {
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 5);
        let all = [Ipv6Addr::LOCALHOST, group, Ipv6Addr::UNSPECIFIED];
        sources.extend(all.map(IpAddr::from));
    }
    let to = client.ends.to;
    let own = bench.hop().to;
    for from in sources {
        let ends = Ends { from, to };
        let frame = frame(bench, &client, ends, own);
        let quiet = bench.quiet(&[frame], |heard| {
            is_back(&client, heard) || is_search(heard, from)
        })?;
        reset(bench, &client, ends)?;
        let verdict = quiet.verdict(&format!("one from {from} is answered"));
        if verdict != Verdict::Passed {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Passed)
}

/// Whether it asks where this address is, to answer it.
pub(super) fn is_search(heard: &Heard, address: IpAddr) -> bool {
    match heard.said {
        Said::Arp {
            operation: ArpOperation::Request,
            target: (_, wanted),
            ..
        } => address == wanted,
        Said::Solicit { target, .. } => address == target,
        _ => false,
    }
}

fn land(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    client.ports.0 = client.ports.1;
    let v4 = bench.v4().map(|(_, board)| IpAddr::from(board));
    let v6 = bench.v6().map(|(_, board)| IpAddr::from(board));
    let own = bench.hop().to;
    for board in [v4, v6].into_iter().flatten() {
        let ends = Ends {
            from: board,
            to: board,
        };
        let frame = frame(bench, &client, ends, own);
        bench.send(&frame)?;
        bench.pause(Duration::from_millis(200))?;
        reset(bench, &client, ends)?;
        if !bench.is_alive()? {
            return Ok(Verdict::Failed(format!("{board} doesn't get over it")));
        }
    }
    Ok(Verdict::Passed)
}
