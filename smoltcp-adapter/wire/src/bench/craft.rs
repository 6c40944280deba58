//! Frames by hand: ARP, neighbor discovery, ICMP and UDP over both versions of IP, as bytes that a check may
//! edit before they are sent.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv4Packet,
    Ipv4Repr, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr, UdpPacket, UdpRepr,
};

/// An Ethernet header.
pub const ETHERNET: usize = 14;

/// The shortest frame that Ethernet carries, without its check sequence (IEEE 802.3, 4.2.3.3).
pub const SHORTEST: usize = 60;

/// The time to live of all that is sent (RFC 1700 recommends it).
pub const HOPS: u8 = 64;

/// For local experiments (RFC 9542, section 2.1.2): nobody answers it.
pub const NOBODYS: u16 = 0x88b5;

/// From which hardware address to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Who sends.
    pub from: EthernetAddress,
    /// Who shall receive.
    pub to: EthernetAddress,
}

/// From which IP address to which; both of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who sends.
    pub from: IpAddr,
    /// Who shall receive.
    pub to: IpAddr,
}

/// A frame of this type, long enough for Ethernet.
pub fn frame(hop: Hop, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; (ETHERNET + payload.len()).max(SHORTEST)];
    let header = EthernetRepr {
        src_addr: hop.from,
        dst_addr: hop.to,
        ethertype: ethertype.into(),
    };
    header.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
    put(&mut frame, ETHERNET, payload);
    frame
}

/// ARP (RFC 826): who has which addresses, and who is asked.
pub fn arp(
    hop: Hop,
    operation: ArpOperation,
    (from, from_ip): (EthernetAddress, Ipv4Addr),
    (to, to_ip): (EthernetAddress, Ipv4Addr),
) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: from,
        source_protocol_addr: from_ip,
        target_hardware_addr: to,
        target_protocol_addr: to_ip,
    };
    let mut payload = vec![0; arp.buffer_len()];
    arp.emit(&mut ArpPacket::new_unchecked(&mut payload[..]));
    frame(hop, EthernetProtocol::Arp.into(), &payload)
}

/// An IP packet, with its header's sum.
pub fn ip(hop: Hop, ends: Ends, protocol: IpProtocol, hops: u8, payload: &[u8]) -> Vec<u8> {
    let (ethertype, packet) = match (ends.from, ends.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let header = Ipv4Repr {
                src_addr: from,
                dst_addr: to,
                next_header: protocol,
                payload_len: payload.len(),
                hop_limit: hops,
            };
            let mut packet = vec![0; header.buffer_len() + payload.len()];
            header.emit(
                &mut Ipv4Packet::new_unchecked(&mut packet[..]),
                &ChecksumCapabilities::default(),
            );
            put(&mut packet, header.buffer_len(), payload);
            (EthernetProtocol::Ipv4, packet)
        }
        (from, to) => {
            let header = Ipv6Repr {
                src_addr: v6(from),
                dst_addr: v6(to),
                next_header: protocol,
                payload_len: payload.len(),
                hop_limit: hops,
            };
            let mut packet = vec![0; header.buffer_len() + payload.len()];
            header.emit(&mut Ipv6Packet::new_unchecked(&mut packet[..]));
            put(&mut packet, header.buffer_len(), payload);
            (EthernetProtocol::Ipv6, packet)
        }
    };
    frame(hop, ethertype.into(), &packet)
}

/// An echo request or reply of the version of its ends, with its sum (RFC 792; RFC 4443, section 4.1).
pub fn echo(ends: Ends, is_reply: bool, ident: u16, number: u16, data: &[u8]) -> Vec<u8> {
    let sums = ChecksumCapabilities::default();
    match (ends.from, ends.to) {
        (IpAddr::V4(_), IpAddr::V4(_)) => {
            let icmp = if is_reply {
                Icmpv4Repr::EchoReply {
                    ident,
                    seq_no: number,
                    data,
                }
            } else {
                Icmpv4Repr::EchoRequest {
                    ident,
                    seq_no: number,
                    data,
                }
            };
            let mut bytes = vec![0; icmp.buffer_len()];
            icmp.emit(&mut Icmpv4Packet::new_unchecked(&mut bytes[..]), &sums);
            bytes
        }
        (from, to) => {
            let icmp = if is_reply {
                Icmpv6Repr::EchoReply {
                    ident,
                    seq_no: number,
                    data,
                }
            } else {
                Icmpv6Repr::EchoRequest {
                    ident,
                    seq_no: number,
                    data,
                }
            };
            icmp6(v6(from), v6(to), &icmp)
        }
    }
}

/// Which protocol ICMP is between these ends.
pub fn icmp_of(ends: Ends) -> IpProtocol {
    match ends.from {
        IpAddr::V4(_) => IpProtocol::Icmp,
        IpAddr::V6(_) => IpProtocol::Icmpv6,
    }
}

/// A neighbor solicitation; without our hardware address where it comes from nobody (RFC 4861, section 4.3).
pub fn solicit(from: Ipv6Addr, to: Ipv6Addr, target: Ipv6Addr, own: EthernetAddress) -> Vec<u8> {
    let solicit = NdiscRepr::NeighborSolicit {
        target_addr: target,
        lladdr: (!from.is_unspecified()).then(|| own.into()),
    };
    icmp6(from, to, &Icmpv6Repr::Ndisc(solicit))
}

/// The answer to a solicitation (RFC 4861, section 4.4).
pub fn advertise(from: Ipv6Addr, to: Ipv6Addr, own: EthernetAddress) -> Vec<u8> {
    let advert = NdiscRepr::NeighborAdvert {
        flags: NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE,
        target_addr: from,
        lladdr: Some(own.into()),
    };
    icmp6(from, to, &Icmpv6Repr::Ndisc(advert))
}

