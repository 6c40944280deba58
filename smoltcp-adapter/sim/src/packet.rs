//! The little that the network must know of a frame: where it goes, and which bits may be flipped.

use smoltcp::phy::Medium;
use smoltcp::wire::{
    ETHERNET_HEADER_LEN, EthernetAddress, IpAddress, IpCidr, Ipv4Address, Ipv6Address,
};

/// Whom a frame is for.
pub(crate) enum Destination {
    /// One host, by its address.
    Address(IpAddress),
    /// One host, by its place in the network, which its hardware address tells.
    Host(usize),
    /// Every host that the sender shares a link with.
    Neighbors,
    /// Nobody can tell.
    Unknown,
}

const ARP: [u8; 2] = [0x08, 0x06];

/// The hardware address of the host at this place: locally administered, and unique.
pub(crate) fn hardware_address(host: usize) -> EthernetAddress {
    let [.., a, b, c, d] = (host as u64).to_be_bytes();
    EthernetAddress([0x02, 0, a, b, c, d])
}

pub(crate) fn destination(medium: Medium, frame: &[u8], own: &[IpCidr]) -> Destination {
    if medium == Medium::Ethernet {
        return match frame {
            [first, ..] if first & 1 == 1 => Destination::Neighbors,
            [0x02, 0, a, b, c, d, ..] => usize::try_from(u32::from_be_bytes([*a, *b, *c, *d]))
                .map_or(Destination::Unknown, Destination::Host),
            _ => Destination::Unknown,
        };
    }
    match ip_destination(frame) {
        Some(address) if is_for_many(address, own) => Destination::Neighbors,
        Some(address) => Destination::Address(address),
        None => Destination::Unknown,
    }
}

/// The length of the IP packet in a frame.
pub(crate) fn ip_len(medium: Medium, frame: &[u8]) -> usize {
    frame.len().saturating_sub(header_len(medium))
}

/// Where the bytes begin that a checksum guards: the end of the Ethernet header, or that of the
/// frame if there is no checksum at all.
pub(crate) fn guarded_from(medium: Medium, frame: &[u8]) -> usize {
    match medium {
        Medium::Ethernet if frame.get(12..14) == Some(&ARP) => frame.len(),
        _ => header_len(medium).min(frame.len()),
    }
}

/// The IP packet in a frame.
pub(crate) fn ip(medium: Medium, frame: &[u8]) -> &[u8] {
    frame.get(header_len(medium)..).unwrap_or_default()
}

/// Flips a bit, counted from the byte at `from`.
pub(crate) fn flip(frame: &mut [u8], from: usize, bit: u64) {
    let byte = from + usize::try_from(bit / 8).unwrap_or(usize::MAX);
    if let Some(byte) = frame.get_mut(byte) {
        *byte ^= 1 << (bit % 8);
    }
}

fn header_len(medium: Medium) -> usize {
    if medium == Medium::Ethernet {
        ETHERNET_HEADER_LEN
    } else {
        0
    }
}

fn ip_destination(packet: &[u8]) -> Option<IpAddress> {
    match packet.first()? >> 4 {
        4 => {
            let bytes = packet.get(16..20)?;
            Some(Ipv4Address::from_octets(bytes.try_into().ok()?).into())
        }
        6 => {
            let bytes = packet.get(24..40)?;
            Some(Ipv6Address::from_octets(bytes.try_into().ok()?).into())
        }
        _ => None,
    }
}

fn is_for_many(address: IpAddress, own: &[IpCidr]) -> bool {
    address.is_multicast()
        || address.is_broadcast()
        || own.iter().any(|cidr| match (cidr, address) {
            (IpCidr::Ipv4(cidr), IpAddress::Ipv4(address)) => cidr.broadcast() == Some(address),
            _ => false,
        })
}
