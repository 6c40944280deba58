//! What goes between IP and what is above it, whichever the version.

use std::net::IpAddr;

/// How many routers a packet may pass.
pub const HOPS: u8 = 64;

/// Something to send.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// From which address.
    pub from: IpAddr,
    /// To which.
    pub to: IpAddr,
    /// What it is, by the number that a header of IP has for it.
    pub protocol: u8,
    /// The bits of ECN.
    pub ecn: u8,
    /// How many routers it may pass.
    pub hops: u8,
    /// Whether routers may cut it (IPv4).
    pub may_be_cut: bool,
    /// What is in it.
    pub body: Vec<u8>,
}

impl Parcel {
    /// An ordinary one.
    pub fn new(
        from: impl Into<IpAddr>,
        to: impl Into<IpAddr>,
        protocol: u8,
        body: Vec<u8>,
    ) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            protocol,
            ecn: 0,
            hops: HOPS,
            may_be_cut: false,
            body,
        }
    }
}

/// Something that came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// From which address.
    pub from: IpAddr,
    /// To which.
    pub to: IpAddr,
    /// What this host is known by there: the same, unless it went to many.
    pub own: IpAddr,
    /// Whether it went to many.
    pub is_for_all: bool,
    /// What it is.
    pub protocol: u8,
    /// What is in it.
    pub body: &'a [u8],
    /// The packet that it came in, or the first fragment of it.
    pub packet: &'a [u8],
    /// Where in that packet its protocol stands (IPv6).
    pub protocol_at: usize,
    /// How many routers it could have passed yet.
    pub hops: u8,
}
