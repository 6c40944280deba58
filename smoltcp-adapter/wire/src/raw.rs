//! Frames that no socket would send: a SYN of which nothing follows, the RST that ends that, and a datagram in
//! fragments.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpEndpoint,
    IpProtocol, IpRepr, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    UdpPacket, UdpRepr,
};

use crate::cable::HEADER;

/// The hop limit of all that is sent here (RFC 1700 recommends it).
const HOPS: u8 = 64;

/// From which hardware address to which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    pub(crate) from: EthernetAddress,
    pub(crate) to: EthernetAddress,
}

/// A SYN with this sequence number.
pub(crate) fn syn(hop: Hop, from: IpEndpoint, to: IpEndpoint, seq: u32, mtu: usize) -> Vec<u8> {
    let headers = if is_v4(from.addr) { 40 } else { 60 };
    let mss = u16::try_from(mtu.saturating_sub(headers)).ok();
    bare(hop, from, to, TcpControl::Syn, seq, mss)
}

/// RST with this sequence number.
pub(crate) fn rst(hop: Hop, from: IpEndpoint, to: IpEndpoint, seq: u32) -> Vec<u8> {
    bare(hop, from, to, TcpControl::Rst, seq, None)
}

/// A segment without data that acknowledges nothing.
fn bare(
    hop: Hop,
    from: IpEndpoint,
    to: IpEndpoint,
    control: TcpControl,
    seq: u32,
    mss: Option<u16>,
) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: from.port,
        dst_port: to.port,
        control,
        seq_number: TcpSeqNumber(seq.cast_signed()),
        ack_number: None,
        window_len: 2048,
        window_scale: None,
        max_seg_size: mss,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let sums = ChecksumCapabilities::default();
    let ip = IpRepr::new(from.addr, to.addr, IpProtocol::Tcp, tcp.buffer_len(), HOPS);
    let mut frame = framed(hop, from.addr, ip.buffer_len());
    let packet = frame.get_mut(HEADER..).unwrap_or_default();
    ip.emit(&mut *packet, &sums);
    let segment = packet.get_mut(ip.header_len()..).unwrap_or_default();
    let mut segment = TcpPacket::new_unchecked(segment);
    tcp.emit(&mut segment, &from.addr, &to.addr, &sums);
    frame
}

/// A datagram in as many IP packets as it takes (RFC 791, section 3.2; RFC 8200, section 4.5).
pub(crate) fn fragments(
    hop: Hop,
    from: IpEndpoint,
    to: IpEndpoint,
    payload: &[u8],
    id: u32,
    mtu: usize,
) -> Vec<Vec<u8>> {
    let udp = UdpRepr {
        src_port: from.port,
        dst_port: to.port,
    };
    let mut datagram = vec![0; udp.header_len() + payload.len()];
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut datagram),
        &from.addr,
        &to.addr,
        payload.len(),
        |room| room.copy_from_slice(payload),
        &ChecksumCapabilities::default(),
    );
    let headers = if is_v4(from.addr) { 20 } else { 48 };
    // Offsets count in units of eight bytes.
    let most = (mtu.saturating_sub(headers) / 8 * 8).max(8);
    let count = datagram.len().div_ceil(most);
    let parts = datagram.chunks(most).enumerate().map(|(place, part)| {
        let (offset, more) = (place * most, place + 1 < count);
        let mut frame = framed(hop, from.addr, headers + part.len());
        let packet = frame.get_mut(HEADER..).unwrap_or_default();
        match (from.addr, to.addr) {
            (IpAddress::Ipv4(from), IpAddress::Ipv4(to)) => {
                let ip = Ipv4Repr {
                    src_addr: from,
                    dst_addr: to,
                    next_header: IpProtocol::Udp,
                    payload_len: part.len(),
                    hop_limit: HOPS,
                };
                let mut packet = Ipv4Packet::new_unchecked(&mut *packet);
                ip.emit(&mut packet, &ChecksumCapabilities::ignored());
                packet.set_ident(u16::try_from(id & 0xffff).unwrap_or_default());
                packet.set_dont_frag(false);
                packet.set_more_frags(more);
                packet.set_frag_offset(u16::try_from(offset).unwrap_or(u16::MAX));
                packet.fill_checksum();
            }
            (from, to) => {
                let ip = IpRepr::new(from, to, IpProtocol::Ipv6Frag, 8 + part.len(), HOPS);
                ip.emit(&mut *packet, &ChecksumCapabilities::default());
                let [high, low] = u16::try_from(offset | usize::from(more))
                    .unwrap_or(u16::MAX)
                    .to_be_bytes();
                let [a, b, c, d] = id.to_be_bytes();
                let header = [IpProtocol::Udp.into(), 0, high, low, a, b, c, d];
                if let Some(room) = packet.get_mut(40..48) {
                    room.copy_from_slice(&header);
                }
            }
        }
        if let Some(room) = packet.get_mut(headers..) {
            room.copy_from_slice(part);
        }
        frame
    });
    parts.collect()
}

