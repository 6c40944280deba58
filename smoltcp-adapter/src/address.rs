//! Addresses between core and smoltcp, which may have been built for one version of IP only.

use core::net::{IpAddr, SocketAddr};

use smoltcp::wire::{IpAddress, IpEndpoint};

/// `None`: smoltcp was built without that version of IP.
pub(crate) fn endpoint(address: SocketAddr) -> Option<IpEndpoint> {
    Some(IpEndpoint::new(ip(address.ip())?, address.port()))
}

/// `None`: smoltcp was built without that version of IP.
pub(crate) fn ip(address: IpAddr) -> Option<IpAddress> {
    Some(match address {
        #[cfg(feature = "proto-ipv4")]
        IpAddr::V4(ip) => IpAddress::Ipv4(ip),
        #[cfg(feature = "proto-ipv6")]
        IpAddr::V6(ip) => IpAddress::Ipv6(ip),
        #[allow(
            unreachable_patterns,
            reason = "reached when a version of IP is left out"
        )]
        _ => return None,
    })
}
