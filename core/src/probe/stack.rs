//! The stack from which a server is graded: what the checks need beyond streams.
//!
//! Adapters and tests implement [`ProbeStack`]. The checks see it as [`Tester`], which has no types
//! of its own, so that there is one copy of them whatever the stack. A rule of the protocol may
//! never enter.

use core::task::Poll;

use embedded_io::{Error, ErrorKind};

use super::link::LinkCounters;
use super::need::{Mode, Need};
use super::verdict::Cause;
use crate::time::Instant;
use crate::transport::{Sent, Stream};

/// A stack from which a server is graded.
///
/// Connections are kept in numbered slots, so that a board can hold them in an array.
pub trait ProbeStack {
    /// A connection, for as long as it is looked at.
    type Stream<'a>: Stream
    where
        Self: 'a;

    /// What time it is.
    fn now(&mut self) -> Instant;

    /// Lets the network go on until something may have happened in it, or until this time at the
    /// latest. It may return early. The checks do all their waiting here.
    fn wait(&mut self, until: Instant);

    /// How many connections it can hold at once.
    fn slots(&self) -> usize;

    /// Starts to connect to the server of this mode, in a slot that is free.
    ///
    /// # Errors
    ///
    /// The connection is refused, or this side lacks something for it.
    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError>;

    /// Starts to connect as [`connect`](Self::connect) does, but from the address and port of the connection
    /// that was in this slot last.
    ///
    /// # Errors
    ///
    /// As there; by default that this can't be chosen. [`ErrorKind::AddrInUse`]: that connection isn't over
    /// at this end yet.
    fn connect_again(&mut self, _slot: usize, _mode: Mode) -> Result<(), StackError> {
        Err(StackError::Lacks("this stack chooses its ports by itself"))
    }

    /// Lends the connection in a slot; `None` if there is none.
    ///
    /// While it is still connecting, its calls are [`Poll::Pending`], sending nothing as well.
    fn stream(&mut self, slot: usize) -> Option<Self::Stream<'_>>;

    /// That no way leads to the server, where the connection in a slot broke for that: a sentence that a
    /// report shows, with what to do. No [`ErrorKind`] says so.
    fn no_route(&mut self, _slot: usize) -> Option<&'static str> {
        None
    }

    /// Closes the connection in a slot, and frees the slot. After
    /// [`abort`](Stream::abort) RST has left when this returns.
    fn close(&mut self, slot: usize);

    /// Why it can't meet a need, in a sentence that a report shows; `None` if it can. It is asked
    /// about [`Name`](Need::Name), [`Lines`](Need::Lines), [`Udp`](Need::Udp),
    /// [`Reset`](Need::Reset), [`SmallWindow`](Need::SmallWindow), [`TinyWindow`](Need::TinyWindow),
    /// [`HalfOpen`](Need::HalfOpen), [`Timing`](Need::Timing), [`Connections`](Need::Connections) and
    /// [`FlowControl`](Need::FlowControl), and of one that it can have only so many at once as
    /// [`slots`](Self::slots) says, about [`Two`](Need::Two), [`Clients`](Need::Clients) and
    /// [`OneMore`](Need::OneMore).
    fn unsupported(&self, need: Need) -> Option<&'static str>;

    /// Starts so many connections that never complete their handshake: SYN, and then nothing.
    ///
    /// # Errors
    ///
    /// They weren't sent.
    fn half_open(&mut self, _count: usize) -> Result<(), StackError> {
        Err(StackError::Refused(ErrorKind::Unsupported))
    }

    /// Ends them with RST, where it can: whatever runs next isn't to find their places taken.
    fn end_half_open(&mut self) {}

    /// What it saw of the link since this was called last: of a connection by the time it is closed.
    /// `None`: it doesn't tell.
    fn link(&mut self) -> Option<LinkCounters> {
        None
    }

    /// Sends one datagram to the server's UDP address.
    ///
    /// # Errors
    ///
    /// One before it was refused, or this side lacks something for it.
    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>>;

    /// The same without a checksum, as a datagram over IPv4 may be (RFC 1122, section 4.1.3.4).
    ///
    /// # Errors
    ///
    /// As above, or it can't.
    fn send_unchecked(&mut self, _datagram: &[u8]) -> Poll<Result<(), StackError>> {
        Poll::Ready(Err(StackError::Refused(ErrorKind::Unsupported)))
    }

    /// Takes the next datagram from there, and says how long it is.
    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>>;
}

