//! Whatever comes: nothing panics, and what is judged is judged as smoltcp does.

mod frames;

use std::net::IpAddr;

use frames::{CARD, NETWORKS, host, syn};
use proptest::prelude::*;
use smoltcp::phy::{Checksum, ChecksumCapabilities};
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpCidr, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
    TcpControl, TcpPacket, TcpRepr,
};
use syn_backlog::host::{Checksums, Host, Network};
use syn_backlog::queue::{Backlog, Place, WhenFull};
use syn_backlog::segment::{Link, Segment};
use syn_backlog::time::Instant;

/// What smoltcp's own parsers make of a frame that looks like a SYN at first.
fn by_smoltcp(frame: &[u8], host: &Host, networks: &[Network]) -> Option<IpAddr> {
    let mut checksums = ChecksumCapabilities::default();
    for (has, checksum) in [
        (host.checksums.ipv4, &mut checksums.ipv4),
        (host.checksums.tcp, &mut checksums.tcp),
    ] {
        *checksum = if has { Checksum::Both } else { Checksum::Tx };
    }
    let packet = match host.link {
        Link::Ip => frame,
        Link::Ethernet => {
            let ethernet = EthernetFrame::new_checked(frame).ok()?;
            if ethernet.dst_addr().is_unicast() && ethernet.dst_addr().0 != CARD {
                return None;
            }
            let version = match ethernet.ethertype() {
                EthernetProtocol::Ipv4 => 4,
                EthernetProtocol::Ipv6 => 6,
                _ => return None,
            };
            let packet = ethernet.payload();
            if packet.first()? >> 4 != version {
                return None;
            }
            packet
        }
    };
    let (from, to, segment): (IpAddress, IpAddress, &[u8]) = if packet.first()? >> 4 == 4 {
        let packet = Ipv4Packet::new_checked(packet).ok()?;
        let header = Ipv4Repr::parse(&packet, &checksums).ok()?;
        if packet.more_frags() || packet.frag_offset() != 0 {
            return None;
        }
        (
            header.src_addr.into(),
            header.dst_addr.into(),
            packet.payload(),
        )
    } else {
        let packet = Ipv6Packet::new_checked(packet).ok()?;
        let header = Ipv6Repr::parse(&packet).ok()?;
        (
            header.src_addr.into(),
            header.dst_addr.into(),
            packet.payload(),
        )
    };
    let segment = TcpPacket::new_checked(segment).ok()?;
    let syn = TcpRepr::parse(&segment, &from, &to, &checksums).ok()?;
    let is_broadcast = networks.iter().any(|network| {
        matches!(
            (IpCidr::new(network.address.into(), network.prefix), from),
            (IpCidr::Ipv4(own), IpAddress::Ipv4(from)) if own.broadcast() == Some(from)
        )
    });
    let is_own = host.any_address
        || networks
            .iter()
            .any(|own| IpAddress::from(own.address) == to);
    let is_syn = syn.control == TcpControl::Syn && syn.ack_number.is_none();
    (is_syn && is_own && from.is_unicast() && !is_broadcast).then_some(to.into())
}

fn links() -> impl Strategy<Value = Link> {
    prop_oneof![Just(Link::Ethernet), Just(Link::Ip)]
}

/// A few bytes of it set to something else, and its end cut off or made longer.
fn damaged(frame: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let len = frame.len();
    let changes = prop::collection::vec((0..len, any::<u8>()), 0..3);
    let new_len = prop_oneof![3 => Just(len), 1 => 0..len + 20];
    (changes, new_len).prop_map(move |(changes, new_len)| {
        let mut frame = frame.clone();
        for (at, byte) in changes {
            frame[at] = byte;
        }
        frame.resize(new_len, 0);
        frame
    })
}

/// All SYNs of an honest client.
fn syns() -> impl Iterator<Item = (Link, Vec<u8>)> {
    [Link::Ethernet, Link::Ip]
        .into_iter()
        .flat_map(|link| NETWORKS.map(|own| (link, syn(link, own.address, 49_152, 80))))
}

fn almost_syns() -> impl Strategy<Value = (Link, Vec<u8>)> {
    prop::sample::select(syns().collect::<Vec<_>>())
        .prop_flat_map(|(link, frame)| damaged(frame).prop_map(move |frame| (link, frame)))
}

/// Options of all kinds and lengths, most of them possible.
fn options() -> impl Strategy<Value = Vec<u8>> {
    let option = (
        0..9_u8,
        prop::sample::select(vec![0, 1, 2, 3, 4, 10, 12, 18, 26, 34]),
    );
    prop::collection::vec(option, 0..4).prop_map(|options| {
        let mut bytes = Vec::new();
        for (kind, len) in options {
            bytes.extend([kind, len]);
            bytes.resize(bytes.len() + usize::from(len).saturating_sub(2), 1);
        }
        bytes.resize(bytes.len().min(40), 1);
        bytes
    })
}

const NO_SUMS: Checksums = Checksums {
    ipv4: false,
    tcp: false,
};

