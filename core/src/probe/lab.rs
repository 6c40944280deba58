//! What a probe needs from a network stack beyond streams: connections by number, time, and a few
//! abilities that not every stack has.
//!
//! Adapters and tests implement [`Lab`]; only the checks call it. A rule of the protocol may never
//! enter.

use core::task::Poll;

use embedded_io::ErrorKind;

use crate::time::Instant;
use crate::transport::Stream;

/// A stack from which a server is probed.
///
/// Connections are kept in numbered slots, so that a board can hold them in an array.
pub trait Lab {
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

    /// Starts to connect to the server, in a slot that is free.
    ///
    /// # Errors
    ///
    /// The connection is refused, or this side lacks something for it.
    fn connect(&mut self, slot: usize, dial: Dial) -> Result<(), LabError>;

    /// Lends the connection in a slot; `None` if there is none.
    ///
    /// While it is still connecting, its calls are [`Poll::Pending`], sending nothing as well.
    fn stream(&mut self, slot: usize) -> Option<Self::Stream<'_>>;

    /// Closes the connection in a slot, and frees the slot. After
    /// [`abort`](Stream::abort) RST has left when this returns.
    fn close(&mut self, slot: usize);

    /// Why it lacks an ability, in a sentence that a report shows; `None` if it has it.
    fn lacks(&self, ability: Ability) -> Option<&'static str>;

    /// Starts so many connections that never complete their handshake: SYN, and then nothing.
    ///
    /// # Errors
    ///
    /// They weren't sent.
    fn half_open(&mut self, _count: usize) -> Result<(), LabError> {
        Err(LabError::Refused(ErrorKind::Unsupported))
    }

    /// Sends one datagram to the server's UDP address.
    ///
    /// # Errors
    ///
    /// One before it was refused, or this side lacks something for it.
    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), LabError>>;

    /// Takes the next datagram from there, and says how long it is.
    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>>;
}

/// Why something couldn't be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabError {
    /// The server, or the network on the way to it, says no.
    Refused(ErrorKind),
    /// The prober's own machine lacks something, which says nothing of the server: a sentence that a
    /// report shows.
    Lacks(&'static str),
}

impl From<ErrorKind> for LabError {
    fn from(kind: ErrorKind) -> Self {
        Self::Refused(kind)
    }
}

/// How to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// As any client does. Each send is a segment of its own, if it fits into one.
    Plain,
    /// With the smallest receive window and the smallest segments that the stack can be talked
    /// into.
    Tight,
}

/// What a check may need and a stack may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ability {
    /// [`Stream::abort`] sends RST.
    Reset,
    /// [`Dial::Tight`].
    Tight,
    /// [`Lab::half_open`].
    HalfOpen,
    /// Segments arrive as far from each other as they were sent, to a few milliseconds. A stack
    /// that lacks it must at least send a name of 1025 bytes in one segment.
    Timing,
    /// There is a UDP address.
    Udp,
}
