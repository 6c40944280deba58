//! A listener: sockets, tasks that wait for a connection, and clients who wait for a socket.

use core::cell::RefCell;
use core::fmt;
use core::future::{Future, poll_fn};
use core::net::IpAddr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_net::tcp::TcpSocket;
use embassy_net::{IpEndpoint, Stack};
use embassy_time::{Instant, Timer};
use syn_backlog::host::Network;

use crate::backlog::Backlog;
use crate::place::{Look, Place, Timeouts};

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
            Place::Open(socket, None)
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
        let Inner { places, accepting } = &mut *self.inner.borrow_mut();
        let look = self.look(places, context);
        let accepted = places.iter_mut().find_map(|place| {
            let socket = place.take()?;
            let peer = socket.remote_endpoint()?;
            Some((socket, peer))
        });
        if let Some(accepted) = accepted {
            // Sockets know one waker: the others take over from this task.
            for waker in accepting.iter_mut().filter_map(Option::take) {
                waker.wake();
            }
            return Poll::Ready(accepted);
        }
        note(accepting, look.context.waker());
        look.again();
        Poll::Pending
    }

    /// Waits until a client waits who finds no socket, even when those are back that were released last:
    /// while all are lent, say. Or whom nobody has accepted.
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
        let mut look = self.look(places, context);
        // Who waits beside a socket that listens is about to have it.
        let mut waiting = self.unheard(places);
        if waiting > 0 {
            let (linger, now) = (self.timeouts.linger, look.now);
            for back in places.iter().filter_map(|p| p.is_back_by(linger, now)) {
                waiting = waiting.saturating_sub(1);
                look.due = look.due.min(back);
            }
        }
        look.again();
        waiting > 0 || places.iter().any(Place::is_connected)
    }

    /// Looks after all sockets, and tells the backlog how many listen.
    fn look<'c, 'w>(
        &self,
        places: &mut [Place<'a>; N],
        context: &'c mut Context<'w>,
    ) -> Look<'c, 'w> {
        self.backlog.set_addresses(own(self.stack));
        let mut look = Look {
            port: self.port,
            timeouts: self.timeouts,
            context,
            wanted: self.unheard(places),
            now: Instant::now(),
            due: Instant::MAX,
        };
        for place in &mut *places {
            place.look_after(&mut look);
        }
        let waker = look.context.waker();
        self.backlog
            .set_listening(self.port, listening(places), waker);
        look
    }

    /// How many clients wait for whom no socket listens.
    fn unheard(&self, places: &[Place<'a>; N]) -> usize {
        let waiting = self.backlog.waiting_at(self.port);
        waiting.saturating_sub(listening(places))
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
}

impl Look<'_, '_> {
    /// Has the task woken when it is time to look again.
    fn again(self) {
        if self.due < Instant::MAX {
            // A timer that is dropped still wakes.
            let _ = pin!(Timer::at(self.due)).poll(self.context);
        }
    }
}

fn listening(places: &[Place<'_>]) -> usize {
    places.iter().filter(|place| place.listens()).count()
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
pub(crate) fn own(stack: Stack<'_>) -> impl Iterator<Item = Network> {
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
