//! The gate in front of the listening sockets: a device as smoltcp sees it, where a SYN that finds
//! no listening socket waits in the backlog or is ignored, rather than being reset.
//!
//! [`Net`](crate::net::Net) puts it in front of the device while frames come in. Nothing but SYN
//! and RST segments to a listener's port is looked at, and no frame is changed.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken};
use smoltcp::time::Instant;
use smoltcp::wire::IpListenEndpoint;

use crate::backlog::{Backlog, Parked};

/// What is known of one listener between two looks at its sockets.
pub(crate) struct Gate {
    pub(crate) endpoint: IpListenEndpoint,
    /// A socket listens.
    pub(crate) open: bool,
    /// A client is at its handshake, or has finished it.
    pub(crate) expecting: bool,
    /// How many clients have had to wait for being accepted.
    pub(crate) arrivals: u64,
}

/// The device behind the gates.
pub(crate) struct Gated<'g, 'a, D: ?Sized> {
    pub(crate) device: &'g mut D,
    pub(crate) gates: &'g mut [Gate],
    pub(crate) backlog: &'g mut Backlog<'a>,
    /// Where the IP header starts in a frame.
    pub(crate) header: usize,
    /// A segment went through that may have changed which sockets listen.
    pub(crate) passed: bool,
    /// Room for a frame was asked for and found. Not all frames show in what smoltcp's polls
    /// return: an ARP request does not.
    pub(crate) sent: bool,
}

/// A frame from the device or from the backlog.
pub(crate) enum Frame<'t, 'a, R> {
    Arrived {
        token: R,
        gates: &'t mut [Gate],
        backlog: &'t mut Backlog<'a>,
        header: usize,
        now: Instant,
        passed: &'t mut bool,
    },
    Parked(&'t mut Parked),
}

impl<'g, 'a, D: Device + ?Sized> Gated<'g, 'a, D> {
    pub(crate) fn new(
        device: &'g mut D,
        gates: &'g mut [Gate],
        backlog: &'g mut Backlog<'a>,
    ) -> Self {
        let header = header_at(device.capabilities().medium);
        Self {
            device,
            gates,
            backlog,
            header,
            passed: false,
            sent: false,
        }
    }
}

impl<'a, D: Device + ?Sized> Device for Gated<'_, 'a, D> {
    type RxToken<'t>
        = Frame<'t, 'a, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if let Some(client) = self.backlog.next(self.gates, now)
            && self.device.transmit(now).is_some()
        {
            self.passed = true;
            let frame = Frame::Parked(self.backlog.get(client)?);
            return Some((frame, self.device.transmit(now)?));
        }
        let (token, reply) = self.device.receive(now)?;
        let frame = Frame::Arrived {
            token,
            gates: self.gates,
            backlog: self.backlog,
            header: self.header,
            now,
            passed: &mut self.passed,
        };
        Some((frame, reply))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now);
        self.sent |= token.is_some();
        token
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

impl<R: RxToken> RxToken for Frame<'_, '_, R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, read: F) -> T {
        match self {
            Frame::Arrived {
                token,
                gates,
                backlog,
                header,
                now,
                passed,
            } => token.consume(|frame| match admit(frame, header, gates) {
                Admission::Untouched => read(frame),
                Admission::Noted => {
                    *passed = true;
                    read(frame)
                }
                Admission::Refused { peer, port } => {
                    backlog.park(frame, peer, port, now);
                    read(&[]) // smoltcp ignores an empty frame
                }
            }),
            Frame::Parked(parked) => {
                let syn = read(parked.frame());
                parked.free();
                syn
            }
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Frame::Arrived { token, .. } => token.meta(),
            Frame::Parked(_) => PacketMeta::default(),
        }
    }
}

/// Where the IP header starts in a frame of this medium.
fn header_at(medium: Medium) -> usize {
    match medium {
        #[cfg(feature = "medium-ethernet")]
        Medium::Ethernet => 14,
        #[allow(unreachable_patterns, reason = "reached when there are other media")]
        _ => 0,
    }
}

enum Admission {
    /// Nothing that a gate cares for.
    Untouched,
    /// A SYN with a socket to go to, or an RST.
    Noted,
    /// A SYN without. `peer` is where the frame holds the client's address and both ports.
    Refused {
        peer: core::ops::Range<usize>,
        port: u16,
    },
}

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const TCP: u8 = 6;

/// Looks for a SYN or RST to the port of a listener, in as few steps as a frame that is neither
/// deserves.
#[inline]
fn admit(frame: &[u8], header: usize, gates: &[Gate]) -> Admission {
    let Some((segment, source)) = segment_at(frame, header) else {
        return Admission::Untouched;
    };
    let Some(&[_, _, high, low, _, _, _, _, _, _, _, _, _, flags]) =
        frame.get(segment..segment + 14)
    else {
        return Admission::Untouched;
    };
    if flags & (SYN | RST) == 0 {
        return Admission::Untouched;
    }
    let port = u16::from_be_bytes([high, low]);
    let Some(gate) = gates.iter().find(|gate| gate.endpoint.port == port) else {
        return Admission::Untouched;
    };
    if flags & (SYN | RST | ACK) != SYN || gate.open {
        return Admission::Noted;
    }
    Admission::Refused {
        peer: source..segment + 4,
        port,
    }
}

/// Where the TCP segment of an unfragmented packet starts, and where the source address does.
#[inline]
fn segment_at(frame: &[u8], header: usize) -> Option<(usize, usize)> {
    match *frame.get(header..)? {
        #[cfg(feature = "proto-ipv4")]
        [version, _, _, _, _, _, high, low, _, TCP, ..]
            if version >> 4 == 4 && [high << 3, low] == [0, 0] =>
        {
            Some((header + usize::from(version & 0x0f) * 4, header + 12))
        }
        #[cfg(feature = "proto-ipv6")]
        [version, _, _, _, _, _, TCP, ..] if version >> 4 == 6 => Some((header + 40, header + 8)),
        _ => None,
    }
}
