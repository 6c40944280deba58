//! A polled server of `N` places: no heap, no thread, no clock. For a microcontroller, a
//! simulation, or a desktop program with a loop of its own.

use core::fmt;
use core::mem;
use core::net::SocketAddr;
use core::ops::Add;
use core::task::Poll;
use core::time::Duration;

use embedded_io::ErrorKind;

use crate::drive;
use crate::error::{Abandonment, Refusal};
use crate::exchange::{Exchange, Grant, Outcome};
use crate::limits::Limits;
use crate::time::{Moment, micros};
use crate::transport::Listener;

/// How long after a failed accept the next is due: nobody says when what was missing is back.
pub const RETRY: Duration = Duration::from_millis(100);

/// Serves up to `N` clients of one [`Listener`] at once; `H` is the listener's
/// [`Handle`](Listener::Handle). `Server<<L as Listener>::Handle, 4>` fits any listener `L`, and
/// `greet-smoltcp` has a name for its own.
///
/// All memory is in here, about 1.1 KiB a place, so a `static` or the stack can hold it. While all
/// places are taken, nobody is accepted: clients wait in the listener's backlog. Dropping it
/// releases no handle; whoever drops it drops the listener as well.
// In this order, all but the places is near the start, where a small processor's short instructions
// reach.
#[repr(C)]
pub struct Server<H, const N: usize> {
    /// `None`: the protocol's. So a server with these is all zeros, and costs no flash in a `static`.
    grant: Option<Grant>,
    tally: Tally,
    /// So many places have been taken at one time or another; the rest are not looked at.
    used: usize,
    places: [Place<H>; N],
}

struct Place<H> {
    client: Client<H>,
    exchange: Exchange,
}

/// Who has a place. Not an `Option`, as nobody has to be zero.
#[repr(u8)]
enum Client<H> {
    Nobody,
    Somebody(H, SocketAddr),
}

/// What happened to one client. Each is [`Connected`](Event::Connected) once, and ends in exactly
/// one of the three events after that.
///
/// `E` is the listener's error.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a, E = ErrorKind> {
    /// Somebody connected.
    Connected {
        /// The client's address.
        peer: &'a SocketAddr,
    },
    /// The whole greeting left.
    Greeted {
        /// The client's address.
        peer: &'a SocketAddr,
        /// Its [`name`](Exchange::name) can be asked for.
        exchange: &'a Exchange,
    },
    /// What the client sent, or didn't send, was refused, and the whole refusal left.
    Refused {
        /// The client's address.
        peer: &'a SocketAddr,
        /// Its fault.
        why: Refusal,
    },
    /// The answer never left.
    Abandoned {
        /// The client's address.
        peer: &'a SocketAddr,
        /// What became of the client.
        why: Abandonment,
    },
    /// The listener lacks something to accept a client, who goes on waiting. It is asked again
    /// after [`RETRY`], or in the next poll if that comes first.
    AcceptFailed {
        /// What the transport says.
        error: &'a E,
    },
}

impl<'a, E> Event<'a, E> {
    /// The event that ends an exchange with `peer`.
    pub fn end(peer: &'a SocketAddr, exchange: &'a Exchange, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Greeted => Self::Greeted { peer, exchange },
            Outcome::Refused(why) => Self::Refused { peer, why },
            Outcome::Abandoned(why) => Self::Abandoned { peer, why },
        }
    }
}

/// How many exchanges ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Tally {
    /// Greetings that left.
    pub greeted: u64,
    /// Names longer than 1024 bytes.
    pub too_long: u64,
    /// Names that are not UTF-8.
    pub not_utf8: u64,
    /// Clients without a name by the deadline.
    pub late: u64,
    /// Clients that went away, or didn't take their answer.
    pub abandoned: u64,
}

impl Tally {
    /// Counts one outcome.
    pub fn count(&mut self, outcome: Outcome) {
        use crate::error::TextError::{NotUtf8, TooLong};
        let counter = match outcome {
            Outcome::Greeted => &mut self.greeted,
            Outcome::Refused(Refusal::Name(TooLong) | Refusal::Message(TooLong)) => {
                &mut self.too_long
            }
            Outcome::Refused(Refusal::Name(NotUtf8 { .. }) | Refusal::Message(NotUtf8 { .. })) => {
                &mut self.not_utf8
            }
            Outcome::Refused(Refusal::Late { .. }) => &mut self.late,
            Outcome::Abandoned(_) => &mut self.abandoned,
        };
        *counter = counter.wrapping_add(1);
    }