/// Why something couldn't be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// The server, or the network on the way to it, says no.
    Refused(ErrorKind),
    /// No way leads to the server: a sentence that a report shows.
    NoRoute(&'static str),
    /// The tester's own machine lacks something, which says nothing of the server: a sentence that
    /// a report shows.
    Lacks(&'static str),
}

impl From<ErrorKind> for StackError {
    fn from(kind: ErrorKind) -> Self {
        Self::Refused(kind)
    }
}

impl From<StackError> for Cause {
    fn from(error: StackError) -> Self {
        match error {
            StackError::Refused(kind) => Self::Refused(kind),
            StackError::NoRoute(reason) => Self::NoRoute(reason),
            StackError::Lacks(reason) => Self::Lacks(reason),
        }
    }
}

/// How to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// As any client does. Each send is a segment of its own, if it fits into one.
    Plain,
    /// With the smallest receive window and the smallest segments that the stack can be talked
    /// into.
    SmallWindow,
}

/// A [`ProbeStack`] as the checks see it: the connections of all stacks are alike.
pub(super) trait Tester {
    fn now(&mut self) -> Instant;
    fn wait(&mut self, until: Instant);
    fn slots(&self) -> usize;
    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError>;
    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError>;
    fn is_open(&mut self, slot: usize) -> bool;
    fn no_route(&mut self, slot: usize) -> Option<&'static str>;
    fn send(&mut self, slot: usize, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>>;
    fn send_last(&mut self, slot: usize, bytes: &[u8]) -> Poll<Result<Sent, ErrorKind>>;
    fn receive(&mut self, slot: usize, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>>;
    fn abort(&mut self, slot: usize);
    fn close(&mut self, slot: usize);
    fn unsupported(&self, need: Need) -> Option<&'static str>;
    fn half_open(&mut self, count: usize) -> Result<(), StackError>;
    fn end_half_open(&mut self);
    fn link(&mut self) -> Option<LinkCounters>;
    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>>;
    fn send_unchecked(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>>;
    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>>;
}

/// The answer of a slot without a connection.
const NOBODY: ErrorKind = ErrorKind::NotConnected;

impl<S: ProbeStack> Tester for S {
    fn now(&mut self) -> Instant {
        S::now(self)
    }

    fn wait(&mut self, until: Instant) {
        S::wait(self, until);
    }

    fn slots(&self) -> usize {
        S::slots(self)
    }

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        S::connect(self, slot, mode, dial)
    }

    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        S::connect_again(self, slot, mode)
    }

    fn is_open(&mut self, slot: usize) -> bool {
        self.stream(slot).is_some()
    }

    fn no_route(&mut self, slot: usize) -> Option<&'static str> {
        S::no_route(self, slot)
    }

    fn send(&mut self, slot: usize, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        match self.stream(slot) {
            Some(mut stream) => stream.send(bytes).map_err(|error| error.kind()),
            None => Poll::Ready(Err(NOBODY)),
        }
    }

    fn send_last(&mut self, slot: usize, bytes: &[u8]) -> Poll<Result<Sent, ErrorKind>> {
        match self.stream(slot) {
            Some(mut stream) => stream.send_last(bytes).map_err(|error| error.kind()),
            None => Poll::Ready(Err(NOBODY)),
        }
    }

    fn receive(&mut self, slot: usize, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        match self.stream(slot) {
            Some(mut stream) => stream.receive(buffer).map_err(|error| error.kind()),
            None => Poll::Ready(Err(NOBODY)),
        }
    }

    fn abort(&mut self, slot: usize) {
        if let Some(mut stream) = self.stream(slot) {
            stream.abort();
        }
    }

    fn close(&mut self, slot: usize) {
        S::close(self, slot);
    }

    fn unsupported(&self, need: Need) -> Option<&'static str> {
        S::unsupported(self, need)
    }

    fn half_open(&mut self, count: usize) -> Result<(), StackError> {
        S::half_open(self, count)
    }

    fn end_half_open(&mut self) {
        S::end_half_open(self);
    }

    fn link(&mut self) -> Option<LinkCounters> {
        S::link(self)
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        S::send_datagram(self, datagram)
    }

    fn send_unchecked(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        S::send_unchecked(self, datagram)
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        S::receive_datagram(self, buffer)
    }
}
