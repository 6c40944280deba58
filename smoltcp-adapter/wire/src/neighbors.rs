//! Where neighbors of IPv6 are asked for (RFC 4291, section 2.7.1; RFC 2464, section 7).

use core::net::Ipv6Addr;

use smoltcp::wire::EthernetAddress;

/// The solicited-node group of an address.
pub(crate) fn group(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let [high, low] = [[0xff, a], [b, c]].map(u16::from_be_bytes);
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, high, low)
}

/// To which hardware address frames for that group go.
pub(crate) fn group_frame(address: Ipv6Addr) -> EthernetAddress {
    let [.., a, b, c] = address.octets();
    EthernetAddress([0x33, 0x33, 0xff, a, b, c])
}
