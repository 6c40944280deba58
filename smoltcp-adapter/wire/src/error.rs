//! What can go wrong on a cable, as sentences that a person can act on.

use std::io;
use std::net::IpAddr;

/// Why a cable can't be used, or not any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No interface has this name.
    #[error("this machine has no network interface {name} (`ip link` shows those that it has)")]
    NoInterface {
        /// As it was asked for.
        name: String,
    },
    /// It carries something else than Ethernet.
    #[error("{name} is no Ethernet, so nobody can be a second host on it")]
    NoEthernet {
        /// The interface.
        name: String,
    },
    /// The process may not open it.
    #[error("{name} needs the right to send raw packets")]
    NotAllowed {
        /// What was to be opened.
        name: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// It can't be opened.
    #[error("can't open {name}")]
    Open {
        /// What was to be opened.
        name: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// It was open, and carries nothing any more.
    #[error("{name} carries no frames any more")]
    Broken {
        /// Which cable.
        name: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// A frame came that no cable carries, as this machine puts several into one. What is graded
    /// wouldn't be what was sent.
    #[error(
        "a frame of {len} bytes came, though the cable carries {most} at most: this machine puts \
         frames together (turn that off: `sudo ethtool -K {name} gro off lro off`; of the other end \
         of a veth pair: tso off gso off)"
    )]
    Merged {
        /// Which cable.
        name: String,
        /// The frame's length.
        len: usize,
        /// The longest that there should be.
        most: usize,
    },
    /// Somebody has the address that the second host was to have.
    #[error("{address} is taken: {by} answers for it")]
    AddressTaken {
        /// The address.
        address: IpAddr,
        /// The hardware address of whoever has it.
        by: String,
    },
    /// No free address was found.
    #[error(
        "no free address was found beside {beside}: say one with its network, such as {beside}/24"
    )]
    NoAddress {
        /// The server's address.
        beside: IpAddr,
    },
    /// The server isn't on the second host's network.
    #[error("{server} isn't on the network of {own}/{prefix}, and there is no router to it")]
    NotOnNetwork {
        /// The server's address.
        server: IpAddr,
        /// The second host's.
        own: IpAddr,
        /// How many bits of it are the network's.
        prefix: u8,
    },
    /// The second host can't be set up.
    #[error("no second host: {0}")]
    Setup(#[from] greet_smoltcp::error::SetupError),
    /// A file isn't what it should be.
    #[error("{name} is no capture: {why}")]
    NoCapture {
        /// The file.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Error {
    pub(crate) fn open(name: &str, cause: io::Error) -> Self {
        let name = name.to_owned();
        match cause.kind() {
            io::ErrorKind::PermissionDenied => Self::NotAllowed { name, cause },
            _ => Self::Open { name, cause },
        }
    }

    #[cfg(unix)]
    pub(crate) fn broken(name: &str, cause: io::Error) -> Self {
        let name = name.to_owned();
        Self::Broken { name, cause }
    }
}
