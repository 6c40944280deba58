//! A socket's fate: who may listen or be connected again, and when, is decided here and nowhere
//! else.
//!
//! [`Net`](crate::net::Net) scans all sockets with it.

use core::num::NonZeroU16;

use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration, Instant};

use crate::entry::{ListenerEntry, SocketEntry, SocketState};
use crate::time::NEVER;
use crate::timeouts::SocketTimeouts;

/// How long a reset may wait to be sent, say for an ARP answer, before the socket works again
/// without it.
const RESET_WAITS: Duration = Duration::from_secs(1);

/// How long the oldest handshake may take once so many wait that others find no room: a round trip
/// of most networks. Four sockets see to 67 SYNs a second so, and a greater flood is thinned, so that
/// a client gets through that repeats its SYN a few times. Without this time, none would get through
/// a flood whose SYNs come faster than round trips end.
pub(crate) const OVERRUN: Duration = Duration::from_millis(60);

/// What a scan follows.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum After {
    /// Frames that came, or an application that asks: no socket moves on. One that has seen both
    /// FINs may owe the peer its last acknowledgment, and an aborted one its reset.
    Ingress,
    /// Frames that left.
    Egress,
    /// More frames than may leave, though nobody has anything to send.
    Excess,
}

/// What a scan goes by.
pub(crate) struct Circumstances<'t> {
    pub(crate) timeouts: &'t SocketTimeouts,
    pub(crate) now: Instant,
    pub(crate) after: After,
    /// The maximum segment size of the connection that has begun since the last scan.
    pub(crate) mss: Option<NonZeroU16>,
}

/// What a scan has found beside what it tells the listeners.
pub(crate) struct Scan {
    /// Whether a released socket isn't done yet; only known after an egress.
    pub(crate) closing: bool,
    /// Whether a reset has to be sent, or a socket can be connected that couldn't before.
    pub(crate) moved: bool,
    /// The slot whose handshake has begun since the last scan.
    pub(crate) newest: Option<usize>,
    /// The oldest handshake for whose socket somebody waits: since when, and the slot.
    pub(crate) oldest: Option<(Instant, usize)>,
    /// When to scan again at the latest.
    pub(crate) due: Instant,
}

impl Scan {
    /// Before the first socket.
    pub(crate) const NOTHING: Self = Self {
        closing: false,
        moved: false,
        newest: None,
        oldest: None,
        due: NEVER,
    };

    /// Adds what is to be found at one socket, and tells its listener; after an egress, moves the
    /// socket on towards its next connection.
    #[inline(never)]
    pub(crate) fn add(
        &mut self,
        slot: usize,
        entry: &mut SocketEntry,
        socket: &mut tcp::Socket<'_>,
        listeners: &mut [ListenerEntry],
        by: &Circumstances<'_>,
    ) {
        match (entry.state, socket.state()) {
            (SocketState::Unmanaged | SocketState::Idle | SocketState::InUse { .. }, _) => {}
            (SocketState::Closing { until }, _) => {
                self.close(entry, socket, listeners, by, until);
            }
            (SocketState::Listening, State::Listen) => {
                if let Some(listener) = entry.listener(listeners) {
                    listener.open = true;
                }
            }
            (SocketState::Listening | SocketState::Handshake { .. }, State::SynReceived) => {
                let since = if let SocketState::Handshake { since } = entry.state {
                    since
                } else {
                    entry.state = SocketState::Handshake { since: by.now };
                    entry.mss = by.mss;
                    self.newest = Some(slot);
                    by.now
                };
                let mut patience = by.timeouts.handshake;
                if let Some(listener) = entry.listener(listeners) {
                    listener.expecting = true;
                    listener.half_open = true;
                    if listener.waiting > 0 {
                        patience = by.timeouts.crowded;
                        if self.oldest.is_none_or(|(oldest, _)| since < oldest) {
                            self.oldest = Some((since, slot));
                        }
                    }
                }
                let until = since + patience;
                if by.now >= until {
                    return reuse(entry, socket, listeners);
                }
                self.due = self.due.min(until);
            }
            (state, State::Established | State::CloseWait) => {
                if let Some(listener) = entry.listener(listeners) {
                    let arrival = if let SocketState::Waiting(arrival) = state {
                        arrival
                    } else {
                        listener.arrivals += 1;
                        listener.arrivals
                    };
                    listener.expecting = true;
                    if listener.first.is_none_or(|(first, _)| arrival < first) {
                        listener.first = Some((arrival, slot));
                    }
                    entry.state = SocketState::Waiting(arrival);
                }
            }
            // The client has taken too long, or is gone. A reset makes a socket listen again by
            // itself (RFC 9293, section 3.10.7.4), but smoltcp 0.14 keeps the pause after which it
            // repeats its SYN-ACK, which each repetition to that client has doubled (see
            // reports/listening-again-after-a-reset.md).
            _ => reuse(entry, socket, listeners),
        }
    }

    fn close(
        &mut self,
        entry: &mut SocketEntry,
        socket: &mut tcp::Socket<'_>,
        listeners: &mut [ListenerEntry],
        by: &Circumstances<'_>,
        mut until: Instant,
    ) {
        if by.after == After::Ingress {
            return;
        }
        // Its peer has all that we sent, and whoever waits may have its socket. If too much is sent,
        // it is most likely one whose window was closed before and behind the last acknowledgment:
        // smoltcp 0.14 never sets its timer for the window back (see
        // reports/fin-wait-2-zero-window.md). A listener's isn't reset, as its peer may still read.
        let given_up = socket.state() == State::FinWait2
            && (by.after == After::Excess
                || entry
                    .listener(listeners)
                    .is_some_and(|listener| listener.waiting > 0));
        if given_up {
            until = by.now;
        }
        let resetting = socket.state() == State::Closed && socket.remote_endpoint().is_some();
        let done = !socket.is_open() && (!resetting || by.now >= until);
        if done || given_up && entry.accepts() {
            self.moved |= given_up || !entry.accepts();
            return reuse(entry, socket, listeners);
        }
        if by.now >= until {
            socket.abort();
            self.moved = true;
            until = by.now + RESET_WAITS;
        }
        entry.state = SocketState::Closing { until };
        self.closing = true;
        self.due = self.due.min(until);
    }
}

/// Half-closes a connection that is released. It has to be done by `until`.
///
/// smoltcp 0.14 may stand still behind a window that was closed (see
/// reports/idle-behind-a-zero-window.md). Its keep-alive would wake it up, but has a byte that the
/// peer may take for one of the reply: so the connection is reset then.
pub(crate) fn release(entry: &mut SocketEntry, socket: &mut tcp::Socket<'_>, until: Instant) {
    socket.close();
    entry.state = SocketState::Closing { until };
}

/// Forgets a handshake for whoever waits, unless another socket listens already.
#[cold]
pub(crate) fn give_way(
    entry: &mut SocketEntry,
    socket: &mut tcp::Socket<'_>,
    listeners: &mut [ListenerEntry],
) {
    if entry
        .listener(listeners)
        .is_some_and(|listener| !listener.open)
    {
        reuse(entry, socket, listeners);
    }
}

/// Makes a socket ready for its next connection. A listener's may be open: its client hears no
/// more of it.
pub(crate) fn reuse(
    entry: &mut SocketEntry,
    socket: &mut tcp::Socket<'_>,
    listeners: &mut [ListenerEntry],
) {
    entry.state = match entry.listener(listeners) {
        None => SocketState::Idle,
        Some(listener) => {
            socket.abort(); // without a reset, as it listens at once
            listener.open |= socket.listen(listener.endpoint).is_ok();
            SocketState::Listening
        }
    };
}
