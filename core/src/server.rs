//! A polled server of `N` places: no heap, no thread, no clock. For a microcontroller, a
//! simulation, or a desktop program with a loop of its own.

use core::fmt;
use core::mem;
use core::net::SocketAddr;
use core::task::Poll;
use core::time::Duration;

use embedded_io::ErrorKind;

use crate::drive::drive;
use crate::exchange::Exchange;
use crate::limits::Limits;
use crate::machine::Service;
use crate::time::Instant;
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
pub struct Server<H, const N: usize, M: Service = Exchange> {
    config: M::Config,
    tally: M::Tally,
    /// So many places have been taken at one time or another; the rest are not looked at.
    used: usize,
    places: [Place<H, M>; N],
}

struct Place<H, M> {
    client: Client<H>,
    machine: M,
}

/// Who has a place. Not an `Option`, as nobody has to be zero.
#[repr(u8)]
enum Client<H> {
    Nobody,
    Somebody(H, SocketAddr),
}

/// What happened to one client. Each is [`Connected`](Event::Connected) once, and has
/// [`Ended`](Event::Ended) once after that.
///
/// `M` is the machine that served it, `E` the listener's error.
#[non_exhaustive]
pub enum Event<'a, M: Service = Exchange, E = ErrorKind> {
    /// Somebody connected.
    Connected {
        /// The client's address.
        peer: &'a SocketAddr,
    },
    /// The client was served, or is gone.
    Ended {
        /// The client's address.
        peer: &'a SocketAddr,
        /// How it ended.
        outcome: M::Outcome,
        /// What served it: that of a greeting can be asked for the
        /// [`name`](crate::exchange::Exchange::name).
        machine: &'a M,
    },
    /// The listener lacks something to accept a client, who goes on waiting. It is asked again
    /// after [`RETRY`], or in the next poll if that comes first.
    AcceptFailed {
        /// What the transport says.
        error: &'a E,
    },
}

impl<H, const N: usize> Server<H, N> {
    /// A server of greetings with `N` free places; one without any doesn't compile.
    ///
    /// With the limits of the protocol it is all zeros, which take no flash in a `static`.
    pub const fn new(limits: Limits) -> Self {
        Self::serving(limits)
    }
}

impl<H, const N: usize, M: Service> Server<H, N, M> {
    /// A server of any protocol, with `N` free places; one without any doesn't compile.
    pub const fn serving(config: M::Config) -> Self {
        const { assert!(N > 0, "a server needs a place") };
        Self {
            config,
            tally: M::NONE,
            used: 0,
            places: [const {
                Place {
                    client: Client::Nobody,
                    machine: M::VACANT,
                }
            }; N],
        }
    }

