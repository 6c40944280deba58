//! The gate in front of the listening sockets: a device as smoltcp sees it, where a SYN that finds
//! no listening socket waits in the backlog or is ignored, rather than being reset.
//!
//! [`Net`](crate::net::Net) puts it in front of the device. Nothing but SYN and RST segments to a
//! listener's port is looked at, no frame is changed, and no more leave than the
//! [`pace`](crate::pace) allows.

use core::num::NonZeroU16;

use greet_core::limits::DEFAULT_MSS;
use smoltcp::iface::Interface;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken};
use smoltcp::time::Instant;
use smoltcp::wire::IpListenEndpoint;

use crate::backlog::{Backlog, Parked};
use crate::net::MAX_LISTENERS;
use crate::pace::Pace;
use crate::syn::Own;

/// What is known of one listener between two sweeps over its sockets.
pub(crate) struct Gate {
    pub(crate) endpoint: IpListenEndpoint,
    /// How many clients have had to wait for being accepted.
    pub(crate) arrivals: u64,
    /// Who came first among those who wait: the arrival, and the slot.
    pub(crate) first: Option<(u64, usize)>,
    /// A socket listens.
    pub(crate) open: bool,
    /// A client is at its handshake, or has finished it.
    pub(crate) expecting: bool,
    /// A client is at its handshake.
    pub(crate) half_open: bool,
    /// How many clients wait in the backlog.
    pub(crate) waiting: usize,
}

/// The gates of all listeners, and who waits before them.
pub(crate) struct Gates<'a> {
    pub(crate) list: heapless::Vec<Gate, MAX_LISTENERS>,
    backlog: Backlog<'a>,
    pub(crate) pace: Pace,
    own: Own,
    /// Where the IP header starts in a frame.
    header: usize,
    /// A segment went through that may have changed which sockets listen.
    pub(crate) passed: bool,
    /// The maximum segment size of the connection that the frame under way begins.
    pub(crate) mss: Option<NonZeroU16>,
    /// The largest IP packet.
    pub(crate) mtu: usize,
}

/// The device behind the gates.
pub(crate) struct Gated<'g, 'a, D: ?Sized> {
    pub(crate) device: &'g mut D,
    pub(crate) gates: &'g mut Gates<'a>,
}

/// A frame from the device or from the backlog.
pub(crate) enum Frame<'t, 'a, R> {
    Arrived {
        token: R,
        gates: &'t mut Gates<'a>,
        now: Instant,
    },
    Parked(&'t mut Parked),
}

impl Gate {
    /// Before the first sweep over its sockets.
    pub(crate) fn new(endpoint: IpListenEndpoint) -> Self {
        Self {
            endpoint,
            arrivals: 0,
            first: None,
            open: false,
            expecting: false,
            half_open: false,
            waiting: 0,
        }
    }

    /// Forgets what the last sweep has found.
    fn clear(&mut self) {
        self.first = None;
        self.open = false;
        self.expecting = false;
        self.half_open = false;
    }
}

impl<'a> Gates<'a> {
    /// None, on a device of these capabilities.
    pub(crate) fn new(device: DeviceCapabilities, backlog: Backlog<'a>) -> Self {
        Self {
            list: heapless::Vec::new(),
            backlog,
            pace: const { Pace::new() },
            header: header_at(device.medium),
            mss: None,
            mtu: device.ip_mtu(),
            own: Own::new(device),
            passed: false,
        }
    }

    /// Forgets what the last sweep has found, before the next.
    pub(crate) fn begin_sweep(&mut self, now: Instant) {
        for gate in &mut self.list {
            gate.clear();
            gate.waiting = self.backlog.waiting_at(gate.endpoint.port, now);
        }
    }

    /// Whether the backlog is full, and had no room for somebody of late.
    pub(crate) fn is_overrun(&self, now: Instant) -> bool {
        self.backlog.is_overrun(now)
    }

