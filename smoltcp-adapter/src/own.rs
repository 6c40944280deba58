//! What is the interface's own, as the [backlog](syn_backlog) wants to know it.
//!
//! A copy, as smoltcp doesn't lend the interface while it takes frames from a device.

use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::Interface;
use smoltcp::phy::DeviceCapabilities;
#[cfg(feature = "medium-ethernet")]
use smoltcp::phy::Medium;
#[cfg(feature = "medium-ethernet")]
use smoltcp::wire::HardwareAddress;
use syn_backlog::host::{Checksums, Host, Network};
use syn_backlog::segment::Link;

/// What is the interface's own, when it was last noted.
pub(crate) struct Own {
    link: Link,
    checksums: Checksums,
    #[cfg(feature = "medium-ethernet")]
    hardware: [u8; 6],
    networks: heapless::Vec<Network, IFACE_MAX_ADDR_COUNT>,
    any_address: bool,
}

impl Own {
    /// Nothing yet, on a device of these capabilities.
    pub(crate) fn new(device: &DeviceCapabilities) -> Self {
        Self {
            link: match device.medium {
                #[cfg(feature = "medium-ethernet")]
                Medium::Ethernet => Link::Ethernet,
                #[allow(unreachable_patterns, reason = "reached when there are other media")]
                _ => Link::Ip,
            },
            checksums: Checksums {
                #[cfg(feature = "proto-ipv4")]
                ipv4: device.checksum.ipv4.rx(),
                #[cfg(not(feature = "proto-ipv4"))]
                ipv4: true,
                tcp: device.checksum.tcp.rx(),
            },
            #[cfg(feature = "medium-ethernet")]
            hardware: [0; 6],
            networks: heapless::Vec::new(),
            any_address: false,
        }
    }

    /// Notes what the program may have changed.
    pub(crate) fn note(&mut self, interface: &Interface) {
        #[cfg(feature = "medium-ethernet")]
        if self.link() == Link::Ethernet
            && let HardwareAddress::Ethernet(hardware) = interface.hardware_addr()
        {
            self.hardware = hardware.0;
        }
        self.networks.clear();
        for own in interface.ip_addrs() {
            // There is room for as many as an interface has; `extend` would panic for one more.
            let _ = self.networks.push(Network {
                address: own.address().into(),
                prefix: own.prefix_len(),
            });
        }
        self.any_address = interface.any_ip();
    }

    /// What comes before the IP header of a frame.
    #[inline]
    pub(crate) fn link(&self) -> Link {
        match (
            cfg!(feature = "medium-ethernet"),
            cfg!(feature = "medium-ip"),
        ) {
            (true, true) => self.link,
            (true, false) => Link::Ethernet,
            (false, _) => Link::Ip,
        }
    }

    pub(crate) fn host(&self) -> Host<'_> {
        Host {
            link: self.link(),
            #[cfg(feature = "medium-ethernet")]
            hardware: self.hardware,
            #[cfg(not(feature = "medium-ethernet"))]
            hardware: [0; 6],
            networks: &self.networks,
            any_address: self.any_address,
            checksums: self.checksums,
        }
    }
}
