//! Neighbor discovery, ARP's place in IPv6, and with it whether multicast reaches the board.

use core::net::Ipv6Addr;
use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::{EthernetAddress, IpProtocol, NdiscNeighborFlags};

use crate::bench::craft::{self, ETHERNET, Ends, Hop};
use crate::bench::{Bench, Body, Done, Heard, Said, Symptom, Verdict, Wants};
use crate::neighbors::{group, group_frame};

use super::{LIVENESS, case};

pub(super) static CASES: [Case<Body>; 6] = [
    case(
        "ndp/unicast",
        Level::Must,
        "RFC 4861, 7.2.4",
        "A solicitation that goes to it alone is answered: neighbors ask so whether it is still there",
        &[Wants::V6],
        unicast,
        "connections over IPv6 break after half a minute, when neighbors look whether their entry still holds",
    ),
    case(
        "ndp/solicited-node",
        Level::Must,
        "RFC 4861, 7.2.3 and 7.2.4",
        "A solicitation that goes to its group is answered, with the right flags, hop limit and address",
        &[Wants::V6],
        solicited_node,
        "the MAC's filter loses multicast: over IPv6 nobody finds the board",
    ),
    case(
        "ndp/dad",
        Level::Must,
        "RFC 4861, 7.2.4",
        "A solicitation from no address is answered to all: somebody else is about to take its address",
        &[Wants::V6],
        dad,
        "two hosts get one address, as who looks before it takes one hears nothing",
    ),
    case(
        "ndp/hop-limit",
        Level::Must,
        "RFC 4861, 7.1.1",
        "A solicitation with another hop limit than 255, which may come from elsewhere, is ignored",
        &[Wants::V6],
        hop_limit,
        "whoever is far away can write into its table of neighbors",
    ),
    case(
        "ndp/option-zero",
        Level::Must,
        "RFC 4861, 7.1.1",
        "A solicitation with an option of length 0 is ignored",
        &[Wants::V6],
        option_zero,
        "a loop over options that goes on by their length never ends",
    ),
    case(
        "ndp/checksum",
        Level::Must,
        "RFC 4861, 7.1.1",
        "A solicitation with a wrong checksum is ignored",
        &[Wants::V6],
        checksum,
        "a bit that changed on the way sends all that goes to a neighbor somewhere else",
    ),
];

/// What a weak stack may not survive.
pub(super) static ROUGH: [Case<Body>; 1] = [case(
    "ra/flood",
    Level::Must,
    LIVENESS,
    "Forty routers that tell of a prefix each leave it able to answer; what they tell holds for seconds",
    &[Wants::V6, Wants::Alone],
    routers,
    "a full table of prefixes, routers or addresses has to refuse the next, and not to stop the stack",
)];

/// What an advertisement has to say.
struct Wanted {
    to: Ipv6Addr,
    is_solicited: bool,
    has_hardware: bool,
}

fn is_advert(heard: &Heard, board: Ipv6Addr) -> bool {
    matches!(heard.said, Said::Advert { target, .. } if target == board)
}

/// What is wrong with an advertisement.
fn fault_of(heard: &Heard, wanted: &Wanted) -> Option<String> {
    let Said::Advert {
        to,
        flags,
        hardware,
        hops,
        ..
    } = &heard.said
    else {
        return None;
    };
    if *to != wanted.to {
        return Some(format!("the answer goes to {to}, not to {}", wanted.to));
    }
    if flags.contains(NdiscNeighborFlags::SOLICITED) != wanted.is_solicited {
        let (is, due) = if wanted.is_solicited {
            ("isn't", "is")
        } else {
            ("is", "isn't")
        };
        return Some(format!("its `solicited` flag {is} set, and {due} due"));
    }
    if *hops != 255 {
        return Some(format!("its hop limit is {hops}, and others ignore it"));
    }
    match hardware {
        Some(hardware) if *hardware != heard.from => Some(format!(
            "it says that it is at {hardware}, in a frame from {}",
            heard.from
        )),
        None if wanted.has_hardware => Some("it doesn't say its hardware address".to_owned()),
        _ => None,
    }
}

fn unicast(bench: &mut Bench<'_>) -> Done {
    let Some((own, board)) = bench.v6() else {
        return Ok(Verdict::Skipped("it has no address of IPv6"));
    };
    let icmp = craft::solicit(own, board, board, bench.setup.hardware);
    let ends = Ends {
        from: own.into(),
        to: board.into(),
    };
    let frame = craft::ip(bench.hop(), ends, IpProtocol::Icmpv6, 255, &icmp);
    let Some(answer) = bench.ask(&frame, |heard| is_advert(heard, board))? else {
        return Ok(Verdict::Failed("no answer, three times".to_owned()));
    };
    let wanted = Wanted {
        to: own,
        is_solicited: true,
        has_hardware: false,
    };
    Ok(Verdict::unless(fault_of(&answer, &wanted)))
}

