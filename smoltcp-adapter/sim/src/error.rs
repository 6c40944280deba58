//! What can be wrong with a network's plan.

use core::fmt;

use smoltcp::wire::IpAddress;

/// Why a host or a link can't be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Another host has this address.
    AddressTaken(IpAddress),
    /// smoltcp was built for so many addresses of an interface, and no more.
    TooManyAddresses {
        /// The limit, which smoltcp's features `iface-max-addr-count-*` set.
        limit: usize,
    },
    /// The MTU is below the least that every network must carry.
    MtuTooSmall {
        /// 576 bytes with IPv4 alone, 1280 bytes with IPv6.
        least: usize,
    },
    /// The network has no such host.
    UnknownHost,
    /// A link has two different hosts at its ends.
    SameHost,
    /// The two hosts share a link already.
    AlreadyLinked,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressTaken(address) => write!(f, "another host has the address {address}"),
            Self::TooManyAddresses { limit } => write!(
                f,
                "a host can't have more than {limit} addresses \
                 (a feature iface-max-addr-count-* of smoltcp allows more)"
            ),
            Self::MtuTooSmall { least } => write!(f, "the MTU must be at least {least} bytes"),
            Self::UnknownHost => f.write_str("the host belongs to another network"),
            Self::SameHost => f.write_str("a link must have two different hosts at its ends"),
            Self::AlreadyLinked => f.write_str("the two hosts share a link already: change it"),
        }
    }
}

impl core::error::Error for Error {}
