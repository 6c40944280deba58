//! What an async network stack must do: what embedded-io-async has no words for.

use core::future::pending;
use core::net::SocketAddr;

use embedded_io::{Error, ErrorType};
use embedded_io_async::{Read, Write};

use crate::limits::DEFAULT_MSS;
use crate::transport::{Accepted, Datagram, Local};

/// How a stream ends, which embedded-io-async has no words for.
///
/// | | `finish` | `abort` |
/// |---|---|---|
/// | embassy-net | `close()` | `abort()`, and `flush().await` |
/// | tokio | `shutdown().await` | `set_zero_linger()`, and drop |
/// | a serial line | `flush().await` | nothing |
#[expect(async_fn_in_trait, reason = "whether it is Send is up to the executor")]
pub trait Close: Write {
    /// Half-closes: FIN follows what was written. Doesn't wait for its ACK, which a peer may keep back.
    ///
    /// Once it was ready, it isn't called again.
    async fn finish(&mut self) -> Result<(), Self::Error>;

    /// Ends both directions at once, with RST where there is such a thing, and waits until that has
    /// left. What was written may be lost.
    ///
    /// It begins when it is polled first. Dropped and called again, it goes on waiting.
    async fn abort(&mut self);

    /// Whether so many bytes that have come are all that the peer sent at once, as
    /// [`Stream::in_one_segment`](crate::transport::Stream::in_one_segment) has it; never on a line without segments.
    fn in_one_segment(&self, len: usize) -> bool {
        len < DEFAULT_MSS
    }
}

impl<T: Close + ?Sized> Close for &mut T {
    async fn finish(&mut self) -> Result<(), Self::Error> {
        T::finish(self).await
    }

    async fn abort(&mut self) {
        T::abort(self).await;
    }

    fn in_one_segment(&self, len: usize) -> bool {
        T::in_one_segment(self, len)
    }
}

/// Where connections come in.
///
/// It lends streams, as [`transport::Listener`](crate::transport::Listener) does and for the same
/// reason.
#[expect(async_fn_in_trait, reason = "whether it is Send is up to the executor")]
pub trait Listener {
    /// What can go wrong in [`accept`](Self::accept).
    type Error: Error;
    /// What stands for one connection.
    type Handle;
    /// A connection, for as long as it is looked at.
    type Stream<'a>: Read + Close
    where
        Self: 'a;

    /// Takes the next connection, and says from where it came (the peer's address).
    ///
    /// A connection that died before it was taken is no error. An error isn't final: it says that a
    /// resource is missing now, and it may be asked again later.
    async fn accept(&mut self) -> Result<Accepted<Self::Handle>, Self::Error>;

    /// Waits until somebody waits: has connected and isn't accepted, or would connect but for something
    /// that a connection gives back when it is [released](Self::release). Asked when nobody can be
    /// accepted. A listener that can't tell is never ready, and nobody has to give way to others.
    async fn awaited(&mut self) {
        pending::<()>().await;
    }

    /// Lends the stream of a connection.
    fn stream<'a>(&'a mut self, handle: &'a mut Self::Handle) -> Self::Stream<'a>;

    /// Gives a connection back, whatever its state. What was written is still delivered, and what was
    /// [aborted](Close::abort) is reset.
    fn release(&mut self, handle: Self::Handle);
}

impl<L: Listener + ?Sized> Listener for &mut L {
    type Error = L::Error;
    type Handle = L::Handle;
    type Stream<'a>
        = L::Stream<'a>
    where
        Self: 'a;

    async fn accept(&mut self) -> Result<Accepted<L::Handle>, L::Error> {
        L::accept(self).await
    }

    async fn awaited(&mut self) {
        L::awaited(self).await;
    }

    fn stream<'a>(&'a mut self, handle: &'a mut L::Handle) -> L::Stream<'a> {
        L::stream(self, handle)
    }

    fn release(&mut self, handle: L::Handle) {
        L::release(self, handle);
    }
}

/// A UDP socket.
#[expect(async_fn_in_trait, reason = "whether it is Send is up to the executor")]
pub trait Datagrams: ErrorType {
    /// Takes the next datagram into `buffer`, and says what is known of it.
    async fn receive_from(&mut self, buffer: &mut [u8]) -> Result<Datagram, Self::Error>;

    /// Sends one datagram, whole or not at all: from the address and interface that `via` names, or
    /// else from those that the stack chooses. Pending while there is no room; one that the stack can
    /// never send is an error.
    async fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Result<(), Self::Error>;

    /// Whether what is sent to `address` comes back to this very socket. A socket that is bound to
    /// all addresses, and can't tell which are its own, says yes to all with its port.
    fn is_own(&self, address: SocketAddr) -> bool;

    /// How many datagrams came for this socket and were dropped before it could be asked for them.
    /// 0 where the stack doesn't count them.
    fn lost(&mut self) -> u64 {
        0
    }
}

impl<D: Datagrams + ?Sized> Datagrams for &mut D {
    async fn receive_from(&mut self, buffer: &mut [u8]) -> Result<Datagram, Self::Error> {
        D::receive_from(self, buffer).await
    }

    async fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Result<(), Self::Error> {
        D::send_to(self, datagram, to, via).await
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        D::is_own(self, address)
    }

    fn lost(&mut self) -> u64 {
        D::lost(self)
    }
}
