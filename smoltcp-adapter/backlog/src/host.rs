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

/// What a host takes for its own, beside the addresses of its networks.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// What comes before the IP header.
    pub link: Link,
    /// The card's address; only looked at on Ethernet.
    pub hardware: [u8; 6],
    /// The host takes packets to any address.
    pub any_address: bool,
    /// What is left to check.
    pub checksums: Checksums,
}

/// An IP packet that is in order, with a TCP segment in it.
struct Packet<'f> {
    from: IpAddr,
    to: IpAddr,
    /// Both, as they stand in the header.
    addresses: &'f [u8],
    segment: &'f [u8],
}

impl Host {
    /// To which of the host's addresses a SYN is sent. `None`: it is no SYN, it isn't for this host,
    /// or a stack would throw it away.
    ///
    /// Checked are hardware address, `EtherType`, lengths, checksums, fragmentation, both addresses
    /// and ports, flags, and the form of all TCP options.
    #[cold]
    pub fn destination(&self, syn: &Segment<'_>, networks: &[Network]) -> Option<IpAddr> {
        let packet = self.packet(syn)?;
        let to = packet.to;
        let is_syn = syn.flags() & (SYN | ACK | RST | FIN) == SYN && is_well_formed(packet.segment);
        let is_own = self.any_address || networks.iter().any(|own| own.address == to);
        (is_syn && is_own && is_single(packet.from, networks) && self.adds_up(&packet))
            .then_some(to)
    }

    fn packet<'f>(&self, syn: &Segment<'f>) -> Option<Packet<'f>> {
        let mut packet = syn.frame();
        let mut ethertype = None;
        if self.link == Link::Ethernet {
            let (header, payload) = packet.split_first_chunk::<14>()?;
            let [to @ .., _, _, _, _, _, _, high, low] = header;
            let is_group = to[0] & 1 == 1;
            if !is_group && *to != self.hardware {
                return None;
            }
            ethertype = Some(u16::from_be_bytes([*high, *low]));
            packet = payload;
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
        let (addresses, _) = packet.get(12..)?.split_first_chunk::<8>()?;
        let [a, b, c, d, to @ ..] = *addresses;
        Some(Packet {
            from: [a, b, c, d].into(),
            to: to.into(),
            addresses,
            segment: packet.get(header..total)?,
        })
    }

    /// Whether the checksum of a segment is right, or isn't looked at.
    fn adds_up(&self, packet: &Packet<'_>) -> bool {
        // With those of the pseudo header: addresses, protocol and length. A packet has at most
        // 65,535 bytes.
        let header = u32::from(TCP) + u32::try_from(packet.segment.len()).unwrap_or_default();
        !self.checksums.tcp
            || checksum::is_right(
                checksum::sum(packet.addresses) + header + checksum::sum(packet.segment),
            )
    }
}

#[cfg(feature = "ipv6")]
fn ipv6(packet: &[u8]) -> Option<Packet<'_>> {
    let (header, payload) = packet.split_first_chunk::<40>()?;
    let [_, _, _, _, high, low, ..] = *header;
    let addresses = header.last_chunk::<32>()?;
    Some(Packet {
        from: addresses.first_chunk::<16>().copied()?.into(),
        to: addresses.last_chunk::<16>().copied()?.into(),
        addresses,
        segment: payload.get(..u16::from_be_bytes([high, low]).into())?,
    })
}

/// Whether an address can be that of one client.
fn is_single(address: IpAddr, networks: &[Network]) -> bool {
    !(address.is_multicast() || address.is_unspecified() || is_broadcast(address, networks))
}

/// Whether it is a broadcast address: everybody's, or that of one of our networks.
fn is_broadcast(address: IpAddr, networks: &[Network]) -> bool {
    let IpAddr::V4(address) = address else {
        return false;
    };
    let is_ours = |network: &Network| match network.address {
        // Two addresses, or one: none is left for a broadcast (RFC 3021).
        IpAddr::V4(own) if network.prefix < 31 => {
            own.to_bits() | u32::MAX >> network.prefix == address.to_bits()
        }
        _ => false,
    };
    address.is_broadcast() || networks.iter().any(is_ours)
}

/// Whether a TCP header has both ports, the length that it claims, and options of the right form.
fn is_well_formed(segment: &[u8]) -> bool {
    let has_ports = match *segment {
        [a, b, c, d, ..] => [a, b] != [0, 0] && [c, d] != [0, 0],
        _ => false,
    };
    has_ports && read_options(segment, Until::End).is_ok()
}
