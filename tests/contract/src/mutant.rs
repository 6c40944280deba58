//! An adapter, broken in one way: so that a contract that never fails would be noticed.
//!
//! The flaw is chosen at run time, and put between the clauses and any world.

use std::fmt;
use std::net::SocketAddr;
use std::task::Poll;

use embedded_io::{Error, ErrorKind, ErrorType};
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Datagram, Datagrams, Listener, Local, Sent, Stream};

use crate::world::{Lack, Peers, Target, World};

mod view;

/// A way to break an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// `finish` does nothing.
    NoFin,
    /// `send_last` forgets FIN, and says that it went.
    LastForgetsFin,
    /// `send_last` sends FIN though not all bytes were taken.
    FinTooEarly,
    /// `abort` closes in order.
    AbortCloses,
    /// A released connection is kept for ever.
    PlaceLeaked,
    /// A released connection is reset, with what was sent still on its way.
    LingersTooShort,
    /// A released connection is kept until its peer has closed.
    LingersForEver,
    /// FIN of the peer is never seen.
    FinIgnored,
    /// Nothing to read is taken for FIN.
    NothingIsFin,
    /// A reset is taken for FIN.
    ResetIsFin,
    /// `send` says that it took all bytes.
    SendTakesAll,
    /// The thousandth byte is lost on its way out.
    ByteLost,
    /// The thousandth byte is lost on its way in.
    ByteMissed,
    /// Nothing but time ends a wait.
    WakeUpLost,
    /// `accept` fails for a client, as if it were gone.
    AcceptFails,
    /// `accept` reports another peer.
    OtherPeer,
    /// `is_awaited` never says so.
    NeverAwaited,
    /// `is_awaited` always says so.
    AlwaysAwaited,
    /// Any number of bytes comes in one segment.
    AllInOneSegment,
    /// A datagram is cut in silence.
    CutInSilence,
    /// A datagram that can't be sent is taken.
    TakesEndless,
    /// Answers leave from whichever address.
    OtherAddress,
    /// Answers to who asks everybody leave from an address that isn't its own, as everybody's is.
    BroadcastAddress,
    /// Every address is the socket's own.
    AllIsOwn,
    /// A refused connection never says so.
    RefusalIgnored,
}

impl Flaw {
    /// All of them, each with the clause that must fail over it, whatever the adapter.
    pub const ALL: &[(Self, &str)] = &[
        (Self::NoFin, "closing/finish"),
        (Self::LastForgetsFin, "closing/send-last"),
        (Self::FinTooEarly, "closing/send-last"),
        (Self::AbortCloses, "closing/abort"),
        (Self::PlaceLeaked, "closing/released"),
        (Self::LingersTooShort, "closing/release"),
        (Self::LingersForEver, "places/linger"),
        (Self::FinIgnored, "closing/fin-comes"),
        (Self::NothingIsFin, "streams/quiet"),
        (Self::ResetIsFin, "streams/reset"),
        (Self::SendTakesAll, "streams/back-pressure"),
        (Self::ByteLost, "streams/outgoing"),
        (Self::ByteMissed, "streams/incoming"),
        (Self::WakeUpLost, "waking/bytes"),
        (Self::AcceptFails, "places/gone"),
        (Self::OtherPeer, "places/peer"),
        (Self::NeverAwaited, "places/awaited"),
        (Self::AlwaysAwaited, "places/awaited"),
        (Self::AllInOneSegment, "streams/in-one-segment"),
        (Self::CutInSilence, "datagrams/cut"),
        (Self::TakesEndless, "datagrams/refused"),
        (Self::OtherAddress, "datagrams/address"),
        (Self::BroadcastAddress, "datagrams/broadcast"),
        (Self::AllIsOwn, "datagrams/own"),
        (Self::RefusalIgnored, "connecting/refused"),
    ];
}

/// A world whose adapter has a flaw.
pub struct Mutant<W: World> {
    world: W,
    flaw: Flaw,
    state: State<W::Handle>,
}

/// What a flaw remembers.
struct State<H> {
    /// Connections that weren't released.
    kept: Vec<H>,
    /// Bytes so far, out and in.
    sent: usize,
    received: usize,
    /// The last question was everybody's.
    asks_all: bool,
}

impl<W: World> Mutant<W> {
    /// Breaks the adapter of this world.
    pub fn new(world: W, flaw: Flaw) -> Self {
        Self {
            world,
            flaw,
            state: State {
                kept: Vec::new(),
                sent: 0,
                received: 0,
                asks_all: false,
            },
        }
    }
}

impl<W: World> fmt::Debug for Mutant<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutant")
            .field("flaw", &self.flaw)
            .finish_non_exhaustive()
    }
}

