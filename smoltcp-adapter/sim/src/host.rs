//! The plan of a host: its name, its addresses, its card and its clock.
//!
//! Users write it; [`machine`](crate::machine) runs by it.

use alloc::string::String;
use alloc::vec::Vec;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, IpCidr};

/// What a host is like. Give it to [`Network::add`](crate::Network::add).
#[derive(Clone, Debug)]
pub struct Host {
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpCidr>,
    pub(crate) mtu: usize,
    pub(crate) drift: i32,
    pub(crate) checksums: ChecksumCapabilities,
}

/// Stands for a host of one network. Another network does nothing with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(crate) usize);

impl Host {
    /// A host with one address; its prefix says which addresses it reaches without a gateway.
    pub fn new(name: &str, address: IpCidr) -> Self {
        Self {
            name: name.into(),
            addresses: [address].into(),
            mtu: 1500,
            drift: 0,
            checksums: ChecksumCapabilities::default(),
        }
    }

    /// Gives it one more address.
    #[must_use]
    pub fn address(mut self, address: IpCidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// The largest IP packet that it sends, 1500 bytes by default.
    #[must_use]
    pub fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }

    /// Its clock is fast by so many parts in a million; slow, if less than 0.
    #[must_use]
    pub fn drift(mut self, parts_per_million: i32) -> Self {
        self.drift = parts_per_million;
        self
    }

    /// Which checksums its stack makes and checks: all by default.
    #[must_use]
    pub fn checksums(mut self, checksums: ChecksumCapabilities) -> Self {
        self.checksums = checksums;
        self
    }

    /// The least MTU that its addresses allow (RFC 791, RFC 8200).
    pub(crate) fn least_mtu(&self) -> usize {
        let has_ipv6 = |cidr: &IpCidr| matches!(cidr.address(), IpAddress::Ipv6(_));
        if self.addresses.iter().any(has_ipv6) {
            1280
        } else {
            576
        }
    }
}