fn is_v4(address: IpAddress) -> bool {
    matches!(address, IpAddress::Ipv4(_))
}

/// A frame with room for an IP packet of so many bytes.
fn framed(hop: Hop, from: IpAddress, packet: usize) -> Vec<u8> {
    let mut frame = vec![0; HEADER + packet];
    let header = EthernetRepr {
        src_addr: hop.from,
        dst_addr: hop.to,
        ethertype: match from {
            IpAddress::Ipv4(_) => EthernetProtocol::Ipv4,
            IpAddress::Ipv6(_) => EthernetProtocol::Ipv6,
        },
    };
    header.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
    frame
}

#[cfg(test)]
mod tests {
    use smoltcp::phy::Medium;
    use smoltcp_sim::Segment;

    use super::*;

    const HOP: Hop = Hop {
        from: EthernetAddress([2, 0, 0, 0, 0, 1]),
        to: EthernetAddress([2, 0, 0, 0, 0, 2]),
    };

    fn ends() -> [[IpEndpoint; 2]; 2] {
        let v4 = [1, 2].map(|host| IpEndpoint::new(IpAddress::v4(192, 0, 2, host), 8000));
        let v6 =
            [1, 2].map(|host| IpEndpoint::new(IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, host), 8000));
        [v4, v6]
    }

    /// One that a stack throws away as malformed would harm nobody, and prove nothing.
    #[test]
    fn a_syn_is_well_formed() {
        for [from, to] in ends() {
            let frame = syn(HOP, from, to, 0xffff_fff0, 1500);
            let segment = Segment::read(Medium::Ethernet, &frame).expect("a segment");
            assert!(segment.is_syn());
            assert_eq!((segment.from, segment.to), (from, to));
            let ip = if is_v4(from.addr) { 20 } else { 40 };
            let tcp = TcpPacket::new_checked(&frame[HEADER + ip..]).expect("a segment");
            assert!(tcp.verify_checksum(&from.addr, &to.addr));
        }
    }

    #[test]
    fn fragments_make_up_the_datagram() {
        let payload: Vec<u8> = (0..8000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for [from, to] in ends() {
            let frames = fragments(HOP, from, to, &payload, 7, 1500);
            assert_eq!(frames.len(), 6);
            let headers = if is_v4(from.addr) { 20 } else { 48 };
            let mut datagram = Vec::new();
            for (place, frame) in frames.iter().enumerate() {
                assert!(frame.len() <= HEADER + 1500);
                let packet = &frame[HEADER..];
                let (offset, more) = if is_v4(from.addr) {
                    let ip = Ipv4Packet::new_checked(packet).expect("a packet");
                    assert!(ip.verify_checksum());
                    (usize::from(ip.frag_offset()), ip.more_frags())
                } else {
                    let field = u16::from_be_bytes([packet[42], packet[43]]);
                    (usize::from(field & !7), field & 1 == 1)
                };
                assert_eq!((offset, more), (datagram.len(), place < 5));
                datagram.extend(&packet[headers..]);
            }
            let udp = UdpPacket::new_checked(&datagram).expect("a datagram");
            assert!(udp.verify_checksum(&from.addr, &to.addr));
            assert_eq!(udp.payload(), payload);
        }
    }
}
