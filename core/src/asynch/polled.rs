//! Async streams, listeners and sockets as the drivers see them, for the length of one poll.

use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io::ErrorType;
use embedded_io_async::Read;

use super::transport::{Close, Datagrams, Listener};
use crate::time::Instant;
use crate::transport::{self, Accepted, Datagram, Local};

/// An async stream, listener or UDP socket that is asked what is ready now, and leaves a waker where
/// nothing is: a [`transport::Stream`], [`transport::Listener`] or [`transport::Datagrams`].
///
/// For a driver of one's own, inside a `poll`; [`converse`](super::converse), [`serve`](super::serve),
/// [`receive`](super::receive) and [`respond`](super::respond) are made of it.
pub struct Polled<'w, T> {
    inner: T,
    waker: &'w Waker,
}

impl<'w, T> Polled<'w, T> {
    /// Looks at something, often a `&mut` of it, on behalf of the task of this waker.
    pub const fn new(inner: T, waker: &'w Waker) -> Self {
        Self { inner, waker }
    }
}

/// One poll of what a call returned. Pending, it is dropped.
pub(super) fn poll<F: Future>(call: F, waker: &Waker) -> Poll<F::Output> {
    pin!(call).poll(&mut Context::from_waker(waker))
}

impl<T: ErrorType> ErrorType for Polled<'_, T> {
    type Error = T::Error;
}

impl<T: Read + Close> transport::Stream for Polled<'_, T> {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, T::Error>> {
        poll(self.inner.read(buffer), self.waker)
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, T::Error>> {
        poll(self.inner.write(bytes), self.waker)
    }

    fn finish(&mut self) -> Poll<Result<(), T::Error>> {
        poll(self.inner.finish(), self.waker)
    }

    fn in_one_segment(&self, len: usize) -> bool {
        self.inner.in_one_segment(len)
    }

    /// Begins it. Await [`Close::abort`] to know that it is done.
    fn abort(&mut self) {
        let _ = poll(self.inner.abort(), self.waker);
    }
}

impl<T: Listener> transport::Listener for Polled<'_, T> {
    type Error = T::Error;
    type Handle = T::Handle;
    type Stream<'a>
        = Polled<'a, T::Stream<'a>>
    where
        Self: 'a;

    fn accept(&mut self, _now: Instant) -> Poll<Result<Accepted<T::Handle>, T::Error>> {
        poll(self.inner.accept(), self.waker)
    }

    fn is_awaited(&mut self) -> bool {
        poll(self.inner.awaited(), self.waker).is_ready()
    }

    fn stream<'a>(&'a mut self, handle: &'a mut T::Handle) -> Polled<'a, T::Stream<'a>> {
        Polled::new(self.inner.stream(handle), self.waker)
    }

    fn release(&mut self, handle: T::Handle) {
        self.inner.release(handle);
    }
}

impl<T: Datagrams> transport::Datagrams for Polled<'_, T> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, T::Error>> {
        poll(self.inner.receive_from(buffer), self.waker)
    }

    fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Poll<Result<(), T::Error>> {
        poll(self.inner.send_to(datagram, to, via), self.waker)
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.inner.is_own(address)
    }

    fn lost(&mut self) -> u64 {
        self.inner.lost()
    }
}

impl<T: fmt::Debug> fmt::Debug for Polled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Polled").field(&self.inner).finish()
    }
}