    /// Notes what is the interface's own, if SYNs have to be measured by it: a gate isn't open.
    pub(crate) fn note(&mut self, interface: &Interface) {
        if self.list.iter().any(|gate| !gate.open) {
            self.own.note(interface);
        }
    }

    /// Whether a client of the backlog could be served now.
    pub(crate) fn clients_ready(&mut self, now: Instant) -> bool {
        self.backlog.next(&self.list, now).is_some()
    }

    /// Whether a frame goes through, after a look in as few steps as one deserves that is neither
    /// SYN nor RST to the port of a listener.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn admit(&mut self, frame: &[u8], now: Instant) -> bool {
        let Some((segment, source)) = segment_at(frame, self.header) else {
            return true;
        };
        let Some(&[_, _, high, low, _, _, _, _, _, _, _, _, _, flags]) =
            frame.get(segment..segment + 14)
        else {
            return true;
        };
        if flags & (SYN | RST) == 0 {
            return true;
        }
        let port = u16::from_be_bytes([high, low]);
        let Some(gate) = self.list.iter().find(|gate| gate.endpoint.port == port) else {
            return true;
        };
        self.passed = true;
        if flags & (SYN | RST | ACK) != SYN {
            return true;
        }
        if gate.open {
            self.mss = self.mss_of(frame, segment);
            return true;
        }
        match self.own.destination(frame) {
            // Nobody listens at this one of our addresses: that is smoltcp's to say.
            Some(to) if gate.endpoint.addr.is_some_and(|own| own != to) => return true,
            Some(_) => {
                let mss = self.mss_of(frame, segment);
                // The client's address and both ports.
                let client = source..segment + 4;
                self.backlog
                    .park(frame, client, port, mss, gate.half_open, now);
            }
            None => {}
        }
        false
    }

    /// The maximum segment size between this device and whoever sent this SYN (RFC 9293, section
    /// 3.7.1).
    fn mss_of(&self, frame: &[u8], segment: usize) -> Option<NonZeroU16> {
        let announced = announced_mss(frame.get(segment..)?).map_or(DEFAULT_MSS, usize::from);
        let headers = segment - self.header + TCP_HEADER;
        let mss = announced.min(self.mtu.saturating_sub(headers));
        NonZeroU16::new(u16::try_from(mss).unwrap_or(u16::MAX))
    }
}

/// What the sender of a SYN can take, if it says so.
// Not smoltcp's parser, which makes something of every option: kilobytes are scarce.
fn announced_mss(syn: &[u8]) -> Option<u16> {
    let end = usize::from(*syn.get(12)? >> 4) * 4;
    let mut options = syn.get(TCP_HEADER..end)?;
    loop {
        options = match options {
            [NO_OPERATION, rest @ ..] => rest,
            [MAXIMUM_SEGMENT_SIZE, 4, high, low, ..] => {
                return Some(u16::from_be_bytes([*high, *low]));
            }
            [NO_OPERATION..=u8::MAX, len @ 2..=u8::MAX, ..] => options.get((*len).into()..)?,
            _ => return None,
        };
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
        let gates = &mut *self.gates;
        // A device without room to send may still have frames, and get room by them.
        if let Some(client) = gates.backlog.next(&gates.list, now)
            && self.device.transmit(now).is_some()
        {
            gates.passed = true;
            let parked = gates.backlog.get(client)?;
            gates.mss = parked.mss;
            let frame = Frame::Parked(parked);
            return Some((frame, self.device.transmit(now)?));
        }
        let (token, reply) = self.device.receive(now)?;
        gates.pace.came();
        Some((Frame::Arrived { token, gates, now }, reply))
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        self.gates.pace.leaves().then_some(token)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

impl<R: RxToken> RxToken for Frame<'_, '_, R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, read: F) -> T {
        match self {
            Frame::Arrived { token, gates, now } => token.consume(|frame| {
                if gates.admit(frame, now) {
                    read(frame)
                } else {
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

const TCP_HEADER: usize = 20;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;
const TCP: u8 = 6;

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
