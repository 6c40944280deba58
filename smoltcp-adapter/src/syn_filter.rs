//! The SYN filter: a SYN that finds no listening socket waits in the backlog or is ignored, rather
//! than being reset.
//!
//! The [`device`](crate::device) wrapper asks it about each frame. Nothing but SYN and RST segments
//! to a listener's port is looked at, and no frame is changed.

use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;

use greet_core::limits::DEFAULT_MSS;
use smoltcp::iface::Interface;
use smoltcp::phy::DeviceCapabilities;
use smoltcp::time::Instant;
use syn_backlog::queue::{Backlog, Place, WhenFull};
use syn_backlog::segment::Segment;

use crate::entry::ListenerEntry;
use crate::own::Own;
use crate::time::micros;

/// So many listeners a stack can have.
pub(crate) const MAX_LISTENERS: usize = 4;

const TCP_HEADER: usize = 20;

/// All listeners, and who waits for one of their sockets.
pub(crate) struct SynFilter<'a> {
    pub(crate) listeners: heapless::Vec<ListenerEntry, MAX_LISTENERS>,
    backlog: Backlog<'a>,
    own: Own,
    /// A segment went through that may have changed which sockets listen.
    pub(crate) passed: bool,
    /// The maximum segment size of the connection that the frame under way begins.
    pub(crate) mss: Option<NonZeroU16>,
    /// The largest IP packet.
    pub(crate) mtu: usize,
}

impl<'a> SynFilter<'a> {
    /// No listener, on a device of these capabilities.
    pub(crate) fn new(device: &DeviceCapabilities, places: &'a mut [Place]) -> Self {
        Self {
            listeners: heapless::Vec::new(),
            backlog: Backlog::new(places),
            own: Own::new(device),
            passed: false,
            mss: None,
            mtu: device.ip_mtu(),
        }
    }

    /// Forgets what the last scan has found, before the next.
    pub(crate) fn begin_scan(&mut self, now: Instant) {
        for listener in &mut self.listeners {
            listener.begin_scan(self.backlog.waiting_at(listener.endpoint.port, micros(now)));
        }
    }

    /// Forgets the SYN that a client has repeated whose handshake goes on at one of our ends.
    pub(crate) fn forget(&mut self, client: SocketAddr, own: SocketAddr) {
        let link = self.own.link();
        self.backlog.forget(client, own, link);
    }

    /// Whether anybody waits.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.listeners.iter().any(|listener| listener.waiting > 0)
    }

    /// Whether the backlog is full, and had no room for somebody of late.
    pub(crate) fn is_overrun(&self, now: Instant) -> bool {
        self.backlog.is_overrun(micros(now))
    }

    /// Notes what is the interface's own, if SYNs have to be measured by it: no socket of a listener
    /// listens.
    pub(crate) fn note(&mut self, interface: &Interface) {
        if self.listeners.iter().any(|listener| !listener.open) {
            self.own.note(interface);
        }
    }

    /// The client of the backlog who can be served now.
    pub(crate) fn next_client(&mut self, now: Instant) -> Option<usize> {
        let listeners = &self.listeners;
        let listens = |port| {
            let is_open =
                |listener: &ListenerEntry| listener.open && listener.endpoint.port == port;
            listeners.iter().any(is_open)
        };
        self.backlog.next(listens, micros(now))
    }

    /// Where that client waits, who is under way now.
    pub(crate) fn take(&mut self, client: usize) -> Option<&mut Place> {
        self.passed = true;
        let (link, mtu) = (self.own.link(), self.mtu);
        let place = self.backlog.get(client)?;
        self.mss =
            Segment::find(place.frame(), link).and_then(|syn| mss_of(&syn, mtu, link.header_len()));
        Some(place)
    }

    /// Whether a frame goes through, after a look in as few steps as one deserves that is neither
    /// SYN nor RST to the port of a listener.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn admit(&mut self, frame: &[u8], now: Instant) -> bool {
        let Some(segment) = Segment::find(frame, self.own.link()) else {
            return true;
        };
        if !segment.is_syn_or_reset() {
            return true;
        }
        let is_its_own = |known: &&ListenerEntry| known.endpoint.port == segment.port();
        let Some(listener) = self.listeners.iter().find(is_its_own) else {
            return true;
        };
        self.passed = true;
        if !segment.is_syn() {
            return true;
        }
        // Nobody connects to many at once (RFC 1122, section 3.3.6), and smoltcp doesn't look.
        if self.own.is_for_many(frame) {
            return false;
        }
        if listener.open {
            self.mss = mss_of(&segment, self.mtu, self.own.link().header_len());
            return true;
        }
        match self.own.destination(&segment) {
            // Nobody listens at this one of our addresses: that is smoltcp's to say.
            Some(to)
                if listener
                    .endpoint
                    .addr
                    .is_some_and(|own| IpAddr::from(own) != to) =>
            {
                return true;
            }
            Some(_) => {
                let when_full = if listener.half_open {
                    WhenFull::DropOldest
                } else {
                    WhenFull::DropNew
                };
                self.backlog.enqueue(&segment, when_full, micros(now));
            }
            None => {}
        }
        false
    }
}

/// The maximum segment size between a device whose IP packets are so long at most and whoever sent
/// this SYN (RFC 9293, section 3.7.1).
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn mss_of(syn: &Segment<'_>, mtu: usize, link_header: usize) -> Option<NonZeroU16> {
    let announced = syn.announced_mss().map_or(DEFAULT_MSS, usize::from);
    let headers = syn.start() - link_header + TCP_HEADER;
    let mss = announced.min(mtu.saturating_sub(headers));
    NonZeroU16::new(u16::try_from(mss).unwrap_or(u16::MAX))
}