fn solicited_node(bench: &mut Bench<'_>) -> Done {
    let Some((own, board)) = bench.v6() else {
        return Ok(Verdict::Skipped("it has no address of IPv6"));
    };
    let frame = bench.solicitation(board, group_frame(board));
    let Some(answer) = bench.ask(&frame, |heard| is_advert(heard, board))? else {
        // The same to the board alone tells whether it is the group.
        let hardware = bench.board.unwrap_or(EthernetAddress::BROADCAST);
        let frame = bench.solicitation(board, hardware);
        let alone = bench.ask(&frame, |heard| is_advert(heard, board))?;
        if alone.is_some() {
            bench.found(Symptom::MulticastLost);
        }
        return Ok(Verdict::Failed("no answer, three times".to_owned()));
    };
    let wanted = Wanted {
        to: own,
        is_solicited: true,
        has_hardware: true,
    };
    Ok(Verdict::unless(fault_of(&answer, &wanted)))
}

fn dad(bench: &mut Bench<'_>) -> Done {
    let Some((_, board)) = bench.v6() else {
        return Ok(Verdict::Skipped("it has no address of IPv6"));
    };
    let nobody = Ipv6Addr::UNSPECIFIED;
    let ends = Ends {
        from: nobody.into(),
        to: group(board).into(),
    };
    let icmp = craft::solicit(nobody, group(board), board, bench.setup.hardware);
    // To the board alone: whether groups reach it is another check's.
    let frame = craft::ip(bench.hop(), ends, IpProtocol::Icmpv6, 255, &icmp);
    let Some(answer) = bench.ask(&frame, |heard| is_advert(heard, board))? else {
        return Ok(Verdict::Failed("no answer, three times".to_owned()));
    };
    let wanted = Wanted {
        to: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
        is_solicited: false,
        has_hardware: true,
    };
    Ok(Verdict::unless(fault_of(&answer, &wanted)))
}

fn hop_limit(bench: &mut Bench<'_>) -> Done {
    let Some((_, board)) = bench.v6() else {
        return Ok(Verdict::Skipped("it has no address of IPv6"));
    };
    let frames = [254, 64, 1, 0].map(|hops| {
        let mut frame = bench.solicitation(board, bench.hop().to);
        craft::put(&mut frame, ETHERNET + 7, &[hops]);
        frame
    });
    let quiet = bench.quiet(&frames, |heard| is_advert(heard, board))?;
    Ok(quiet.verdict("it is answered"))
}

fn option_zero(bench: &mut Bench<'_>) -> Done {
    let Some((own, board)) = bench.v6() else {
        return Ok(Verdict::Skipped("it has no address of IPv6"));
    };
    let mut icmp = craft::solicit(own, group(board), board, bench.setup.hardware);
    // The length of its only option.
    craft::put(&mut icmp, 25, &[0]);
    craft::mend_icmp6(own, group(board), &mut icmp);
    let ends = Ends {
        from: own.into(),
        to: group(board).into(),
    };
    let hop: Hop = bench.hop();
    let frame = craft::ip(hop, ends, IpProtocol::Icmpv6, 255, &icmp);
    let quiet = bench.quiet(&[frame], |heard| is_advert(heard, board))?;
    Ok(quiet.verdict("it is answered"))
}

fn checksum(bench: &mut Bench<'_>) -> Done {
    let Some((_, board)) = bench.v6() else {
        return Ok(Verdict::Skipped("it has no address of IPv6"));
    };
    let frames = [1, 0x80, 0xff].map(|bits| {
        let mut frame = bench.solicitation(board, bench.hop().to);
        if let Some(byte) = frame.get_mut(ETHERNET + 40 + 3) {
            *byte ^= bits;
        }
        frame
    });
    let quiet = bench.quiet(&frames, |heard| is_advert(heard, board))?;
    Ok(quiet.verdict("it is answered"))
}

fn routers(bench: &mut Bench<'_>) -> Done {
    const ROUTERS: u16 = 40;
    let all = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let hop = Hop {
        to: EthernetAddress([0x33, 0x33, 0, 0, 0, 1]),
        ..bench.hop()
    };
    for number in 0..ROUTERS {
        let from = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x72, 0x6f75, 0x7465, number);
        let prefix = Ipv6Addr::new(0x2001, 0xdb8, 0x7261, number, 0, 0, 0, 0);
        let icmp = advertised(from, all, hop.from, prefix);
        let ends = Ends {
            from: from.into(),
            to: all.into(),
        };
        let frame = craft::ip(hop, ends, IpProtocol::Icmpv6, 255, &icmp);
        bench.send(&frame)?;
        // A burst is another check's.
        bench.pause(Duration::from_millis(5))?;
    }
    let is_alive = bench.is_alive()?;
    Ok(Verdict::unless(
        (!is_alive).then(|| "no echo is answered afterwards".to_owned()),
    ))
}

/// A router's advertisement of a prefix for addresses (RFC 4861, sections 4.2 and 4.6.2), for 4 s.
fn advertised(from: Ipv6Addr, to: Ipv6Addr, own: EthernetAddress, prefix: Ipv6Addr) -> Vec<u8> {
    let header = [134, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0];
    let lengths = [3, 4, 64, 0xc0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0];
    let mut icmp = [
        &header[..],
        &[1, 1],
        own.as_bytes(),
        &lengths,
        &prefix.octets(),
    ]
    .concat();
    craft::mend_icmp6(from, to, &mut icmp);
    icmp
}
