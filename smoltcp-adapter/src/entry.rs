//! What is known of each socket and of each listener: two tables of plain data.
//!
//! Who changes what, and when, is decided in [`fate`](crate::fate).

use core::num::NonZeroU16;

use smoltcp::time::Instant;
use smoltcp::wire::IpListenEndpoint;

/// One socket of the set.
pub(crate) struct SocketEntry {
    pub(crate) state: SocketState,
    /// The maximum segment size between it and its client, if one was announced.
    pub(crate) mss: Option<NonZeroU16>,
    /// The listener it belongs to: 1 is the first. 0: it connects. So all zeros is an empty entry.
    listener: u8,
}

#[derive(Clone, Copy)]
pub(crate) enum SocketState {
    /// Not TCP, or the user's own.
    Unmanaged,
    /// Can be connected.
    Idle,
    /// Listens, or its client has come since the last scan.
    Listening,
    /// Is at the handshake with a client since then.
    Handshake { since: Instant },
    /// Has a client since this arrival, whom nobody has accepted yet.
    Waiting(u64),
    /// Is with a [`Connection`](crate::stream::Connection), which has been established or not.
    InUse { established: bool },
    /// Released, but not done: closed or reset at this moment at the latest.
    Closing { until: Instant },
}

/// One listener, and what the last scan over its sockets has found.
pub(crate) struct ListenerEntry {
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

impl SocketEntry {
    pub(crate) const UNMANAGED: Self = Self {
        state: SocketState::Unmanaged,
        mss: None,
        listener: 0,
    };

    /// Gives the socket to a listener, or to those that connect.
    #[expect(clippy::cast_possible_truncation, reason = "at most MAX_LISTENERS")]
    pub(crate) fn belong_to(&mut self, listener: Option<usize>) {
        self.listener = listener.map_or(0, |index| index as u8 + 1);
    }

    pub(crate) fn belongs_to(&self, listener: usize) -> bool {
        usize::from(self.listener) == listener + 1
    }

    /// Whether it is a listener's, rather than one that connects.
    pub(crate) fn accepts(&self) -> bool {
        self.listener != 0
    }

    pub(crate) fn listener<'l>(
        &self,
        listeners: &'l mut [ListenerEntry],
    ) -> Option<&'l mut ListenerEntry> {
        listeners.get_mut(usize::from(self.listener).wrapping_sub(1))
    }
}

impl SocketState {
    /// Whether it changes by itself, with what comes or in time: at others a scan finds nothing.
    #[inline]
    pub(crate) fn is_on_the_way(self) -> bool {
        !matches!(self, Self::Unmanaged | Self::Idle | Self::InUse { .. })
    }
}

impl ListenerEntry {
    /// Before the first scan over its sockets.
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

    /// Forgets what the last scan has found, before the next.
    pub(crate) fn begin_scan(&mut self, waiting: usize) {
        self.first = None;
        self.open = false;
        self.expecting = false;
        self.half_open = false;
        self.waiting = waiting;
    }
}
