//! A listener: sockets that listen, those in a handshake, and those that are closing.

use core::cell::RefCell;
use core::fmt;
use core::future::{Future, poll_fn};
use core::mem;
use core::net::IpAddr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_net::tcp::{State, TcpSocket};
use embassy_net::{IpEndpoint, Stack};
use embassy_time::{Duration, Instant, Timer};
use syn_backlog::host::Network;

use crate::backlog::Backlog;

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For its side of the handshake.
    pub handshake: Duration,
    /// To close, after its connection was [released](Listener::release).
    pub linger: Duration,
}

impl Timeouts {
    /// 5 s, and 10 s.
    pub const DEFAULT: Self = Self {
        handshake: Duration::from_secs(5),
        linger: Duration::from_secs(10),
    };
}

/// The stack keeps back an ACK for 10 ms, that of the peer's FIN as well. A socket that is used again
/// before forgets it.
const LAST_ACK: Duration = Duration::from_millis(15);

/// The buffers of a listener's sockets: so many sockets, with so many bytes to receive and to send.
#[derive(Debug)]
pub struct Buffers<const N: usize, const RX: usize, const TX: usize>([([u8; RX], [u8; TX]); N]);

impl<const N: usize, const RX: usize, const TX: usize> Buffers<N, RX, TX> {
    /// Zeros, which take no flash in a `static`.
    pub const fn new() -> Self {
        Self([([0; RX], [0; TX]); N])
    }
}

impl<const N: usize, const RX: usize, const TX: usize> Default for Buffers<N, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection, and the peer's address.
pub type Accepted<'a> = (TcpSocket<'a>, IpEndpoint);

/// Listens on a port with `N` sockets, which any number of tasks may share.
///
/// A connection is lent: the socket is [released](Self::release) when it is no longer needed.
pub struct Listener<'a, const N: usize, const WAITING: usize> {
    stack: Stack<'a>,
    backlog: &'a Backlog<WAITING>,
    port: u16,
    timeouts: Timeouts,
    inner: RefCell<Inner<'a, N>>,
}

struct Inner<'a, const N: usize> {
    places: [Place<'a>; N],
    /// Tasks that wait for a connection.
    accepting: [Option<Waker>; N],
}

