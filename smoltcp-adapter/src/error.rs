//! What can go wrong in this crate, sorted by whose fault it is.
//!
//! | type | whose fault |
//! |---|---|
//! | [`SetupError`] | the program's: what it reserved or asked for doesn't fit |
//! | [`ConnectError`] | the program's, or a shortage that passes |
//! | [`StreamError`] | the peer's, or the network's |
//! | [`DatagramError`] | the program's: a datagram that can never be sent |

use core::fmt;

use embedded_io::ErrorKind;

/// Why a stack, a listener or a socket can't be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SetupError {
    /// All slots of [`SocketSlots`](crate::storage::SocketSlots) are taken: reserve more.
    NoSlot,
    /// There are [`MAX_LISTENERS`](crate::net::MAX_LISTENERS) listeners already.
    TooManyListeners,
    /// Another socket has the port.
    PortInUse,
    /// The port is 0, which names none.
    PortZero,
    /// The hardware address isn't one of the device's medium, or not of a single host.
    HardwareAddress,
    /// An IP address isn't one of a single host.
    Address,
    /// There are more IP addresses than smoltcp was built for (`iface-max-addr-count-*`).
    TooManyAddresses,
}

/// Why a connection can't even be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ConnectError {
    /// All sockets that connect are in use. One that was released may need a moment to close: try
    /// again in the next poll.
    NoSocket,
    /// All ephemeral ports are in use.
    NoPort,
    /// Nothing can be sent there: the address or the port is 0, or no address of ours fits it.
    Address,
}

/// Why a connection is of no more use, and one error that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StreamError {
    /// The peer refused the connection.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// We have half-closed it, so nothing more can be sent.
    Finished,
    /// Nothing can be read or written now; only from the traits of `embedded_io`, whose calls can
    /// say so in no other way. Ask `ReadReady` and `WriteReady` first.
    NotReady,
}

/// Why a datagram can't be sent, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DatagramError {
    /// It is longer than the MTU or the send buffer allows.
    TooLong {
        /// The most bytes that can be sent to that address.
        max: usize,
    },
    /// The address or the port is 0, or no address of ours fits it.
    Address,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlot => "no slot is left for another socket (reserve more SocketSlots)",
            Self::TooManyListeners => "there are too many listeners",
            Self::PortInUse => "another socket has this port",
            Self::PortZero => "port 0 names no port (choose one)",
            Self::HardwareAddress => "the hardware address doesn't fit the device's medium",
            Self::Address => "an IP address isn't one of a single host",
            Self::TooManyAddresses => {
                "too many IP addresses (smoltcp's features iface-max-addr-count-* allow more)"
            }
        })
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSocket => "all sockets that connect are in use",
            Self::NoPort => "all ephemeral ports are in use",
            Self::Address => "can't reach this address from any of ours",
        })
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset by the peer",
            Self::Finished => "the connection is half-closed",
            Self::NotReady => "not ready now",
        })
    }
}

impl fmt::Display for DatagramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { max } => write!(f, "a datagram may have at most {max} bytes"),
            Self::Address => f.write_str("can't reach this address from any of ours"),
        }
    }
}

impl core::error::Error for SetupError {}
impl core::error::Error for ConnectError {}
impl core::error::Error for StreamError {}
impl core::error::Error for DatagramError {}

impl embedded_io::Error for StreamError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused => ErrorKind::ConnectionRefused,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::Finished => ErrorKind::BrokenPipe,
            // It waited for as long as it may, which is not at all. `Interrupted` would ask for the
            // same call at once, for ever.
            Self::NotReady => ErrorKind::TimedOut,
        }
    }
}

impl embedded_io::Error for DatagramError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLong { .. } => ErrorKind::InvalidInput,
            Self::Address => ErrorKind::AddrNotAvailable,
        }
    }
}