    /// All clients whose exchange has ended.
    pub fn total(&self) -> u64 {
        self.greeted
            .saturating_add(self.refused())
            .saturating_add(self.abandoned)
    }

    /// All refusals.
    pub fn refused(&self) -> u64 {
        self.too_long
            .saturating_add(self.not_utf8)
            .saturating_add(self.late)
    }
}

/// Two workers' tallies as one.
impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            greeted: self.greeted.saturating_add(other.greeted),
            too_long: self.too_long.saturating_add(other.too_long),
            not_utf8: self.not_utf8.saturating_add(other.not_utf8),
            late: self.late.saturating_add(other.late),
            abandoned: self.abandoned.saturating_add(other.abandoned),
        }
    }
}

impl<H, const N: usize> Server<H, N> {
    /// A server with `N` free places; one without any doesn't compile.
    ///
    /// With the limits of the protocol it is all zeros, which take no flash in a `static`.
    pub const fn new(limits: Limits) -> Self {
        const { assert!(N > 0, "a server needs a place") };
        let grant = Grant::new(&limits);
        Self {
            grant: if grant.is_default() {
                None
            } else {
                Some(grant)
            },
            used: 0,
            places: [const {
                Place {
                    client: Client::Nobody,
                    exchange: Exchange::VACANT,
                }
            }; N],
            tally: Tally {
                greeted: 0,
                too_long: 0,
                not_utf8: 0,
                late: 0,
                abandoned: 0,
            },
        }
    }

    /// Does all that can be done at `now`, reports it, and returns when to call again at the
    /// latest.
    ///
    /// Call it whenever the listener or one of its streams may be ready as well: after a poll of
    /// the stack, or when an event loop says so. `None`: only then. At most `N` clients are
    /// accepted in one call; when more may be waiting, the time returned is `now`.
    pub fn poll<L: Listener<Handle = H>>(
        &mut self,
        listener: &mut L,
        now: Duration,
        mut report: impl FnMut(Event<'_, L::Error>),
    ) -> Option<Duration> {
        let at = Moment::at(now);
        let mut next = Moment::NEVER;
        for index in 0..self.used {
            next = next.min(self.serve(index, listener, at, &mut report));
        }
        for _ in 0..N {
            let Some(index) = self.vacancy() else {
                return next.since_start(); // clients wait in the backlog
            };
            match listener.accept() {
                Poll::Ready(Ok((handle, peer))) => {
                    report(Event::Connected { peer: &peer });
                    self.used = self.used.max(index + 1);
                    if let Some(place) = self.places.get_mut(index) {
                        place
                            .exchange
                            .begin(at, self.grant.unwrap_or(Grant::DEFAULT));
                        place.client = Client::Somebody(handle, peer);
                    }
                    next = next.min(self.serve(index, listener, at, &mut report));
                }
                Poll::Ready(Err(error)) => {
                    report(Event::AcceptFailed { error: &error });
                    return next.min(at.after(micros(RETRY))).since_start();
                }
                Poll::Pending => return next.since_start(),
            }
        }
        Some(now)
    }

    /// How many clients are being served.
    pub fn clients(&self) -> usize {
        self.places
            .iter()
            .take(self.used)
            .filter(|place| matches!(place.client, Client::Somebody(..)))
            .count()
    }

    /// How the exchanges ended so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// A free place.
    fn vacancy(&self) -> Option<usize> {
        self.places
            .iter()
            .position(|place| matches!(place.client, Client::Nobody))
    }

    /// Serves the client in one place, if there is one, and returns when to do it again at the
    /// latest.
    fn serve<L: Listener<Handle = H>>(
        &mut self,
        index: usize,
        listener: &mut L,
        now: Moment,
        report: &mut impl FnMut(Event<'_, L::Error>),
    ) -> Moment {
        let Some(Place { client, exchange }) = self.places.get_mut(index) else {
            return Moment::NEVER;
        };
        let Client::Somebody(handle, peer) = client else {
            return Moment::NEVER;
        };
        drive::run(exchange, &mut listener.stream(handle), now);
        if let Some(outcome) = exchange.outcome() {
            self.tally.count(outcome);
            report(Event::end(peer, exchange, outcome));
            if let Client::Somebody(handle, _) = mem::replace(client, Client::Nobody) {
                listener.release(handle);
            }
        }
        exchange.due()
    }
}

impl<H, const N: usize> fmt::Debug for Server<H, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("clients", &self.clients())
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}
