//! How long a connection may hold a socket without being of use.

use core::time::Duration;

use smoltcp::time::{Duration as Span, Instant};

use crate::time::span;

/// How long a handshake may take while somebody else waits for its socket: several round trips of
/// most networks. A client whose handshake was forgotten too soon is reset when it speaks.
const CROWDED: Span = Span::from_millis(250);

/// How long a connection may hold a socket without being of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timeouts {
    /// From the first SYN of a client that doesn't finish its handshake, until its socket listens
    /// again: a quarter of a second at most while another waits in the backlog, and 60 ms for the
    /// oldest once the backlog had no room for somebody.
    ///
    /// Nothing is sent then. RST would make a client give up who only missed the answers, and whose
    /// next SYN begins anew.
    pub handshake: Duration,
    /// From release to the end of an orderly close; then comes a reset. Where the peer has all that
    /// was sent, and only its FIN is missing, whoever waits in the backlog gets the socket at once.
    pub linger: Duration,
}

impl Timeouts {
    /// 5 s for a handshake, 10 s to close.
    pub const DEFAULT: Self = Self {
        handshake: Duration::from_secs(5),
        linger: Duration::from_secs(10),
    };
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// [`Timeouts`] as smoltcp counts them.
pub(crate) struct SocketTimeouts {
    pub(crate) handshake: Span,
    /// That of a handshake while somebody else waits.
    pub(crate) crowded: Span,
    pub(crate) linger: Span,
}

impl SocketTimeouts {
    pub(crate) const fn new(timeouts: Timeouts) -> Self {
        let handshake = span(timeouts.handshake);
        Self {
            handshake,
            crowded: if handshake.total_micros() < CROWDED.total_micros() {
                handshake
            } else {
                CROWDED
            },
            linger: span(timeouts.linger),
        }
    }

    /// Whether a socket that has to be closed by then was released so short a time ago that it may
    /// soon listen again.
    pub(crate) fn is_recent(&self, until: Instant, now: Instant) -> bool {
        until + CROWDED > now + self.linger
    }
}