fn icmp6(from: Ipv6Addr, to: Ipv6Addr, icmp: &Icmpv6Repr<'_>) -> Vec<u8> {
    let mut bytes = vec![0; icmp.buffer_len()];
    icmp.emit(
        &from,
        &to,
        &mut Icmpv6Packet::new_unchecked(&mut bytes[..]),
        &ChecksumCapabilities::default(),
    );
    bytes
}

/// A datagram, with its sum.
pub fn udp(ends: Ends, from_port: u16, to_port: u16, payload: &[u8]) -> Vec<u8> {
    let udp = UdpRepr {
        src_port: from_port,
        dst_port: to_port,
    };
    let mut bytes = vec![0; udp.header_len() + payload.len()];
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut bytes[..]),
        &ends.from.into(),
        &ends.to.into(),
        payload.len(),
        |room| room.copy_from_slice(payload),
        &ChecksumCapabilities::default(),
    );
    bytes
}

/// Makes the sum of an IPv4 header fit after an edit.
pub fn mend_ip4(frame: &mut [u8]) {
    if let Some(packet) = frame.get_mut(ETHERNET..ETHERNET + 20) {
        put(packet, 10, &[0, 0]);
        let sum = sum(packet);
        put(packet, 10, &sum.to_be_bytes());
    }
}

/// Puts options behind the header of a packet of IPv4, filled up to whole words (RFC 791, section 3.1).
pub fn add_options(frame: &mut Vec<u8>, options: &[u8]) {
    const LEAST: usize = 20;
    let Some([first, _, high, low, ..]) = frame.get(ETHERNET..ETHERNET + LEAST) else {
        return;
    };
    let (version, said) = (first & 0xf0, usize::from(u16::from_be_bytes([*high, *low])));
    frame.truncate(ETHERNET + said);
    let mut options = options.to_vec();
    options.resize(options.len().next_multiple_of(4), 0);
    let header = LEAST + options.len();
    let len = u16::try_from(said + options.len()).unwrap_or(u16::MAX);
    let at = ETHERNET + LEAST;
    frame.splice(at..at, options);
    let words = u8::try_from(header / 4).unwrap_or_default();
    put(frame, ETHERNET, &[version | words]);
    put(frame, ETHERNET + 2, &len.to_be_bytes());
    if let Some(packet) = frame.get_mut(ETHERNET..ETHERNET + header) {
        put(packet, 10, &[0, 0]);
        let sum = sum(packet);
        put(packet, 10, &sum.to_be_bytes());
    }
}

/// Makes the sum of a message of ICMP fit after an edit.
pub fn mend_icmp4(message: &mut [u8]) {
    put(message, 2, &[0, 0]);
    let sum = sum(message);
    put(message, 2, &sum.to_be_bytes());
}

/// Makes the sum of a message of ICMP over IPv6 fit after an edit.
pub fn mend_icmp6(from: Ipv6Addr, to: Ipv6Addr, message: &mut [u8]) {
    let ends = Ends {
        from: from.into(),
        to: to.into(),
    };
    mend_transport(ends, IpProtocol::Icmpv6, 2, message);
}

/// Makes the sum of a segment or a datagram fit after an edit, which stands at this place of it.
pub fn mend_transport(ends: Ends, protocol: IpProtocol, at: usize, bytes: &mut [u8]) {
    put(bytes, at, &[0, 0]);
    let len = u32::try_from(bytes.len()).unwrap_or_default();
    // Both pseudo headers have the same words, if in another order (RFC 9293, 3.1; RFC 8200, 8.1).
    let mut whole = match (ends.from, ends.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
        (from, to) => [v6(from).octets(), v6(to).octets()].concat(),
    };
    whole.extend(len.to_be_bytes());
    whole.extend([0, 0, 0, protocol.into()]);
    whole.extend_from_slice(bytes);
    let sum = sum(&whole);
    put(bytes, at, &sum.to_be_bytes());
}

/// Makes the sum of a datagram fit after an edit, over as much of it as its length says and is there.
pub fn mend_udp(ends: Ends, datagram: &mut [u8]) {
    put(datagram, 6, &[0, 0]);
    let said = match datagram.get(4..6) {
        Some([high, low]) => u16::from_be_bytes([*high, *low]),
        _ => return,
    };
    let mut whole = match (ends.from, ends.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
        (from, to) => [v6(from).octets(), v6(to).octets()].concat(),
    };
    whole.extend([0, IpProtocol::Udp.into()]);
    whole.extend(said.to_be_bytes());
    whole.extend(datagram.iter().take(said.into()));
    let sum = match sum(&whole) {
        0 => 0xffff, // zero would be none
        sum => sum,
    };
    put(datagram, 6, &sum.to_be_bytes());
}

/// Makes the sum of a message of ICMP of the version of its ends fit after an edit.
pub fn mend_icmp(ends: Ends, message: &mut [u8]) {
    match (ends.from, ends.to) {
        (IpAddr::V4(_), IpAddr::V4(_)) => mend_icmp4(message),
        (from, to) => mend_icmp6(v6(from), v6(to), message),
    }
}

/// The sum over words of two bytes (RFC 1071).
fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| match *word {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let mut sum = words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// Puts bytes at a place, as far as there is one.
pub fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    if let Some(room) = bytes.get_mut(at..at + part.len()) {
        room.copy_from_slice(part);
    }
}

/// An address of version 6; that of version 4 mapped into it where there is another, which nobody sends.
fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
