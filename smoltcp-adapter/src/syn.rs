//! Which SYNs deserve a place in the backlog: those that smoltcp would take if a socket listened.
//!
//! All that smoltcp looks at is looked at here too, with its own parsers: a place that waits for a
//! client who can't be answered is lost to others. Only the [`syn_filter`](crate::syn_filter) asks, and only
//! about a SYN for which no socket listens.

use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::Interface;
use smoltcp::phy::{ChecksumCapabilities, DeviceCapabilities, Medium};
#[cfg(feature = "medium-ethernet")]
use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol, HardwareAddress};
use smoltcp::wire::{IpAddress, IpCidr, TcpControl, TcpPacket, TcpRepr};
#[cfg(feature = "proto-ipv4")]
use smoltcp::wire::{Ipv4Packet, Ipv4Repr};
#[cfg(feature = "proto-ipv6")]
use smoltcp::wire::{Ipv6Packet, Ipv6Repr};

/// What is the interface's own, when it was last noted.
pub(crate) struct Own {
    medium: Medium,
    checksums: ChecksumCapabilities,
    #[cfg(feature = "medium-ethernet")]
    hardware: EthernetAddress,
    addresses: heapless::Vec<IpCidr, IFACE_MAX_ADDR_COUNT>,
    any_address: bool,
}

impl Own {
    /// Nothing yet, on a device of these capabilities.
    pub(crate) fn new(device: DeviceCapabilities) -> Self {
        Self {
            medium: device.medium,
            checksums: device.checksum,
            #[cfg(feature = "medium-ethernet")]
            hardware: EthernetAddress([0; 6]),
            addresses: heapless::Vec::new(),
            any_address: false,
        }
    }

    /// Notes what the program may have changed.
    pub(crate) fn note(&mut self, interface: &Interface) {
        #[cfg(feature = "medium-ethernet")]
        if self.medium == Medium::Ethernet
            && let HardwareAddress::Ethernet(hardware) = interface.hardware_addr()
        {
            self.hardware = hardware;
        }
        self.addresses.clear();
        self.addresses.extend(interface.ip_addrs().iter().copied());
        self.any_address = interface.any_ip();
    }

    /// To which of our addresses a frame brings a SYN. `None`: it is no SYN, or smoltcp would throw
    /// it away.
    #[cold]
    pub(crate) fn destination(&self, frame: &[u8]) -> Option<IpAddress> {
        let (from, to, segment) = self.packet(frame)?;
        let segment = TcpPacket::new_checked(segment).ok()?;
        let syn = TcpRepr::parse(&segment, &from, &to, &self.checksums).ok()?;
        let is_syn = syn.control == TcpControl::Syn && syn.ack_number.is_none();
        let is_single = from.is_unicast() && !self.is_broadcast(from);
        let is_own = self.any_address || self.addresses.iter().any(|own| own.address() == to);
        (is_syn && is_single && is_own).then_some(to)
    }

    /// Source, destination and payload of an unfragmented IP packet that is in order.
    fn packet<'f>(&self, frame: &'f [u8]) -> Option<(IpAddress, IpAddress, &'f [u8])> {
        match self.medium {
            #[cfg(feature = "medium-ethernet")]
            Medium::Ethernet => {
                let frame = EthernetFrame::new_checked(frame).ok()?;
                let to = frame.dst_addr();
                if to.is_unicast() && to != self.hardware {
                    return None;
                }
                match frame.ethertype() {
                    #[cfg(feature = "proto-ipv4")]
                    EthernetProtocol::Ipv4 => self.ipv4(frame.payload()),
                    #[cfg(feature = "proto-ipv6")]
                    EthernetProtocol::Ipv6 => ipv6(frame.payload()),
                    _ => None,
                }
            }
            #[cfg(feature = "medium-ip")]
            Medium::Ip => match *frame.first()? >> 4 {
                #[cfg(feature = "proto-ipv4")]
                4 => self.ipv4(frame),
                #[cfg(feature = "proto-ipv6")]
                6 => ipv6(frame),
                _ => None,
            },
            #[allow(unreachable_patterns, reason = "reached when there are other media")]
            _ => None,
        }
    }

    #[cfg(feature = "proto-ipv4")]
    fn ipv4<'f>(&self, packet: &'f [u8]) -> Option<(IpAddress, IpAddress, &'f [u8])> {
        let packet = Ipv4Packet::new_checked(packet).ok()?;
        let header = Ipv4Repr::parse(&packet, &self.checksums).ok()?;
        if packet.more_frags() || packet.frag_offset() != 0 {
            return None; // smoltcp may be built to put them together
        }
        Some((
            header.src_addr.into(),
            header.dst_addr.into(),
            packet.payload(),
        ))
    }

    fn is_broadcast(&self, address: IpAddress) -> bool {
        let broadcast = |own: &IpCidr| match own {
            #[cfg(feature = "proto-ipv4")]
            IpCidr::Ipv4(own) => own.broadcast().map(IpAddress::Ipv4),
            #[cfg(feature = "proto-ipv6")]
            IpCidr::Ipv6(_) => None,
        };
        self.addresses
            .iter()
            .any(|own| broadcast(own) == Some(address))
    }
}

#[cfg(feature = "proto-ipv6")]
fn ipv6(packet: &[u8]) -> Option<(IpAddress, IpAddress, &[u8])> {
    let packet = Ipv6Packet::new_checked(packet).ok()?;
    let header = Ipv6Repr::parse(&packet).ok()?;
    Some((
        header.src_addr.into(),
        header.dst_addr.into(),
        packet.payload(),
    ))
}
