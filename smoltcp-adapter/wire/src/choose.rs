//! Finds an address that nobody has: by ARP (RFC 5227) or by duplicate address detection (RFC 4862).
//!
//! For a cable with two ends alone. Where others are, their network has somebody who gives out addresses.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use greet_core::time::Instant;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv6Packet, Icmpv6Repr, IpCidr, IpProtocol, Ipv4Cidr, Ipv6Cidr, Ipv6Packet,
    Ipv6Repr, NdiscRepr,
};

use crate::cable::HEADER;
use crate::error::Error;
use crate::frames::{Frames, LONGEST};
use crate::neighbors::{group, group_frame};

/// How often and how long an address is asked for, and how long a late answer is waited for (RFC 5227,
/// section 1.1: `PROBE_NUM`, `PROBE_MIN`, `ANNOUNCE_WAIT`).
const PROBES: usize = 3;
const BETWEEN: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(2);

/// How long an answer of IPv6 may take (RFC 4861, section 10: `RETRANS_TIMER`).
const RETRANSMISSION: Duration = Duration::from_secs(1);

/// So many addresses are tried.
const TRIES: u32 = 4;

/// An address beside the server's that nobody has, in the server's network of 24 bits, or of 64 for IPv6.
/// It takes 4 s, or 1 s for IPv6.
///
/// # Errors
///
/// [`Error::NoAddress`], or what the cable says.
pub fn choose(
    frames: &mut impl Frames,
    hardware: EthernetAddress,
    server: IpAddr,
) -> Result<IpCidr, Error> {
    for candidate in candidates(hardware, server) {
        if owner(frames, hardware, candidate.address().into())?.is_none() {
            return Ok(candidate);
        }
    }
    Err(Error::NoAddress { beside: server })
}

/// Who answers for an address; `None`: nobody.
///
/// # Errors
///
/// What the cable says.
pub fn owner(
    frames: &mut impl Frames,
    hardware: EthernetAddress,
    address: IpAddr,
) -> Result<Option<EthernetAddress>, Error> {
    let (question, pauses) = match address {
        IpAddr::V4(address) => {
            let mut pauses = [BETWEEN; PROBES];
            pauses[PROBES - 1] = AFTER;
            (arp_probe(hardware, address), pauses.to_vec())
        }
        IpAddr::V6(address) => (solicitation(hardware, address), vec![RETRANSMISSION]),
    };
    if address.is_ipv6() {
        frames.listen_for([0x33, 0x33, 0, 0, 0, 1])?;
    }
    let mut room = vec![0; LONGEST];
    for pause in pauses {
        let until = frames.now() + pause;
        frames.send(&question)?;
        while let Some(frame) = next(frames, &mut room, until)? {
            if let Some(from) = answers(frame, hardware, address) {
                return Ok(Some(from));
            }
        }
    }
    Ok(None)
}

/// The next frame until some time.
fn next<'r>(
    frames: &mut impl Frames,
    room: &'r mut [u8],
    until: Instant,
) -> Result<Option<&'r [u8]>, Error> {
    loop {
        if let Some(seen) = frames.receive(room)? {
            return Ok(room.get(..seen.len));
        }
        if frames.now() >= until {
            return Ok(None);
        }
        frames.wait(until)?;
    }
}

/// Addresses that follow from the hardware address, so that a host has the same again.
fn candidates(hardware: EthernetAddress, server: IpAddr) -> Vec<IpCidr> {
    let [first, second, third, rest @ ..] = hardware.0;
    match server {
        IpAddr::V4(server) => {
            let [.., taken] = server.octets();
            let start = rest.map(u32::from).into_iter().sum::<u32>() * 31;
            let at = |host| Ipv4Addr::from_bits(server.to_bits() & !0xff | u32::from(host));
            // Neither the network's own, nor the broadcast address, nor most often a router.
            let hosts = (0..=TRIES).map(|n| u8::try_from(2 + (start + 97 * n) % 252).unwrap_or(2));
            let free = hosts.filter(|host| *host != taken);
            free.map(|host| Ipv4Cidr::new(at(host), 24).into())
                .collect()
        }
        IpAddr::V6(server) => {
            let mut octets = server.octets();
            // RFC 4291, appendix A: the modified EUI-64.
            octets[8..13].copy_from_slice(&[first ^ 2, second, third, 0xff, 0xfe]);
            octets[13..].copy_from_slice(&rest);
            vec![Ipv6Cidr::new(Ipv6Addr::from(octets), 64).into()]
        }
    }
}

