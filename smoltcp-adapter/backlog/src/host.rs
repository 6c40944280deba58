//! Which SYNs deserve a place in the backlog: those that the stack would take if a socket listened.
//!
//! All that a stack looks at is looked at here too: a place that waits for a client who can't be
//! answered is lost to others. To be asked only about a SYN for which no socket listens, as it goes
//! through the whole segment.

use core::net::IpAddr;

use crate::checksum;
use crate::segment::{ACK, FIN, Link, RST, SYN, Segment, TCP, Until, read_options};

/// An address of the host, and how long the prefix of its network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The host's own address.
    pub address: IpAddr,
    /// Bits that all hosts of the network have in common.
    pub prefix: u8,
}

/// Which checksums are to be looked at: not those that the device has checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksums {
    /// That of the IPv4 header.
    pub ipv4: bool,
    /// That of the TCP segment.
    pub tcp: bool,
}

/// What a host takes for its own.
#[derive(Clone, Copy, Debug)]
pub struct Host<'h> {
    /// What comes before the IP header.
    pub link: Link,
    /// The card's address; only looked at on Ethernet.
    pub hardware: [u8; 6],
    /// All addresses.
    pub networks: &'h [Network],
    /// The host takes packets to any address.
    pub any_address: bool,
    /// What is left to check.
    pub checksums: Checksums,
}

/// An IP packet that is in order, with a TCP segment in it.
struct Packet<'f> {
    /// Source and destination, as they stand in the header.
    addresses: &'f [u8],
    segment: &'f [u8],
}

impl Host<'_> {
    /// To which of the host's addresses a SYN is sent. `None`: it is no SYN, it isn't for this host,
    /// or a stack would throw it away.
    ///
    /// Checked are hardware address, `EtherType`, lengths, checksums, fragmentation, both addresses
    /// and ports, flags, and the form of all TCP options.
    #[cold]
    pub fn destination(&self, syn: &Segment<'_>) -> Option<IpAddr> {
        let Packet { addresses, segment } = self.packet(syn)?;
        let (from, to) = addresses.split_at_checked(addresses.len() / 2)?;
        let is_syn = syn.flags() & (SYN | ACK | RST | FIN) == SYN && is_well_formed(segment);
        let is_own = self.any_address || self.networks.iter().any(|own| is(own.address, to));
        (is_syn && is_own && self.is_single(from) && self.adds_up(addresses, segment))
            .then(|| address(to))?
    }

    fn packet<'f>(&self, syn: &Segment<'f>) -> Option<Packet<'f>> {
        let mut packet = syn.frame();
        let mut ethertype = None;
        if self.link == Link::Ethernet {
            let &[first, .., high, low] = packet.first_chunk::<14>()?;
            let is_group = first & 1 == 1;
            if !is_group && !packet.starts_with(&self.hardware) {
                return None;
            }
            ethertype = Some(u16::from_be_bytes([high, low]));
            packet = packet.get(14..)?;
        }
        match (*packet.first()? >> 4, ethertype) {
            #[cfg(feature = "ipv4")]
            (4, None | Some(0x0800)) => self.ipv4(packet),
            #[cfg(feature = "ipv6")]
            (6, None | Some(0x86dd)) => ipv6(packet),
            _ => None,
        }
    }

    #[cfg(feature = "ipv4")]
    fn ipv4<'f>(&self, packet: &'f [u8]) -> Option<Packet<'f>> {
        let &[first, _, high, low, _, _, fragment, offset, ..] = packet.first_chunk::<20>()?;
        let header = usize::from(first & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([high, low]));
        let is_whole = [fragment & 0x3f, offset] == [0, 0];
        let adds_up =
            || checksum::is_right(checksum::sum(packet.get(..header).unwrap_or_default()));
        if header < 20 || !is_whole || self.checksums.ipv4 && !adds_up() {
            return None;
        }
        Some(Packet {
            addresses: packet.get(12..20)?,
            segment: packet.get(header..total)?,
        })
    }

    /// Whether an address can be that of one client.
    fn is_single(&self, address: &[u8]) -> bool {
        let is_multicast = match *address {
            [first, _, _, _] => first >> 4 == 0xe,
            [first, ..] => first == 0xff,
            [] => true,
        };
        let all = |byte| address.iter().all(|known| *known == byte);
        !(is_multicast || all(0) || all(0xff) || self.is_broadcast(address))
    }

    /// Whether it is the broadcast address of one of our networks.
    fn is_broadcast(&self, address: &[u8]) -> bool {
        self.networks.iter().any(|network| match network.address {
            // Two addresses, or one: none is left for a broadcast (RFC 3021).
            IpAddr::V4(own) if network.prefix < 31 => {
                let broadcast = own.to_bits() | u32::MAX >> network.prefix;
                broadcast.to_be_bytes().iter().eq(address)
            }
            _ => false,
        })
    }

    /// Whether the checksum of a segment is right, or isn't looked at.
    fn adds_up(&self, addresses: &[u8], segment: &[u8]) -> bool {
        // With those of the pseudo header: addresses, protocol and length. A packet has at most
        // 65,535 bytes.
        let header = u32::from(TCP) + u32::try_from(segment.len()).unwrap_or_default();
        !self.checksums.tcp
            || checksum::is_right(checksum::sum(addresses) + header + checksum::sum(segment))
    }
}

#[cfg(feature = "ipv6")]
fn ipv6(packet: &[u8]) -> Option<Packet<'_>> {
    let (header, payload) = packet.split_first_chunk::<40>()?;
    let [_, _, _, _, high, low, ..] = *header;
    Some(Packet {
        addresses: header.get(8..)?,
        segment: payload.get(..u16::from_be_bytes([high, low]).into())?,
    })
}

/// Whether an address stands in a header with these bytes.
fn is(address: IpAddr, bytes: &[u8]) -> bool {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddr::V4(address) => address.octets().iter().eq(bytes),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => address.octets().iter().eq(bytes),
        #[allow(unreachable_patterns, reason = "reached when a version is left out")]
        _ => false,
    }
}

/// What stands in a header as these bytes.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    #[cfg(feature = "ipv4")]
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(octets));
    }
    #[cfg(feature = "ipv6")]
    if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
        return Some(IpAddr::from(octets));
    }
    None
}

/// Whether a TCP header has both ports, the length that it claims, and options of the right form.
fn is_well_formed(segment: &[u8]) -> bool {
    let has_ports = match segment {
        [a, b, c, d, ..] => [a, b] != [&0, &0] && [c, d] != [&0, &0],
        _ => false,
    };
    has_ports && read_options(segment, Until::End).is_ok()
}
