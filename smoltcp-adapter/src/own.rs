//! What is the interface's own, as the [backlog](syn_backlog) wants to know it.
//!
//! A copy, as smoltcp doesn't lend the interface while it takes frames from a device.

use core::net::IpAddr;

use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::Interface;
use smoltcp::phy::DeviceCapabilities;
#[cfg(feature = "medium-ethernet")]
use smoltcp::phy::Medium;
#[cfg(feature = "medium-ethernet")]
use smoltcp::wire::HardwareAddress;
use syn_backlog::host::{Checksums, Host, Network};
use syn_backlog::segment::{Link, Segment};

/// What is the interface's own, when it was last noted.
pub(crate) struct Own {
    host: Host,
    networks: heapless::Vec<Network, IFACE_MAX_ADDR_COUNT>,
}

impl Own {
    /// Nothing yet, on a device of these capabilities.
    pub(crate) fn new(device: &DeviceCapabilities) -> Self {
        Self {
            host: Host {
                link: match device.medium {
                    #[cfg(feature = "medium-ethernet")]
                    Medium::Ethernet => Link::Ethernet,
                    #[allow(unreachable_patterns, reason = "reached when there are other media")]
                    _ => Link::Ip,
                },
                hardware: [0; 6],
                any_address: false,
                checksums: Checksums {
                    #[cfg(feature = "proto-ipv4")]
                    ipv4: device.checksum.ipv4.rx(),
                    #[cfg(not(feature = "proto-ipv4"))]
                    ipv4: true,
                    tcp: device.checksum.tcp.rx(),
                },
            },
            networks: heapless::Vec::new(),
        }
    }

    /// Notes what the program may have changed.
    pub(crate) fn note(&mut self, interface: &Interface) {
        #[cfg(feature = "medium-ethernet")]
        if self.link() == Link::Ethernet
            && let HardwareAddress::Ethernet(hardware) = interface.hardware_addr()
        {
            self.host.hardware = hardware.0;
        }
        self.networks.clear();
        for own in interface.ip_addrs() {
            // There is room for as many as an interface has; `extend` would panic for one more.
            let _ = self.networks.push(Network {
                address: own.address().into(),
                prefix: own.prefix_len(),
            });
        }
        self.host.any_address = interface.any_ip();
    }

    /// What comes before the IP header of a frame.
    #[inline]
    pub(crate) fn link(&self) -> Link {
        match (
            cfg!(feature = "medium-ethernet"),
            cfg!(feature = "medium-ip"),
        ) {
            (true, true) => self.host.link,
            (true, false) => Link::Ethernet,
            (false, _) => Link::Ip,
        }
    }

    /// Whether a frame is for more hosts than one.
    pub(crate) fn is_for_many(&self, frame: &[u8]) -> bool {
        self.link() == Link::Ethernet && frame.first().is_some_and(|first| first & 1 == 1)
    }

    /// To which of the interface's addresses a SYN is sent that it would answer.
    pub(crate) fn destination(&self, syn: &Segment<'_>) -> Option<IpAddr> {
        self.host.destination(syn, &self.networks)
    }
}
