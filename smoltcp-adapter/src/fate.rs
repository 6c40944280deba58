//! What each socket of the set is for, and how a TCP socket comes back to work after a connection.
//!
//! [`Net`](crate::net::Net) sweeps over all slots; who may listen again, and when, is decided
//! here and nowhere else.

use core::num::NonZeroU16;
use core::time::Duration;

use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration as Span, Instant};

use crate::syn_filter::{Gate, Gates};
use crate::time::{NEVER, span};

/// How long a reset may wait to be sent, say for an ARP answer, before the socket works again
/// without it.
const RESET_WAITS: Span = Span::from_secs(1);

/// How long a handshake may take while somebody else waits for its socket: several round trips of
/// most networks. A client whose handshake was forgotten too soon is reset when it speaks.
const CROWDED: Span = Span::from_millis(250);

/// How long the oldest handshake may take once so many wait that others find no room: a round trip
/// of most networks. Four sockets see to 67 SYNs a second so, and a greater flood is thinned, so that
/// a client gets through that repeats its SYN a few times. Without this time, none would get through
/// a flood whose SYNs come faster than round trips end.
pub(crate) const OVERRUN: Span = Span::from_millis(60);

/// How often a connection that is closing asks its peer for a sign, when it waits for nothing else.
///
/// smoltcp 0.14 would wait for ever where its last bytes were lost and a late segment says that the
/// peer's window is closed: it repeats nothing then, and doesn't probe the window.
pub(crate) const KEEP_ALIVE: Span = Span::from_secs(1);

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
pub(crate) struct Patience {
    pub(crate) handshake: Span,
    /// That of a handshake while somebody else waits.
    crowded: Span,
    pub(crate) linger: Span,
}

impl Patience {
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
}

/// One socket of the set.
pub(crate) struct Slot {
    pub(crate) role: Role,
    /// The maximum segment size between it and its client, if one was announced.
    pub(crate) mss: Option<NonZeroU16>,
    /// The listener it belongs to: 1 is that of the first gate. 0: it connects.
    pub(crate) gate: u8,
}

#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// Not TCP, or the user's own.
    Foreign,
    /// Can be connected.
    Idle,
    /// Listens, or its client has come since the last sweep.
    Listening,
    /// Is at the handshake with a client since then.
    Handshake { since: Instant },
    /// Has a client since this arrival, whom nobody has accepted yet.
    Waiting(u64),
    /// Is with a [`Connection`](crate::stream::Connection), which has been established or not.
    Lent { established: bool },
    /// Released, but not done: closed or reset at this moment at the latest.
    Closing { until: Instant },
}

/// What a sweep follows.
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

/// A walk over all slots: what it goes by, and what it found.
pub(crate) struct Sweep {
    pub(crate) patience: Patience,
    pub(crate) now: Instant,
    pub(crate) after: After,
    /// Whether a released socket isn't done yet.
    pub(crate) closing: bool,
    /// Whether a reset has to be sent, or a socket can be connected that couldn't before.
    pub(crate) moved: bool,
    /// The slot whose handshake has begun since the last sweep.
    pub(crate) newest: Option<usize>,
    /// The oldest handshake for whose socket somebody waits: since when, and the slot.
    pub(crate) oldest: Option<(Instant, usize)>,
    /// When to sweep again at the latest.
    pub(crate) next: Instant,
}

impl Sweep {
    /// Before the first.
    pub(crate) const fn new(timeouts: Timeouts) -> Self {
        Self {
            patience: Patience::new(timeouts),
            now: Instant::ZERO,
            after: After::Ingress,
            closing: false,
            moved: false,
            newest: None,
            oldest: None,
            next: NEVER,
        }
    }
}

impl Slot {
    pub(crate) const FOREIGN: Self = Self {
        role: Role::Foreign,
        mss: None,
        gate: 0,
    };