impl<W: World> World for Mutant<W> {
    type Handle = W::Handle;
    type Listener<'a> = Flawed<'a, W::Listener<'a>, W::Handle>;
    type Datagrams<'a> = FlawedDatagrams<W::Datagrams<'a>>;

    fn now(&mut self) -> Instant {
        self.world.now()
    }

    fn wait(&mut self, until: Instant) {
        if self.flaw != Flaw::WakeUpLost {
            return self.world.wait(until);
        }
        while self.world.now() < until {
            self.world.pass(until);
        }
    }

    fn pass(&mut self, until: Instant) {
        self.world.pass(until);
    }

    fn listener(&mut self) -> Self::Listener<'_> {
        Flawed {
            inner: self.world.listener(),
            flaw: self.flaw,
            state: &mut self.state,
        }
    }

    fn datagrams(&mut self) -> Self::Datagrams<'_> {
        FlawedDatagrams {
            inner: self.world.datagrams(),
            flaw: self.flaw,
        }
    }

    fn connect(&mut self, to: Target) -> Result<W::Handle, ErrorKind> {
        self.world.connect(to)
    }

    fn patience(&self) -> std::time::Duration {
        // Most mutants show by nothing happening.
        self.world.patience().min(std::time::Duration::from_secs(3))
    }

    fn places(&self) -> usize {
        self.world.places()
    }

    fn peers(&mut self) -> &mut dyn Peers {
        self
    }

    fn lacks(&self, what: Lack) -> Option<&'static str> {
        self.world.lacks(what)
    }
}

/// A listener with a flaw.
pub struct Flawed<'a, L, H> {
    inner: L,
    flaw: Flaw,
    state: &'a mut State<H>,
}

/// A stream with a flaw.
pub struct FlawedStream<'s, S> {
    inner: S,
    flaw: Flaw,
    sent: &'s mut usize,
    received: &'s mut usize,
}

/// A UDP socket with a flaw.
pub struct FlawedDatagrams<D> {
    inner: D,
    flaw: Flaw,
}

impl<L, H> fmt::Debug for Flawed<'_, L, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flawed")
            .field("flaw", &self.flaw)
            .finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for FlawedStream<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlawedStream")
            .field("flaw", &self.flaw)
            .finish_non_exhaustive()
    }
}

impl<D> fmt::Debug for FlawedDatagrams<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlawedDatagrams")
            .field("flaw", &self.flaw)
            .finish_non_exhaustive()
    }
}

/// What a flawed listener reports.
#[derive(Debug)]
pub enum FlawedError<E> {
    /// What the adapter reports.
    Inner(E),
    /// A client was gone.
    Gone,
}

impl<E: fmt::Debug> fmt::Display for FlawedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<E: fmt::Debug> std::error::Error for FlawedError<E> {}

impl<E: Error> Error for FlawedError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Inner(error) => error.kind(),
            Self::Gone => ErrorKind::NotConnected,
        }
    }
}

impl<L: Listener<Handle = H>, H> Listener for Flawed<'_, L, H> {
    type Error = FlawedError<L::Error>;
    type Handle = H;
    type Stream<'s>
        = FlawedStream<'s, L::Stream<'s>>
    where
        Self: 's;

    fn accept(&mut self, now: Instant) -> Poll<Result<Accepted<H>, Self::Error>> {
        if self.flaw == Flaw::LingersForEver {
            // It asks them, and gives those back that are done.
            let kept = std::mem::take(&mut self.state.kept);
            for mut handle in kept {
                let done = {
                    let mut stream = self.inner.stream(&mut handle);
                    match stream.receive(&mut [0; 64]) {
                        Poll::Ready(Ok(n)) => n == 0,
                        Poll::Ready(Err(_)) => true,
                        Poll::Pending => false,
                    }
                };
                if done {
                    self.inner.release(handle);
                } else {
                    self.state.kept.push(handle);
                }
            }
        }
        let accepted = self.inner.accept(now).map_err(FlawedError::Inner);
        match (accepted, self.flaw) {
            (Poll::Ready(Ok((handle, _))), Flaw::AcceptFails) => {
                self.inner.release(handle);
                Poll::Ready(Err(FlawedError::Gone))
            }
            (Poll::Ready(Ok((handle, peer))), Flaw::OtherPeer) => {
                let other = SocketAddr::new(peer.ip(), peer.port() ^ 1);
                Poll::Ready(Ok((handle, other)))
            }
            (accepted, _) => accepted,
        }
    }

    fn due(&self) -> Instant {
        self.inner.due()
    }

    fn is_awaited(&mut self) -> bool {
        match self.flaw {
            Flaw::NeverAwaited => false,
            Flaw::AlwaysAwaited => true,
            _ => self.inner.is_awaited(),
        }
    }

    fn stream<'s>(&'s mut self, handle: &'s mut H) -> Self::Stream<'s> {
        FlawedStream {
            inner: self.inner.stream(handle),
            flaw: self.flaw,
            sent: &mut self.state.sent,
            received: &mut self.state.received,
        }
    }

    fn release(&mut self, mut handle: H) {
        match self.flaw {
            Flaw::PlaceLeaked => return self.state.kept.push(handle),
            Flaw::LingersForEver => {
                let _ = self.inner.stream(&mut handle).finish();
                return self.state.kept.push(handle);
            }
            Flaw::LingersTooShort => self.inner.stream(&mut handle).abort(),
            _ => {}
        }
        self.inner.release(handle);
    }
}

