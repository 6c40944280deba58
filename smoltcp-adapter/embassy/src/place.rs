//! A socket's place in a listener: when it listens, and when it can listen again, is decided here and
//! nowhere else.

use core::future::Future;
use core::mem;
use core::pin::pin;
use core::task::{Context, Poll};

use embassy_net::tcp::{State, TcpSocket};
use embassy_time::{Duration, Instant};

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For its side of the handshake: a quarter of a second at most while another waits in the backlog.
    ///
    /// Nothing is sent then. RST would make a client give up who only missed the answers, and whose next
    /// SYN begins anew.
    pub handshake: Duration,
    /// To close, after its connection was [released](crate::Listener::release); then it is reset. Where it
    /// has all that was sent, and only its FIN is missing, whoever waits in the backlog gets the socket at
    /// once.
    pub linger: Duration,
}

impl Timeouts {
    /// 5 s, and 10 s.
    pub const DEFAULT: Self = Self {
        handshake: Duration::from_secs(5),
        linger: Duration::from_secs(10),
    };
}

/// How long a handshake may take while somebody else waits for its socket, and within which time a socket
/// that was released is most likely back: several round trips of most networks.
const CROWDED: Duration = Duration::from_millis(250);

/// The stack keeps back an ACK for 10 ms, that of the peer's FIN as well. A socket that is used again
/// before forgets it, and the peer repeats its FIN for as long as it likes.
pub(crate) const LAST_ACK: Duration = Duration::from_millis(15);

/// A socket, or its place while it is lent.
pub(crate) enum Place<'a> {
    Lent,
    /// It listens, is connected, is to listen again, or is in a handshake, which was seen first then.
    Open(TcpSocket<'a>, Option<Instant>),
    /// Its peer has until then to close.
    Closing(TcpSocket<'a>, Instant),
}

/// A look at all places of a listener.
pub(crate) struct Look<'c, 'w> {
    pub(crate) port: u16,
    pub(crate) timeouts: Timeouts,
    /// Whoever is to look again is woken by it.
    pub(crate) context: &'c mut Context<'w>,
    /// So many clients wait for whom no socket listens.
    pub(crate) wanted: usize,
    pub(crate) now: Instant,
    /// When to look again at the latest.
    pub(crate) due: Instant,
}

impl<'a> Place<'a> {
    /// Whether a client can come to it.
    pub(crate) fn listens(&self) -> bool {
        matches!(self, Self::Open(socket, _) if socket.state() == State::Listen)
    }

    /// Takes its connection out, if it has one that nobody has taken. It is lent from then on.
    pub(crate) fn take(&mut self) -> Option<TcpSocket<'a>> {
        if !self.is_connected() {
            return None;
        }
        match mem::replace(self, Self::Lent) {
            Self::Open(socket, _) => Some(socket),
            _ => None,
        }
    }

    /// Whether it has a connection that nobody has taken.
    pub(crate) fn is_connected(&self) -> bool {
        use State::{Closed, Listen, SynReceived, TimeWait};
        let Self::Open(socket, _) = self else {
            return false;
        };
        let is_none = matches!(socket.state(), Listen | SynReceived | Closed | TimeWait);
        !is_none && socket.remote_endpoint().is_some()
    }

    /// Up to when it may soon listen again, if it was released so short a time ago.
    pub(crate) fn is_back_by(&self, linger: Duration, now: Instant) -> Option<Instant> {
        let Self::Closing(_, until) = self else {
            return None;
        };
        let released = until.checked_sub(linger)?;
        Some(released.saturating_add(CROWDED)).filter(|back| *back > now)
    }

    /// Has it listen again, or close, as far as it goes now; and wakes the task when it goes further.
    pub(crate) fn look_after(&mut self, by: &mut Look<'_, '_>) {
        if let Self::Closing(socket, until) = self {
            if !closes(socket, until, by) {
                return;
            }
            if let Self::Closing(socket, _) = mem::replace(self, Self::Lent) {
                *self = Self::Open(socket, None);
            }
        }
        let Self::Open(socket, since) = self else {
            return;
        };
        if socket.state() == State::SynReceived {
            let mut patience = by.timeouts.handshake;
            if by.wanted > 0 {
                patience = patience.min(CROWDED);
            }
            let until = since.get_or_insert(by.now).saturating_add(patience);
            if by.now < until {
                by.due = by.due.min(until);
            } else {
                socket.abort(); // without RST, as it listens at once
                by.wanted = by.wanted.saturating_sub(1);
            }
        }
        if socket.state() != State::SynReceived {
            *since = None;
        }
        if matches!(socket.state(), State::Closed | State::TimeWait) {
            // Polled once, it has begun to listen.
            let _ = pin!(socket.accept(by.port)).poll(by.context);
        }
        let _ = pin!(socket.wait_write_ready()).poll(by.context);
    }
}

/// Has a socket close that was released, and says whether it can listen again.
fn closes(socket: &mut TcpSocket<'_>, until: &mut Instant, by: &mut Look<'_, '_>) -> bool {
    // What a peer still sends is thrown away, up to its FIN.
    while let Poll::Ready(Ok(1..)) = pin!(socket.read(&mut [0; 64])).poll(by.context) {}
    match socket.state() {
        State::TimeWait => {
            *until = (*until).min(by.now.saturating_add(LAST_ACK));
            by.due = by.due.min(*until);
            by.now >= *until
        }
        // Else RST is on its way.
        State::Closed => pin!(socket.flush()).poll(by.context).is_ready(),
        State::FinWait2 if by.wanted > 0 => {
            by.wanted -= 1;
            socket.abort(); // without RST, as it listens at once
            true
        }
        _ => {
            if by.now >= *until {
                socket.abort();
            } else {
                by.due = by.due.min(*until);
            }
            let _ = pin!(socket.flush()).poll(by.context);
            false
        }
    }
}
