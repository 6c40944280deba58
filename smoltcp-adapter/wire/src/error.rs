//! What can go wrong on a cable, as sentences that a person can act on.

use std::fmt;
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
    #[error("{name} needs {right}")]
    NotAllowed {
        /// What was to be opened.
        name: String,
        /// What the process lacks.
        right: Right,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// This system has no TAP devices.
    #[error(
        "this system has no /dev/net/tun, so {name} can't be opened (`sudo modprobe tun`; for a container, \
         `--device /dev/net/tun`)"
    )]
    NoTap {
        /// What was to be opened.
        name: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// Somebody else has it.
    #[error("{name} is taken: {by}")]
    Taken {
        /// What was to be opened.
        name: String,
        /// By whom, as far as is known.
        by: &'static str,
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

/// What a process may lack to open a cable: each kind needs something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Right {
    /// The capability `CAP_NET_RAW`, for a network interface.
    RawPackets,
    /// Reading and writing `/dev/net/tun`, for any TAP device.
    TunDevice,
    /// A TAP device that is this user's, or the capability `CAP_NET_ADMIN`, by which any is.
    OwnTap,
    /// Writing in the folder in which a socket is to be.
    SocketFolder,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RawPackets => "the right to send raw packets (CAP_NET_RAW)",
            Self::TunDevice => "the right to read and write /dev/net/tun",
            Self::OwnTap => "to be a TAP device of this user's",
            Self::SocketFolder => "the right to write in the folder of its socket",
        })
    }
}

impl Error {
    /// Why it can't be opened, for which this right is needed.
    pub(crate) fn open(name: &str, right: Right, cause: io::Error) -> Self {
        let name = name.to_owned();
        match cause.kind() {
            io::ErrorKind::PermissionDenied => Self::NotAllowed { name, right, cause },
            _ => Self::Open { name, cause },
        }
    }

    #[cfg(unix)]
    pub(crate) fn broken(name: &str, cause: io::Error) -> Self {
        let name = name.to_owned();
        Self::Broken { name, cause }
    }
}