    /// Does all that can be done at `now`, reports it, and returns when to call again at the
    /// latest.
    ///
    /// Call it whenever the listener or one of its streams may be ready as well: after a poll of
    /// the stack, or when an event loop says so. [`NEVER`](Instant::NEVER): only then. When there
    /// is more to do than one call may take on, the time returned is `now`.
    pub fn poll<L: Listener<Handle = H>>(
        &mut self,
        listener: &mut L,
        now: Instant,
        mut report: impl FnMut(Event<'_, M, L::Error>),
    ) -> Instant {
        let mut next = listener.due();
        for index in 0..self.used {
            next = next.min(self.serve(index, listener, now, &mut report));
        }
        for _ in 0..N {
            let free = self.vacancy();
            let accepted = match free {
                Some(_) => listener.accept(now),
                None => Poll::Pending,
            };
            match accepted {
                Poll::Ready(Ok((handle, peer))) => {
                    let index = free.unwrap_or_default();
                    report(Event::Connected { peer: &peer });
                    self.used = self.used.max(index + 1);
                    if let Some(place) = self.places.get_mut(index) {
                        place.machine.begin(now, &self.config);
                        place.client = Client::Somebody(handle, peer);
                    }
                    next = next.min(self.serve(index, listener, now, &mut report));
                }
                Poll::Ready(Err(error)) => {
                    report(Event::AcceptFailed { error: &error });
                    return next.min(now + RETRY);
                }
                // There is no place; or none of what the listener needs for whoever waits.
                Poll::Pending => {
                    let made = self.make_room(listener, now, &mut next, &mut report);
                    if free.is_some() || !made {
                        return next;
                    }
                }
            }
        }
        now
    }

    /// How many clients are being served.
    pub fn clients(&self) -> usize {
        self.places
            .iter()
            .take(self.used)
            .filter(|place| matches!(place.client, Client::Somebody(..)))
            .count()
    }

    /// How the conversations ended so far.
    pub fn tally(&self) -> &M::Tally {
        &self.tally
    }

    /// A free place.
    fn vacancy(&self) -> Option<usize> {
        self.places
            .iter()
            .position(|place| matches!(place.client, Client::Nobody))
    }

    /// If somebody waits, lets the client go that has made no use of its place for longest, and says
    /// whether one went. If nobody goes yet, somebody may at `next`.
    fn make_room<L: Listener<Handle = H>>(
        &mut self,
        listener: &mut L,
        now: Instant,
        next: &mut Instant,
        report: &mut impl FnMut(Event<'_, M, L::Error>),
    ) -> bool {
        // Whoever gives way may have something to say first, and need not go at once.
        for _ in 0..N {
            let mut first = (0, Instant::NEVER);
            for (index, place) in self.places.iter().take(self.used).enumerate() {
                let gives_way = match place.client {
                    Client::Somebody(..) => place.machine.gives_way(),
                    Client::Nobody => Instant::NEVER,
                };
                if gives_way < first.1 {
                    first = (index, gives_way);
                }
            }
            let (index, gives_way) = first;
            if gives_way == Instant::NEVER || !listener.is_awaited() {
                return false;
            }
            if now < gives_way {
                *next = gives_way.min(*next);
                return false;
            }
            let Some(place) = self.places.get_mut(index) else {
                return false;
            };
            place.machine.give_way(now);
            *next = self.serve(index, listener, now, report).min(*next);
            if self.vacancy().is_some() {
                return true;
            }
        }
        false
    }

    /// Serves the client in one place, if there is one, and returns when to do it again at the
    /// latest.
    fn serve<L: Listener<Handle = H>>(
        &mut self,
        index: usize,
        listener: &mut L,
        now: Instant,
        report: &mut impl FnMut(Event<'_, M, L::Error>),
    ) -> Instant {
        let Some(Place { client, machine }) = self.places.get_mut(index) else {
            return Instant::NEVER;
        };
        let Client::Somebody(handle, peer) = client else {
            return Instant::NEVER;
        };
        let more = drive(machine, &mut listener.stream(handle), now);
        if let Some(outcome) = machine.outcome() {
            M::count(&mut self.tally, outcome);
            report(Event::Ended {
                peer,
                outcome,
                machine,
            });
            if let Client::Somebody(handle, _) = mem::replace(client, Client::Nobody) {
                listener.release(handle);
            }
        }
        if more { now } else { machine.due() }
    }
}

impl<H, const N: usize, M: Service<Tally: fmt::Debug>> fmt::Debug for Server<H, N, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("clients", &self.clients())
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

impl<M: Service, E> Clone for Event<'_, M, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Service, E> Copy for Event<'_, M, E> {}

impl<M, E: fmt::Debug> fmt::Debug for Event<'_, M, E>
where
    M: Service<Outcome: fmt::Debug> + fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { peer } => f.debug_struct("Connected").field("peer", peer).finish(),
            Self::Ended {
                peer,
                outcome,
                machine,
            } => f
                .debug_struct("Ended")
                .field("peer", peer)
                .field("outcome", outcome)
                .field("machine", machine)
                .finish(),
            Self::AcceptFailed { error } => f
                .debug_struct("AcceptFailed")
                .field("error", error)
                .finish(),
        }
    }
}
