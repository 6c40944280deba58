//! The images' network interface: smoltcp on the board's Ethernet, and how much memory its sockets
//! get.

use core::time::Duration;

use smoltcp::iface::{Config, Interface};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

use crate::board::{ADDRESS, Board, GATEWAY};

/// How many TCP connections there can be at once. One socket is one connection; eight clients at
/// once need about twelve, as those that are being closed take a place too.
pub const PLACES: usize = 12;
/// Bytes of a TCP socket's buffer, each way: the longest reply, so that it leaves at once.
pub const TCP_BUFFER: usize = 1032;
/// How many datagrams can wait.
pub const UDP_SLOTS: usize = 16;
/// How many bytes all of them together can have.
pub const UDP_BYTES: usize = 4096;

/// The interface, and what it needs between polls.
pub struct Network {
    /// smoltcp's interface.
    pub interface: Interface,
}

/// Makes an interface with the board's address.
pub fn start(board: &mut Board) -> Network {
    let address = EthernetAddress(board.ethernet.address());
    let mut config = Config::new(address.into());
    // Nobody is to guess sequence numbers and ports. This board has no source of randomness; how
    // long its network chip took to start is all there is.
    config.random_seed = u64::from(board.ethernet.free_run());
    let now = instant(board.now());
    let mut interface = Interface::new(config, &mut board.ethernet, now);
    let (address, prefix) = ADDRESS;
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(Ipv4Cidr::new(address.into(), prefix).into());
    });
    let gateway = Ipv4Address::from(GATEWAY);
    let _ = interface.routes_mut().add_default_ipv4_route(gateway);
    Network { interface }
}

/// The board's time as smoltcp's.
pub fn instant(since_start: Duration) -> Instant {
    Instant::from_micros(i64::try_from(since_start.as_micros()).unwrap_or(i64::MAX))
}

/// smoltcp's time as the board's.
pub fn since_start(instant: Instant) -> Duration {
    Duration::from_micros(instant.total_micros().unsigned_abs())
}
