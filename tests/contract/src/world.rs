//! What an adapter's author brings: the adapter on one side, and peers on the other.

use std::net::SocketAddr;
use std::time::Duration;

use embedded_io::ErrorKind;
use greet_core::time::Instant;
use greet_core::transport::{Datagrams, Listener};

/// An adapter, and peers that are not it, on one network.
///
/// Time may be virtual; then it passes in [`wait`](Self::wait) and [`pass`](Self::pass) alone.
pub trait World: 'static {
    /// What stands for a connection.
    type Handle;
    /// The listener, for as long as it is looked at.
    type Listener<'a>: Listener<Handle = Self::Handle>
    where
        Self: 'a;
    /// The UDP socket, for as long as it is looked at.
    type Datagrams<'a>: Datagrams
    where
        Self: 'a;

    /// What time it is.
    fn now(&mut self) -> Instant;

    /// Lets the network go on until the adapter's side has something new, or until this time at the
    /// latest.
    ///
    /// It must go by what the adapter says alone: what it reports as due, and what wakes it. A
    /// world that merely polls all the time would hide a lost wake-up.
    fn wait(&mut self, until: Instant);

    /// Lets the network go on for a little, until this time at the latest, whatever happens in it.
    /// Where time is virtual, a little is up to the next event.
    fn pass(&mut self, until: Instant);

    /// The listener.
    fn listener(&mut self) -> Self::Listener<'_>;

    /// The UDP socket, bound to all addresses.
    fn datagrams(&mut self) -> Self::Datagrams<'_>;

    /// Starts to connect from the adapter's side to where the peers [listen](Peers::accepted), or to
    /// a port where nobody does.
    ///
    /// # Errors
    ///
    /// It can't even start.
    fn connect(&mut self, to: Target) -> Result<Self::Handle, ErrorKind>;

    /// How long anything may take. Generous, as a machine may be busy; in virtual time it costs
    /// nothing.
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// How many connections the adapter holds at once; where that is left to the system, any small
    /// number.
    fn places(&self) -> usize;

    /// The other side.
    fn peers(&mut self) -> &mut dyn Peers;

    /// Why something can't be shown here, in a sentence; `None`: it can.
    fn lacks(&self, what: Lack) -> Option<&'static str>;
}

/// Where the adapter connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The peers, who listen.
    Peers,
    /// A port of theirs that refuses.
    Nobody,
}

/// What a world may not be able to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// RST, told from FIN.
    Reset,
    /// A number of [places](World::places) that is the adapter's own.
    Places,
    /// Connections that wait for a place.
    Backlog,
    /// [`Peers::half_open`].
    HalfOpen,
    /// [`Peers::vanish`].
    Vanish,
    /// [`World::connect`].
    Connect,
    /// UDP.
    Datagrams,
    /// Two addresses on the adapter's side.
    TwoAddresses,
    /// [`Peers::send_to_all`].
    Broadcast,
}

/// The other side: sockets of another implementation, or frames made by hand.
///
/// No call blocks. Peers have numbers from zero on, each used for one connection.
pub trait Peers {
    /// Starts to connect.
    fn connect(&mut self, peer: usize);

    /// The peer's own address, once it is connected.
    fn address(&mut self, peer: usize) -> Option<SocketAddr>;

    /// Sends the first of these bytes, and says how many were taken.
    fn send(&mut self, peer: usize, bytes: &[u8]) -> usize;

    /// Takes what has come.
    fn receive(&mut self, peer: usize, buffer: &mut [u8]) -> Seen;

    /// Half-closes.
    fn finish(&mut self, peer: usize);

    /// Ends the connection with RST.
    fn reset(&mut self, peer: usize);

    /// Closes both directions.
    fn close(&mut self, peer: usize);

    /// Answers nothing any more, as if its cable were cut.
    fn vanish(&mut self, _peer: usize) {}

    /// Starts a handshake that it never finishes.
    fn half_open(&mut self) {}

    /// Takes the next connection that the adapter's side has made, and says from where it came. The
    /// peers keep it, and send nothing.
    fn accepted(&mut self) -> Option<SocketAddr> {
        None
    }

    /// Sends a datagram to the adapter's address of this number: 0 or, where there are
    /// [two](Lack::TwoAddresses), 1.
    fn send_datagram(&mut self, _to: usize, _datagram: &[u8]) {}

    /// Sends a datagram to everybody on the network, the adapter among them.
    fn send_to_all(&mut self, _datagram: &[u8]) {}

    /// Takes a datagram: its length, and the number of the adapter's address from which it came.
    fn receive_datagram(&mut self, _buffer: &mut [u8]) -> Option<(usize, Option<usize>)> {
        None
    }
}

/// What a peer sees of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing new.
    Nothing,
    /// So many bytes.
    Bytes(usize),
    /// FIN: nothing will follow.
    Fin,
    /// RST, or no connection at all.
    Reset,
}
