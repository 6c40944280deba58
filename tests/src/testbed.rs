//! What a transport brings along so that the suite can be run over it: a greet server, and a
//! client's end of the wire.
//!
//! The suite never waits by itself and never looks at a clock. A transport with virtual time lets
//! it jump; one with real sockets waits, for events and with a bound.

use std::io;
use std::time::Duration;

use greet_core::limits::Limits;

/// A greet server, and a way to reach it, over one transport.
pub trait Testbed {
    /// The client's end of one TCP connection.
    type Connection: Connection;

    /// Connects to a server that grants `limits` and is in no way used up by what came before.
    ///
    /// # Errors
    ///
    /// There is no server, or no way to it.
    fn connect(&mut self, limits: &Limits) -> io::Result<Self::Connection>;

    /// Sends one datagram to a receiver of messages, and says what that made of it.
    ///
    /// # Errors
    ///
    /// It wasn't sent, or the receiver reported nothing.
    fn deliver(&mut self, datagram: &[u8]) -> io::Result<Report>;

    /// Sends these datagrams, one after the other, to a receiver that replies, and returns the first
    /// answer.
    ///
    /// # Errors
    ///
    /// They weren't sent, or none was answered.
    fn answer(&mut self, datagrams: &[&[u8]]) -> io::Result<Vec<u8>>;
}

/// The client's end of one TCP connection. Calls block until they are done, in the transport's own
/// time; dropping it closes the connection.
pub trait Connection {
    /// Sends all of `piece` at once, in one segment if it fits.
    ///
    /// # Errors
    ///
    /// The connection broke.
    fn send(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Half-closes: FIN follows what was sent.
    ///
    /// # Errors
    ///
    /// The connection broke.
    fn half_close(&mut self) -> io::Result<()>;

    /// Waits for bytes, and says how many came; 0 is EOF.
    ///
    /// # Errors
    ///
    /// The connection broke, or nothing came for so long that nothing ever will.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Lets at least `time` go by, while the server does what is due.
    fn pass(&mut self, time: Duration);
}

/// What a receiver of messages reported about one datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is a message, shown as this.
    Shown(String),
    /// It is none, for this reason.
    Refused(String),
}