/// How the frame is judged, if it is a SYN at first sight; it has to be as smoltcp does it.
fn judge(frame: &[u8], host: &Host) -> Option<IpAddr> {
    judge_in(frame, host, &NETWORKS)
}

fn judge_in(frame: &[u8], host: &Host, networks: &[Network]) -> Option<IpAddr> {
    let segment = Segment::find(frame, host.link).filter(Segment::is_syn)?;
    let judged = host.destination(&segment, networks);
    assert_eq!(
        judged,
        by_smoltcp(frame, host, networks),
        "{frame:02x?}, {host:?}"
    );
    judged
}

#[test]
fn each_value_of_each_byte_is_judged_as_smoltcp_does() {
    for (link, good) in syns() {
        for checksums in [NO_SUMS, host(link).checksums] {
            let host = Host {
                checksums,
                ..host(link)
            };
            assert!(judge(&good, &host).is_some());
            for at in 0..good.len() {
                let mut frame = good.clone();
                for byte in 0..=u8::MAX {
                    frame[at] = byte;
                    judge(&frame, &host);
                }
            }
            for len in 0..good.len() {
                judge(&good[..len], &host);
            }
        }
    }
}

/// A client has none of these.
#[test]
fn special_sources_are_judged_as_smoltcp_does() {
    for (link, good) in syns() {
        let host = Host {
            checksums: NO_SUMS,
            ..host(link)
        };
        let at = if link == Link::Ethernet { 14 } else { 0 };
        let source = match good[at] >> 4 {
            4 => at + 12..at + 16,
            _ => at + 8..at + 24,
        };
        for special in [0, 0xff] {
            let mut frame = good.clone();
            frame[source.clone()].fill(special);
            assert_eq!(judge(&frame, &host), None);
        }
    }
}

/// The segment then overlaps the addresses.
#[test]
fn an_ipv4_header_that_is_too_short_or_too_long_is_judged_as_smoltcp_does() {
    let host = Host {
        checksums: NO_SUMS,
        any_address: true,
        ..host(Link::Ip)
    };
    for words in 0..16 {
        for own in [1, 0x10, 0x50] {
            let mut frame = syn(Link::Ip, NETWORKS[0].address, 49_152, 80);
            frame.resize(100, 0);
            let at = usize::from(words) * 4;
            frame[at + 12..at + 14].copy_from_slice(&[own, 0x02]); // length, SYN
            frame[0] = 0x40 | words;
            judge(&frame, &host);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_damaged_syn_is_judged_as_smoltcp_does(
        (link, frame) in almost_syns(),
        ipv4: bool,
        tcp: bool,
        any_address: bool,
    ) {
        let checksums = Checksums { ipv4, tcp };
        judge(&frame, &Host { any_address, checksums, ..host(link) });
    }

    #[test]
    fn options_are_judged_as_by_smoltcp(options in options(), words in 0..11_u8) {
        let host = Host { checksums: NO_SUMS, ..host(Link::Ip) };
        let mut frame = syn(Link::Ip, NETWORKS[0].address, 49_152, 80);
        frame.truncate(40);
        frame.extend(options);
        frame.resize(80, 0);
        frame[3] = 80;
        frame[32] = (5 + words) << 4;
        judge(&frame, &host);
    }

    #[test]
    fn broadcast_addresses_are_those_of_smoltcp(prefix in 0..=32_u8, host_bits: u32, own: u32, all: bool) {
        let mask = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        let from = own & !mask | (if all { mask } else { host_bits & mask });
        let networks = [Network { address: IpAddr::V4(own.into()), prefix }];
        let host = Host { checksums: NO_SUMS, ..host(Link::Ip) };
        let mut frame = syn(Link::Ip, networks[0].address, 49_152, 80);
        frame[12..16].copy_from_slice(&from.to_be_bytes());
        judge_in(&frame, &host, &networks);
    }

    #[test]
    fn no_frame_panics(
        link in links(),
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
        micros: u64,
    ) {
        judge_and_queue(&host(link), &frames, micros);
    }

    #[test]
    fn no_frame_that_is_almost_a_syn_panics(
        (link, frame) in almost_syns(),
        (_, other) in almost_syns(),
        micros: u64,
    ) {
        judge_and_queue(&host(link), &[frame, other], micros);
    }
}

/// Asks all that can be asked, at a moment and at the last one that can be counted.
fn judge_and_queue(host: &Host, frames: &[Vec<u8>], micros: u64) {
    let mut places = [Place::EMPTY, Place::EMPTY];
    let mut backlog = Backlog::new(&mut places);
    for frame in frames {
        for now in [micros, u64::MAX].map(Instant::from_micros) {
            if let Some(segment) = Segment::find(frame, host.link) {
                let _ = (
                    segment.announced_mss(),
                    host.destination(&segment, &NETWORKS),
                );
                backlog.enqueue(&segment, WhenFull::DropOldest, now);
            }
            let _ = (backlog.waiting_at(80, now), backlog.is_overrun(now));
            if let Some(place) = backlog.next(|_| true, now).and_then(|at| backlog.get(at)) {
                assert!(frames.iter().any(|frame| frame == place.frame()));
                place.free();
            }
        }
    }
}