    /// Tells its gate about the socket; after an egress, moves the socket on towards its
    /// next connection.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn sweep(
        &mut self,
        index: usize,
        socket: &mut tcp::Socket<'_>,
        gates: &mut Gates<'_>,
        sweep: &mut Sweep,
    ) {
        let now = sweep.now;
        match (self.role, socket.state()) {
            (Role::Foreign | Role::Idle | Role::Lent { .. }, _) => {}
            (Role::Closing { until }, _) => self.close(socket, gates, sweep, until),
            (Role::Listening, State::Listen) => {
                if let Some(gate) = self.gate(gates) {
                    gate.open = true;
                }
            }
            (Role::Listening | Role::Handshake { .. }, State::SynReceived) => {
                let since = if let Role::Handshake { since } = self.role {
                    since
                } else {
                    self.role = Role::Handshake { since: now };
                    self.mss = gates.mss;
                    sweep.newest = Some(index);
                    now
                };
                let mut patience = sweep.patience.handshake;
                if let Some(gate) = self.gate(gates) {
                    gate.expecting = true;
                    gate.half_open = true;
                    if gate.waiting > 0 {
                        patience = sweep.patience.crowded;
                        if sweep.oldest.is_none_or(|(oldest, _)| since < oldest) {
                            sweep.oldest = Some((since, index));
                        }
                    }
                }
                let until = since + patience;
                if now >= until {
                    return self.reuse(socket, gates);
                }
                sweep.next = sweep.next.min(until);
            }
            (role, State::Established | State::CloseWait) => {
                if let Some(gate) = self.gate(gates) {
                    let arrival = if let Role::Waiting(arrival) = role {
                        arrival
                    } else {
                        gate.arrivals += 1;
                        gate.arrivals
                    };
                    gate.expecting = true;
                    if gate.first.is_none_or(|(first, _)| arrival < first) {
                        gate.first = Some((arrival, index));
                    }
                    self.role = Role::Waiting(arrival);
                }
            }
            // The client has taken too long, or is gone. A reset makes a socket listen again by
            // itself (RFC 9293, section 3.10.7.4), but smoltcp 0.14 keeps the pause after which it
            // repeats its SYN-ACK, which each repetition to that client has doubled.
            _ => self.reuse(socket, gates),
        }
    }

    fn close(
        &mut self,
        socket: &mut tcp::Socket<'_>,
        gates: &mut Gates<'_>,
        sweep: &mut Sweep,
        mut until: Instant,
    ) {
        if sweep.after == After::Ingress {
            return;
        }
        // Its peer has all that we sent, and whoever waits may have its socket. If too much is sent,
        // it is most likely one whose window was closed before and behind the last acknowledgment:
        // smoltcp 0.14 never sets its timer for the window back (see
        // reports/fin-wait-2-zero-window.md). A listener's isn't reset, as its peer may still read.
        let given_up = socket.state() == State::FinWait2
            && (sweep.after == After::Excess
                || self.gate(gates).is_some_and(|gate| gate.waiting > 0));
        if given_up {
            until = sweep.now;
        }
        let resetting = socket.state() == State::Closed && socket.remote_endpoint().is_some();
        let done = !socket.is_open() && (!resetting || sweep.now >= until);
        if done || given_up && self.gate != 0 {
            sweep.moved |= given_up || self.gate == 0;
            return self.reuse(socket, gates);
        }
        if sweep.now >= until {
            socket.abort();
            sweep.moved = true;
            until = sweep.now + RESET_WAITS;
        }
        self.role = Role::Closing { until };
        sweep.closing = true;
        sweep.next = sweep.next.min(until);
    }

    /// Whether the socket was released not long ago, and may soon listen again.
    pub(crate) fn is_on_its_way(&self, patience: &Patience, now: Instant) -> bool {
        matches!(self.role, Role::Closing { until } if until + CROWDED > now + patience.linger)
    }

    /// Forgets its handshake for whoever waits, unless another socket listens already.
    #[cold]
    pub(crate) fn give_way(&mut self, socket: &mut tcp::Socket<'_>, gates: &mut Gates<'_>) {
        if self.gate(gates).is_some_and(|gate| !gate.open) {
            self.reuse(socket, gates);
        }
    }

    /// Makes a socket ready for its next connection. A listener's may be open: its client hears no
    /// more of it.
    pub(crate) fn reuse(&mut self, socket: &mut tcp::Socket<'_>, gates: &mut Gates<'_>) {
        socket.set_keep_alive(None);
        self.role = match self.gate(gates) {
            None => Role::Idle,
            Some(gate) => {
                socket.abort(); // without a reset, as it listens at once
                gate.open |= socket.listen(gate.endpoint).is_ok();
                Role::Listening
            }
        };
    }

    fn gate<'g>(&self, gates: &'g mut Gates<'_>) -> Option<&'g mut Gate> {
        gates.list.get_mut(usize::from(self.gate).wrapping_sub(1))
    }
}
