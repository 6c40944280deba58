//! What the protocol needs from a network stack: three small traits that never block.
//!
//! An adapter implements them once; the drivers in [`drive`](crate::drive),
//! [`server`](crate::server),
//! [`client`](crate::client) and [`receiver`](crate::receiver) do the rest. [`Poll::Pending`] says
//! *not now* in all of them: `WouldBlock` of an operating system, an empty socket buffer of
//! smoltcp. Nobody is woken by it; the caller polls again when its network says so, or when time
//! has come.
//!
//! Whatever implements [`embedded_io::Read`] and [`embedded_io::Write`] is a [`Stream`] through
//! [`Blocking`] or [`NonBlocking`].

use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU32;
use core::task::{Poll, ready};

use embedded_io::{Error, ErrorType};

use crate::limits::DEFAULT_MSS;
use crate::time::Instant;

mod embedded;

pub use embedded::{Blocking, NonBlocking};

/// Two streams of bytes, one each way: a TCP connection, or a serial line.
///
/// # What an implementation owes
///
/// - No call blocks (but see [`Blocking`]).
/// - Bytes that [`send`](Self::send) took are delivered, also after the stream is dropped or
///   [released](Listener::release), as far as the network and the peer allow.
///   [`abort`](Self::abort) alone throws them away.
/// - Bytes that came and weren't received are thrown away on drop. Many stacks then send RST (RFC
///   9293, section 3.6.1), which may overtake the answer; that is why the drivers read on after a
///   refusal.
/// - Errors are final: after one, the stream is only dropped, released or aborted. A call that was
///   merely interrupted is repeated inside.
pub trait Stream: ErrorType {
    /// Whether [`receive`](Self::receive) always takes all that is waiting, as far as the buffer
    /// has room.
    ///
    /// Then bytes that leave room in the buffer say that nothing more is waiting, and a driver is
    /// spared the call that would only say so.
    const TAKES_ALL: bool = false;

    /// Takes bytes that have come into `buffer`, and says how many.
    ///
    /// `Ready(Ok(0))`, for a buffer that isn't empty, is FIN: nothing will follow. `Pending`:
    /// nothing is waiting now.
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, Self::Error>>;

    /// Sends the first of `bytes`, and says how many; never zero of some, which the drivers take
    /// for a broken connection.
    ///
    /// `Pending`: there is no room now, or the connection isn't established yet; the latter for no
    /// bytes as well.
    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, Self::Error>>;

    /// Half-closes: FIN follows what was sent. The other direction stays open.
    ///
    /// `Pending`: it can't be done now, as the connection isn't established yet, say, or what was
    /// sent has to be written out first. Ask again; once it was ready, don't.
    fn finish(&mut self) -> Poll<Result<(), Self::Error>>;

    /// Sends the last bytes, which may be none: [`send`](Self::send), and
    /// [`finish`](Self::finish) if all of them were taken. Says how far it came.
    ///
    /// A stack that can puts FIN into the same segment as the bytes; that saves a packet and a
    /// wake-up.
    fn send_last(&mut self, bytes: &[u8]) -> Poll<Result<Sent, Self::Error>> {
        let sent = if bytes.is_empty() {
            0
        } else {
            ready!(self.send(bytes))?
        };
        let fin = sent == bytes.len()
            && match self.finish() {
                Poll::Ready(result) => result.map(|()| true)?,
                Poll::Pending if bytes.is_empty() => return Poll::Pending,
                Poll::Pending => false,
            };
        Poll::Ready(Ok(Sent { bytes: sent, fin }))
    }

    /// Whether so many bytes that have come, and nothing behind them, are all that the peer sent at
    /// once: one send of so many travels in one segment, and a longer one would have filled it.
    ///
    /// For TCP, that is fewer bytes than the maximum segment size: 536 (RFC 9293, section 3.7.1)
    /// or what either side has announced, if that is less; and not more than half the receive window
    /// if that is small, which a sender may fill piece by piece (section 3.8.6.2.1). For a byte stream
    /// without segments, such as a serial line, it is never so.
    fn in_one_segment(&self, len: usize) -> bool {
        len < DEFAULT_MSS
    }

    /// Ends both directions at once, with RST where there is such a thing. What was sent may be
    /// lost.
    fn abort(&mut self);
}

/// How far [`Stream::send_last`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// So many bytes were taken.
    pub bytes: usize,
    /// FIN was, too.
    pub fin: bool,
}

/// Where connections come in.
///
/// It lends streams rather than handing them out: on smoltcp a stream is a view of a socket in a
/// set, and the handle is all that a server keeps. Where a stream stands alone, it is its own
/// handle.
pub trait Listener {
    /// What can go wrong in [`accept`](Self::accept).
    type Error: Error;
    /// What stands for one connection between polls.
    type Handle;
    /// A connection, for as long as it is looked at.
    type Stream<'a>: Stream
    where
        Self: 'a;

