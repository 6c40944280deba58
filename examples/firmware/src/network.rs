//! What the images' networks have in common: how much memory their sockets get, and the addresses.

use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};

use smoltcp::iface::{Config, Interface};
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

use crate::board::{ADDRESS, Board, Ethernet, GATEWAY};

/// How many TCP connections there can be at once.
pub const PLACES: usize = 12;
/// How many more clients may wait until a connection is free.
pub const BACKLOG: usize = 8;
/// How many bytes of a name can wait in a connection: one more than the longest has, so that a name
/// that is too long is seen at once.
pub const NAME: usize = 1025;
/// How many bytes of a reply can wait in a connection: the longest reply, so that it leaves at
/// once.
pub const REPLY: usize = 1031;
/// How many datagrams can wait.
pub const DATAGRAMS: usize = 64;
/// How many bytes all of them together can have. At least one frame's, or with fragments one
/// reassembled datagram's, so that a message that is too long is reported and not lost.
pub const MESSAGES: usize = if cfg!(feature = "reply") {
    12_288
} else {
    4096
};
/// How many bytes of replies to them can wait.
pub const REPLIES: usize = if cfg!(feature = "reply") { 4096 } else { 0 };
/// How many senders of messages are told apart when their replies are counted.
pub const SOURCES: usize = 32;

/// How the interface is to start.
pub fn config(board: &mut Board, ethernet: &Ethernet) -> Config {
    let mut config = Config::new(EthernetAddress(ethernet.address()).into());
    config.random_seed = board.seed();
    config
}

/// The board's address and network.
pub fn address() -> Ipv4Cidr {
    let (address, prefix) = ADDRESS;
    Ipv4Cidr::new(Ipv4Address::from(address), prefix)
}

/// The router that leads out of the network.
pub fn route(interface: &mut Interface, router: Ipv4Addr) {
    // The table has room for two, and this is the only one.
    let _ = interface.routes_mut().add_default_ipv4_route(router);
}

/// The board's own router.
pub fn gateway() -> Ipv4Addr {
    GATEWAY.into()
}

/// A peer as a line on the console shows it. [`SocketAddr`]'s own display brings that of IPv6: 2.8 kB
/// of flash for addresses that these images, built without it, never see.
pub struct Peer<'a>(pub &'a SocketAddr);

impl fmt::Display for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SocketAddr::V4(peer) = self.0 else {
            return f.write_str("a peer without IPv4");
        };
        // As u32, whose display is there in any case: that of u16 would come beside it.
        write!(f, "{}:{}", peer.ip(), u32::from(peer.port()))
    }
}
