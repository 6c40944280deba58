//! What a bench is for: who it is, which board it grades, and how much it may do.

use core::net::IpAddr;
use core::time::Duration;

use greet_core::limits::UDP_PORT;
use smoltcp::wire::{EthernetAddress, IpCidr};

/// What a bench is for.
#[expect(clippy::struct_excessive_bools, reason = "each says something else")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setup {
    /// Its hardware address.
    pub hardware: EthernetAddress,
    /// Its IP address and its network.
    pub address: IpCidr,
    /// The board's.
    pub board: IpAddr,
    /// Nobody else is on the cable, so that checks may use other addresses.
    pub is_alone: bool,
    /// Frames come from a wire, which carries none that is too short: what comes is as it was there.
    pub is_physical: bool,
    /// Send as much as it takes to be sure.
    pub is_thorough: bool,
    /// So long echoes go one by one.
    pub walk: Duration,
    /// Wait for what takes minutes.
    pub is_patient: bool,
    /// The port at which a server of this protocol may be.
    pub port: u16,
    /// The port at which it may have lines mode.
    pub lines: Option<u16>,
    /// The port at which a receiver of this protocol may be that answers.
    pub udp_port: u16,
    /// How long such a server waits for a name.
    pub deadline: Duration,
    /// Contents and identifiers follow from it.
    pub chance: u64,
    /// Whether to come to an end.
    pub interrupted: fn() -> bool,
}

impl Setup {
    /// To grade this board over a cable with others on it.
    pub fn new(hardware: EthernetAddress, address: IpCidr, board: IpAddr) -> Self {
        Self {
            hardware,
            address,
            board,
            is_alone: false,
            is_physical: false,
            is_thorough: false,
            walk: Duration::from_secs(20),
            is_patient: false,
            port: 8000,
            lines: None,
            udp_port: UDP_PORT,
            deadline: Duration::from_secs(10),
            chance: 0,
            interrupted: || false,
        }
    }
}
