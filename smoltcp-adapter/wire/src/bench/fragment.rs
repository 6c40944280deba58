//! Fragments of packets by hand, of either version (RFC 791, section 3.2; RFC 8200, section 4.5).

use core::net::IpAddr;

use smoltcp::wire::IpProtocol;

use super::craft::{self, ETHERNET, Ends, Hop};

/// Which part of a packet a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The packet's number; IPv4 has 16 bits of it.
    pub id: u32,
    /// Where it stands in what the packet carries, in bytes; a multiple of 8.
    pub offset: usize,
    /// Whether another is behind it.
    pub has_more: bool,
}

/// A frame with a fragment.
pub fn fragment(hop: Hop, ends: Ends, protocol: IpProtocol, part: Part, bytes: &[u8]) -> Vec<u8> {
    let [high, low, ..] = u16::try_from(part.id & 0xffff)
        .unwrap_or_default()
        .to_be_bytes();
    if let (IpAddr::V4(_), IpAddr::V4(_)) = (ends.from, ends.to) {
        let mut frame = craft::ip(hop, ends, protocol, craft::HOPS, bytes);
        let more = if part.has_more { 0x2000 } else { 0 };
        let place = u16::try_from((part.offset / 8) & 0x1fff).unwrap_or_default() | more;
        let [flags, offset] = place.to_be_bytes();
        craft::put(&mut frame, ETHERNET + 4, &[high, low, flags, offset]);
        craft::mend_ip4(&mut frame);
        return frame;
    }
    let place = u16::try_from(part.offset & 0xfff8).unwrap_or_default();
    let place = (place | u16::from(part.has_more)).to_be_bytes();
    let header = [u8::from(protocol), 0];
    let body = [&header[..], &place, &part.id.to_be_bytes(), bytes].concat();
    craft::ip(hop, ends, IpProtocol::Ipv6Frag, craft::HOPS, &body)
}

/// What a packet carries, in so many fragments of about the same length.
pub fn cut(
    hop: Hop,
    ends: Ends,
    protocol: IpProtocol,
    id: u32,
    count: usize,
    bytes: &[u8],
) -> Vec<Vec<u8>> {
    let each = (bytes.len() / count.max(1) / 8 * 8).max(8);
    let mut frames = Vec::with_capacity(count);
    let mut offset = 0;
    while offset < bytes.len() {
        let is_last = frames.len() + 1 >= count;
        let end = if is_last {
            bytes.len()
        } else {
            bytes.len().min(offset + each)
        };
        let part = Part {
            id,
            offset,
            has_more: end < bytes.len(),
        };
        let piece = bytes.get(offset..end).unwrap_or_default();
        frames.push(fragment(hop, ends, protocol, part, piece));
        offset = end;
    }
    frames
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use smoltcp::wire::{EthernetAddress, Ipv4Packet, Ipv6FragmentHeader, Ipv6Packet};

    use super::*;

    const HOP: Hop = Hop {
        from: EthernetAddress([2, 0, 0, 0, 0, 1]),
        to: EthernetAddress([2, 0, 0, 0, 0, 2]),
    };

    /// Each fragment's offset, whether more follow, and how many bytes it has.
    type Places = Vec<(usize, bool, usize)>;

    const WANTED: [(usize, bool, usize); 3] = [(0, true, 32), (32, true, 32), (64, false, 36)];

    #[test]
    fn fragments_of_ip4_are_read_back() {
        let ends = Ends {
            from: Ipv4Addr::new(10, 0, 0, 1).into(),
            to: Ipv4Addr::new(10, 0, 0, 2).into(),
        };
        let frames = cut(HOP, ends, IpProtocol::Icmp, 77, 3, &[5; 100]);
        let places: Places = frames
            .iter()
            .map(|frame| {
                let packet = Ipv4Packet::new_checked(&frame[ETHERNET..]).expect("a packet");
                assert!(packet.verify_checksum());
                assert_eq!(packet.ident(), 77);
                let len = packet.payload().len();
                (packet.frag_offset().into(), packet.more_frags(), len)
            })
            .collect();
        assert_eq!(places, WANTED);
    }

    #[test]
    fn fragments_of_ip6_are_read_back() {
        let ends = Ends {
            from: Ipv6Addr::LOCALHOST.into(),
            to: Ipv6Addr::LOCALHOST.into(),
        };
        let frames = cut(HOP, ends, IpProtocol::Icmpv6, 0x1234_5678, 3, &[5; 100]);
        let places: Places = frames
            .iter()
            .map(|frame| {
                let packet = Ipv6Packet::new_checked(&frame[ETHERNET..]).expect("a packet");
                let body = packet.payload();
                assert_eq!(body[0], u8::from(IpProtocol::Icmpv6));
                let header = Ipv6FragmentHeader::new_checked(&body[2..]).expect("a header");
                assert_eq!(header.ident(), 0x1234_5678);
                let offset = usize::from(header.frag_offset()) * 8;
                (offset, header.more_frags(), body.len() - 8)
            })
            .collect();
        assert_eq!(places, WANTED);
    }
}