    /// Takes the next connection, and says from where it came (the peer's address).
    ///
    /// `Pending`: nobody is waiting. A connection that died before it was taken is no error, also
    /// where the system reports it as one. An error isn't final: it says that a resource is missing
    /// now, and it may be asked again later.
    fn accept(&mut self, now: Instant) -> Poll<Result<Accepted<Self::Handle>, Self::Error>>;

    /// When the listener itself has something to do: to forget a handshake that never ends, say, or
    /// a connection that doesn't close. It is done in [`accept`](Self::accept).
    /// [`NEVER`](Instant::NEVER): somebody else sees to it, as an operating system does.
    fn due(&self) -> Instant {
        Instant::NEVER
    }

    /// Whether somebody waits: has connected and isn't accepted, or would connect but for something
    /// that a connection gives back when it is [released](Self::release). Asked when nobody can be
    /// accepted.
    fn is_awaited(&mut self) -> bool;

    /// Lends the stream of a connection.
    fn stream<'a>(&'a mut self, handle: &'a mut Self::Handle) -> Self::Stream<'a>;

    /// Gives a connection back, whatever its state. What was sent and not aborted is still
    /// delivered.
    fn release(&mut self, handle: Self::Handle);
}

/// A connection that was accepted, and the peer's address.
pub type Accepted<H> = (H, SocketAddr);

/// A UDP socket.
pub trait Datagrams: ErrorType {
    /// Takes the next datagram into `buffer`, and says what is known of it. `Pending`: none is
    /// waiting.
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, Self::Error>>;

    /// Sends one datagram, whole or not at all: from the address and interface that `via` names, or
    /// else from those that the stack chooses. It is a unicast address of the stack, also where the
    /// socket is bound to a broadcast or multicast address.
    ///
    /// `Pending`: there is no room now. A datagram that the stack can never send is an error, not
    /// silence.
    fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Poll<Result<(), Self::Error>>;

    /// Whether what is sent to `address` comes back to this very socket. A socket that is bound to
    /// all addresses, and can't tell which are its own, says yes to all with its port.
    fn is_own(&self, address: SocketAddr) -> bool;

    /// How many datagrams came for this socket and were dropped before it could be asked for them,
    /// most often as it had no room. 0 where the stack doesn't count them.
    fn lost(&mut self) -> u64 {
        0
    }
}

/// What is known of a datagram that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The datagram's own length. If it is larger than the buffer, the datagram was cut; a stack
    /// that only knows that it was cut says one more than the buffer has.
    pub len: usize,
    /// From where it came.
    pub from: SocketAddr,
    /// Where it came in.
    pub local: Local,
}

/// This side of a datagram, as far as the stack tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// The address that was asked, so that an answer can leave from it. For a broadcast or a
    /// multicast address, that of the interface on which it came.
    pub address: Option<IpAddr>,
    /// The interface, by the number that the system gives it.
    pub interface: Option<NonZeroU32>,
}

impl<T: Stream + ?Sized> Stream for &mut T {
    const TAKES_ALL: bool = T::TAKES_ALL;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, Self::Error>> {
        T::receive(self, buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, Self::Error>> {
        T::send(self, bytes)
    }

    fn finish(&mut self) -> Poll<Result<(), Self::Error>> {
        T::finish(self)
    }

    fn send_last(&mut self, bytes: &[u8]) -> Poll<Result<Sent, Self::Error>> {
        T::send_last(self, bytes)
    }

    fn in_one_segment(&self, len: usize) -> bool {
        T::in_one_segment(self, len)
    }

    fn abort(&mut self) {
        T::abort(self);
    }
}

impl<T: Listener + ?Sized> Listener for &mut T {
    type Error = T::Error;
    type Handle = T::Handle;
    type Stream<'a>
        = T::Stream<'a>
    where
        Self: 'a;

    fn accept(&mut self, now: Instant) -> Poll<Result<Accepted<Self::Handle>, Self::Error>> {
        T::accept(self, now)
    }

    fn due(&self) -> Instant {
        T::due(self)
    }

    fn is_awaited(&mut self) -> bool {
        T::is_awaited(self)
    }

    fn stream<'a>(&'a mut self, handle: &'a mut Self::Handle) -> Self::Stream<'a> {
        T::stream(self, handle)
    }

    fn release(&mut self, handle: Self::Handle) {
        T::release(self, handle);
    }
}

impl<T: Datagrams + ?Sized> Datagrams for &mut T {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, Self::Error>> {
        T::receive_from(self, buffer)
    }

    fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Poll<Result<(), Self::Error>> {
        T::send_to(self, datagram, to, via)
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        T::is_own(self, address)
    }

    fn lost(&mut self) -> u64 {
        T::lost(self)
    }
}