impl<S: Stream> ErrorType for FlawedStream<'_, S> {
    type Error = S::Error;
}

impl<S: Stream> Stream for FlawedStream<'_, S> {
    const TAKES_ALL: bool = S::TAKES_ALL;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, S::Error>> {
        let some = !buffer.is_empty();
        match (self.inner.receive(buffer), self.flaw) {
            (Poll::Ready(Ok(0)), Flaw::FinIgnored) if some => Poll::Pending,
            (Poll::Pending, Flaw::NothingIsFin) | (Poll::Ready(Err(_)), Flaw::ResetIsFin) => {
                Poll::Ready(Ok(0))
            }
            (Poll::Ready(Err(_)), Flaw::RefusalIgnored) => Poll::Pending,
            (Poll::Ready(Ok(n)), Flaw::ByteMissed) if n > 1 => {
                let missed = *self.received < 1_000 && *self.received + n >= 1_000;
                *self.received += n;
                if missed {
                    buffer.copy_within(1..n, 0);
                }
                Poll::Ready(Ok(n - usize::from(missed)))
            }
            (received, _) => received,
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, S::Error>> {
        match self.flaw {
            Flaw::SendTakesAll => match self.inner.send(bytes) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(bytes.len())),
            },
            Flaw::ByteLost if bytes.len() > 1 && *self.sent < 1_000 => {
                let lost = *self.sent + bytes.len() >= 1_000;
                let rest = &bytes[usize::from(lost)..];
                self.inner.send(rest).map_ok(|n| {
                    let n = n + usize::from(lost);
                    *self.sent += n;
                    n
                })
            }
            _ => self.inner.send(bytes),
        }
    }

    fn finish(&mut self) -> Poll<Result<(), S::Error>> {
        match self.flaw {
            Flaw::NoFin => Poll::Ready(Ok(())),
            _ => self.inner.finish(),
        }
    }

    fn send_last(&mut self, bytes: &[u8]) -> Poll<Result<Sent, S::Error>> {
        let whole = |sent| Sent {
            bytes: sent,
            fin: sent == bytes.len(),
        };
        match self.flaw {
            Flaw::LastForgetsFin | Flaw::NoFin if bytes.is_empty() => Poll::Ready(Ok(whole(0))),
            Flaw::LastForgetsFin | Flaw::NoFin | Flaw::SendTakesAll | Flaw::ByteLost => {
                self.send(bytes).map_ok(whole)
            }
            Flaw::FinTooEarly => {
                let sent = self.inner.send_last(bytes);
                if let Poll::Ready(Ok(Sent { fin: false, .. })) = sent {
                    let _ = self.inner.finish();
                }
                sent
            }
            _ => self.inner.send_last(bytes),
        }
    }

    fn in_one_segment(&self, len: usize) -> bool {
        self.flaw == Flaw::AllInOneSegment || self.inner.in_one_segment(len)
    }

    fn abort(&mut self) {
        if self.flaw == Flaw::AbortCloses {
            let _ = self.inner.finish();
        } else {
            self.inner.abort();
        }
    }
}

impl<D: Datagrams> ErrorType for FlawedDatagrams<D> {
    type Error = D::Error;
}

impl<D: Datagrams> Datagrams for FlawedDatagrams<D> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, D::Error>> {
        let room = buffer.len();
        self.inner.receive_from(buffer).map_ok(|mut datagram| {
            if self.flaw == Flaw::CutInSilence {
                datagram.len = datagram.len.min(room);
            }
            datagram
        })
    }

    fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Poll<Result<(), D::Error>> {
        let via = if self.flaw == Flaw::OtherAddress {
            Local::default()
        } else {
            via
        };
        match self.inner.send_to(datagram, to, via) {
            Poll::Ready(Err(_)) if self.flaw == Flaw::TakesEndless => Poll::Ready(Ok(())),
            sent => sent,
        }
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.flaw == Flaw::AllIsOwn || self.inner.is_own(address)
    }

    fn lost(&mut self) -> u64 {
        self.inner.lost()
    }
}