enum Place<'a> {
    Lent,
    /// It listens, is in a handshake, or is to listen again.
    Open(TcpSocket<'a>),
    /// Its peer has until then to close.
    Closing(TcpSocket<'a>, Instant),
}

impl<'a, const N: usize, const WAITING: usize> Listener<'a, N, WAITING> {
    /// Makes sockets that listen once somebody [accepts](Self::accept).
    ///
    /// # Panics
    ///
    /// The stack has no room for as many sockets, or the backlog has listeners of four ports already.
    pub fn new<const RX: usize, const TX: usize>(
        stack: Stack<'a>,
        backlog: &'a Backlog<WAITING>,
        port: u16,
        buffers: &'a mut Buffers<N, RX, TX>,
    ) -> Self {
        assert!(backlog.open(port), "a backlog has four ports");
        let places = buffers.0.each_mut().map(|(receive, send)| {
            let socket = TcpSocket::new(stack, receive, send);
            Place::Open(socket)
        });
        Self {
            stack,
            backlog,
            port,
            timeouts: Timeouts::DEFAULT,
            inner: RefCell::new(Inner {
                places,
                accepting: [const { None }; N],
            }),
        }
    }

    /// The same with other timeouts.
    #[must_use]
    pub const fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Waits for the next connection, and says from where it came.
    ///
    /// Several tasks may wait at once. Can be cancelled: nobody is lost by that. While nobody calls it,
    /// clients who have connected wait in their sockets, others in the backlog.
    pub async fn accept(&self) -> Accepted<'a> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// The same as a poll.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Accepted<'a>> {
        self.backlog.set_addresses(own(self.stack));
        let Inner { places, accepting } = &mut *self.inner.borrow_mut();
        let (mut found, mut listening, mut due) = (None, 0, Instant::MAX);
        for place in places {
            self.look_after(place, &mut due, context);
            let Place::Open(socket) = place else {
                continue;
            };
            match socket.state() {
                State::Listen => listening += 1,
                State::SynReceived | State::Closed | State::TimeWait => {}
                _ if found.is_some() => {}
                _ => {
                    if let Some(peer) = socket.remote_endpoint()
                        && let Place::Open(mut socket) = mem::replace(place, Place::Lent)
                    {
                        socket.set_timeout(None);
                        found = Some((socket, peer));
                    }
                }
            }
        }
        self.backlog
            .set_listening(self.port, listening, context.waker());
        if let Some(accepted) = found {
            // Sockets know one waker: the others take over from this task.
            for waker in accepting.iter_mut().filter_map(Option::take) {
                waker.wake();
            }
            return Poll::Ready(accepted);
        }
        note(accepting, context.waker());
        if due < Instant::MAX {
            // A timer that is dropped still wakes.
            let _ = pin!(Timer::at(due)).poll(context);
        }
        Poll::Pending
    }

    /// Waits until a client waits for a socket to listen: while all are lent, say.
    pub async fn awaited(&self) {
        poll_fn(|context| {
            // Whoever comes now finds no socket that isn't counted, and wakes this task.
            if self.poll_awaited(context) {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    fn poll_awaited(&self, context: &mut Context<'_>) -> bool {
        let Inner { places, .. } = &mut *self.inner.borrow_mut();
        let (mut listening, mut due) = (0, Instant::MAX);
        for place in places {
            self.look_after(place, &mut due, context);
            match place {
                Place::Open(socket) if socket.state() == State::Listen => listening += 1,
                _ => {}
            }
        }
        self.backlog
            .set_listening(self.port, listening, context.waker());
        if due < Instant::MAX {
            // A timer that is dropped still wakes.
            let _ = pin!(Timer::at(due)).poll(context);
        }
        self.backlog.waiting_at(self.port) > 0
    }

    /// Gives a connection back, whatever its state. What was written is still sent, and FIN behind it;
    /// after [`Timeouts::linger`] it is reset. Where it was aborted, RST is sent.
    ///
    /// A socket that isn't this listener's is dropped.
    pub fn release(&self, mut socket: TcpSocket<'a>) {
        socket.close();
        let until = Instant::now().saturating_add(self.timeouts.linger);
        let Inner { places, accepting } = &mut *self.inner.borrow_mut();
        let lent = places.iter_mut().find(|place| matches!(place, Place::Lent));
        if let Some(place) = lent {
            *place = Place::Closing(socket, until);
        }
        if let Some(waker) = accepting.iter_mut().find_map(Option::take) {
            waker.wake();
        }
    }

    /// Has a socket listen again, or close, as far as it goes now; and wake the task when it goes further.
    fn look_after(&self, place: &mut Place<'a>, due: &mut Instant, context: &mut Context<'_>) {
        if let Place::Closing(socket, until) = place {
            // What a peer still sends is thrown away, up to its FIN.
            while let Poll::Ready(Ok(1..)) = pin!(socket.read(&mut [0; 64])).poll(context) {}
            let now = Instant::now();
            match socket.state() {
                State::TimeWait => {
                    *until = (*until).min(now.saturating_add(LAST_ACK));
                    if now < *until {
                        *due = (*due).min(*until);
                        return;
                    }
                }
                // RST is on its way.
                State::Closed if pin!(socket.flush()).poll(context).is_pending() => return,
                State::Closed => {}
                _ if now >= *until => {
                    socket.abort();
                    let _ = pin!(socket.flush()).poll(context);
                    return;
                }
                _ => {
                    let _ = pin!(socket.flush()).poll(context);
                    *due = (*due).min(*until);
                    return;
                }
            }
            if let Place::Closing(socket, _) = mem::replace(place, Place::Lent) {
                *place = Place::Open(socket);
            }
        }
        if let Place::Open(socket) = place {
            if matches!(socket.state(), State::Closed | State::TimeWait) {
                socket.set_timeout(Some(self.timeouts.handshake));
                // Polled once, it has begun to listen.
                let _ = pin!(socket.accept(self.port)).poll(context);
            }
            let _ = pin!(socket.wait_write_ready()).poll(context);
        }
    }
}

/// Keeps a waker, once.
fn note(wakers: &mut [Option<Waker>], waker: &Waker) {
    let known = |kept: &Option<Waker>| kept.as_ref().is_some_and(|kept| kept.will_wake(waker));
    if wakers.iter().any(known) {
        return;
    }
    match wakers.iter_mut().find(|kept| kept.is_none()) {
        Some(free) => *free = Some(waker.clone()),
        // More tasks than sockets: one of them looks again at once.
        None => {
            if let Some(first) = wakers.first_mut()
                && let Some(other) = first.replace(waker.clone())
            {
                other.wake();
            }
        }
    }
}

/// The stack's addresses.
fn own(stack: Stack<'_>) -> impl Iterator<Item = Network> {
    let network = |address: IpAddr, prefix| Network { address, prefix };
    #[cfg(feature = "ipv4")]
    let v4 = stack
        .config_v4()
        .map(|own| network(own.address.address().into(), own.address.prefix_len()));
    #[cfg(not(feature = "ipv4"))]
    let v4 = None::<Network>;
    #[cfg(feature = "ipv6")]
    let v6 = stack
        .config_v6()
        .map(|own| network(own.address.address().into(), own.address.prefix_len()));
    #[cfg(not(feature = "ipv6"))]
    let v6 = None::<Network>;
    let _ = network;
    [v4, v6].into_iter().flatten()
}

impl<const N: usize, const WAITING: usize> fmt::Debug for Listener<'_, N, WAITING> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("port", &self.port)
            .field("sockets", &N)
            .finish_non_exhaustive()
    }
}