/// "Has anybody this address?", from nobody's (RFC 5227, section 2.1.1).
fn arp_probe(hardware: EthernetAddress, address: Ipv4Addr) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: hardware,
        source_protocol_addr: Ipv4Addr::UNSPECIFIED,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: address,
    };
    let header = EthernetRepr {
        src_addr: hardware,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    let mut frame = framed(header, arp.buffer_len());
    arp.emit(&mut ArpPacket::new_unchecked(
        frame.get_mut(HEADER..).unwrap_or_default(),
    ));
    frame
}

/// The same for IPv6 (RFC 4862, section 5.4.2).
fn solicitation(hardware: EthernetAddress, address: Ipv6Addr) -> Vec<u8> {
    let icmp = Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit {
        target_addr: address,
        lladdr: None,
    });
    let ip = Ipv6Repr {
        src_addr: Ipv6Addr::UNSPECIFIED,
        dst_addr: group(address),
        next_header: IpProtocol::Icmpv6,
        payload_len: icmp.buffer_len(),
        hop_limit: 255,
    };
    let header = EthernetRepr {
        src_addr: hardware,
        dst_addr: group_frame(address),
        ethertype: EthernetProtocol::Ipv6,
    };
    let mut frame = framed(header, ip.buffer_len() + icmp.buffer_len());
    let packet = frame.get_mut(HEADER..).unwrap_or_default();
    ip.emit(&mut Ipv6Packet::new_unchecked(&mut *packet));
    icmp.emit(
        &ip.src_addr,
        &ip.dst_addr,
        &mut Icmpv6Packet::new_unchecked(packet.get_mut(ip.buffer_len()..).unwrap_or_default()),
        &ChecksumCapabilities::default(),
    );
    frame
}

fn framed(header: EthernetRepr, len: usize) -> Vec<u8> {
    let mut frame = vec![0; HEADER + len];
    header.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
    frame
}

/// Who says in this frame that the address is its own, or is about to make it so.
fn answers(frame: &[u8], hardware: EthernetAddress, address: IpAddr) -> Option<EthernetAddress> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let from = frame.src_addr();
    if from == hardware {
        return None;
    }
    let payload = frame.payload();
    let is_answer = match (frame.ethertype(), address) {
        (EthernetProtocol::Arp, IpAddr::V4(address)) => {
            let arp = ArpPacket::new_checked(payload).ok()?;
            let is_probe =
                arp.source_protocol_addr() == [0; 4] && arp.operation() == ArpOperation::Request;
            arp.source_protocol_addr() == address.octets()
                || is_probe && arp.target_protocol_addr() == address.octets()
        }
        (EthernetProtocol::Ipv6, IpAddr::V6(address)) => {
            let packet = Ipv6Packet::new_checked(payload).ok()?;
            let ends = (packet.src_addr(), packet.dst_addr());
            if packet.next_header() != IpProtocol::Icmpv6 {
                return None;
            }
            let icmp = Icmpv6Packet::new_checked(packet.payload()).ok()?;
            let sums = ChecksumCapabilities::default();
            match Icmpv6Repr::parse(&ends.0, &ends.1, &icmp, &sums).ok()? {
                Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { target_addr, .. }) => {
                    target_addr == address
                }
                Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr, .. }) => {
                    target_addr == address && ends.0.is_unspecified()
                }
                _ => false,
            }
        }
        _ => false,
    };
    is_answer.then_some(from)
}
