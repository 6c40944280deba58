//! What the clauses do with a world, each with a bound: nothing here waits for ever.

use std::task::Poll;
use std::time::Duration;

use embedded_io::{Error, ErrorKind};
use greet_core::time::Instant;
use greet_core::transport::{Listener, Sent, Stream};

use crate::clause::Breach;
use crate::world::{Peers, Seen, World};

/// What a call came to within its time: a value, or how the connection broke.
pub(crate) type Ended<T> = Result<T, ErrorKind>;

/// A world, with hands.
pub(crate) struct Hands<'w, W> {
    pub(crate) world: &'w mut W,
}

impl<W: World> Hands<'_, W> {
    pub(crate) fn peers(&mut self) -> &mut dyn Peers {
        self.world.peers()
    }

    /// Repeats `call` until it has a value; between, waits for what the adapter says is new.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        call: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Breach> {
        self.repeat(what, W::wait, call)
    }

    /// The same for what shows at the peers.
    pub(crate) fn until_peers<T>(
        &mut self,
        what: &str,
        call: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Breach> {
        self.repeat(what, W::pass, call)
    }

    fn repeat<T>(
        &mut self,
        what: &str,
        wait: fn(&mut W, Instant),
        mut call: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Breach> {
        let until = self.bound();
        loop {
            if let Some(value) = call(self) {
                return Ok(value);
            }
            if self.world.now() >= until {
                return Err(Breach::new(format!("{what}: not in time")));
            }
            wait(self.world, until);
        }
    }

    /// Until when what begins now must have happened.
    pub(crate) fn bound(&mut self) -> Instant {
        self.world.now() + self.world.patience()
    }

    /// Lets time go by.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.world.now() + time;
        while self.world.now() < until {
            self.world.pass(until);
        }
    }

    /// Takes the next connection, if one is there now.
    pub(crate) fn try_accept(&mut self) -> Result<Option<W::Handle>, Breach> {
        let now = self.world.now();
        match self.world.listener().accept(now) {
            Poll::Ready(Ok((handle, _))) => Ok(Some(handle)),
            Poll::Ready(Err(error)) => Err(Breach::new(format!("accept failed: {error:?}"))),
            Poll::Pending => Ok(None),
        }
    }

    /// Takes the next connection.
    pub(crate) fn accept(&mut self) -> Result<W::Handle, Breach> {
        self.until("accept", |hands| hands.try_accept().transpose())?
    }

    /// A peer that connects, and the connection on this side.
    pub(crate) fn open(&mut self, peer: usize) -> Result<W::Handle, Breach> {
        self.peers().connect(peer);
        self.accept()
    }

    /// One look at the stream of a connection.
    pub(crate) fn look<T>(
        &mut self,
        handle: &mut W::Handle,
        look: impl FnOnce(&mut <W::Listener<'_> as Listener>::Stream<'_>) -> T,
    ) -> T {
        let mut listener = self.world.listener();
        let mut stream = listener.stream(handle);
        look(&mut stream)
    }

    pub(crate) fn try_receive(
        &mut self,
        handle: &mut W::Handle,
        buffer: &mut [u8],
    ) -> Poll<Ended<usize>> {
        self.look(handle, |stream| {
            stream.receive(buffer).map_err(|error| error.kind())
        })
    }

    pub(crate) fn try_send(&mut self, handle: &mut W::Handle, bytes: &[u8]) -> Poll<Ended<usize>> {
        self.look(handle, |stream| {
            stream.send(bytes).map_err(|error| error.kind())
        })
    }

    /// Receives some bytes, or FIN as none.
    pub(crate) fn receive(
        &mut self,
        handle: &mut W::Handle,
        buffer: &mut [u8],
    ) -> Result<Ended<usize>, Breach> {
        self.until("receive", |hands| ready(hands.try_receive(handle, buffer)))
    }

    /// Receives all these bytes, and nothing else.
    pub(crate) fn expect(&mut self, handle: &mut W::Handle, bytes: &[u8]) -> Result<(), Breach> {
        let mut got = Vec::new();
        let mut buffer = [0; 700];
        while got.len() < bytes.len() {
            let n = self
                .receive(handle, &mut buffer)?
                .map_err(|kind| Breach::new(format!("receive failed: {kind:?}")))?;
            if n == 0 {
                return Err(Breach::new(format!("FIN after {} bytes", got.len())));
            }
            got.extend_from_slice(&buffer[..n]);
        }
        same(&got, bytes)
    }

    /// Sends all these bytes.
    pub(crate) fn send(&mut self, handle: &mut W::Handle, bytes: &[u8]) -> Result<(), Breach> {
        let mut sent = 0;
        while sent < bytes.len() {
            let n = self
                .until("send", |hands| {
                    ready(hands.try_send(handle, &bytes[sent..]))
                })?
                .map_err(|kind| Breach::new(format!("send failed: {kind:?}")))?;
            if n == 0 {
                return Err(Breach::new("send took nothing, and said so"));
            }
            sent += n;
        }
        Ok(())
    }

    /// Sends until there is no room for good, as the peer takes nothing, and says how many bytes
    /// were taken.
    pub(crate) fn fill(&mut self, handle: &mut W::Handle) -> Result<usize, Breach> {
        /// No send buffer and no receive buffer are that large.
        const MOST: usize = 64 << 20;
        let piece = pattern(PIECE);
        let mut sent = 0;
        // Whether it is for good shows when time passes and there still is no room.
        let mut full = 0;
        while full < 3 {
            match self.try_send(handle, &piece[sent % PIECE..]) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    sent += n;
                    full = 0;
                }
                Poll::Ready(other) => return Err(Breach::new(format!("send: {other:?}"))),
                Poll::Pending => {
                    full += 1;
                    self.pass(Duration::from_millis(20));
                }
            }
            if sent > MOST {
                return Err(Breach::new("send takes bytes for which there is no room"));
            }
        }
        Ok(sent)
    }

    /// The peer gets so many bytes as [`fill`](Self::fill) has sent, from the one after `got` on.
    pub(crate) fn peer_empties(
        &mut self,
        peer: usize,
        mut got: usize,
        sent: usize,
    ) -> Result<(), Breach> {
        let piece = pattern(PIECE);
        let mut buffer = vec![0; 65_536];
        while got < sent {
            let room = buffer.len().min(sent - got);
            match self.peer_sees(peer, &mut buffer[..room])? {
                Seen::Bytes(n) => {
                    for byte in &buffer[..n] {
                        if *byte != piece[got % PIECE] {
                            return Err(Breach::new(format!("byte {got} is another")));
                        }
                        got += 1;
                    }
                }
                other => {
                    let how = format!("the peer saw {other:?} after {got} of {sent} bytes");
                    return Err(Breach::new(how));
                }
            }
        }
        Ok(())
    }

    /// Sends FIN.
    pub(crate) fn finish(&mut self, handle: &mut W::Handle) -> Result<(), Breach> {
        self.until("finish", |hands| {
            ready(hands.look(handle, |stream| {
                stream.finish().map_err(|error| error.kind())
            }))
        })?
        .map_err(|kind| Breach::new(format!("finish failed: {kind:?}")))
    }

    /// Sends the last bytes and FIN, by one call or several.
    pub(crate) fn send_last(
        &mut self,
        handle: &mut W::Handle,
        mut bytes: &[u8],
    ) -> Result<(), Breach> {
        loop {
            let sent = self
                .until("send_last", |hands| {
                    ready(hands.look(handle, |stream| {
                        stream.send_last(bytes).map_err(|error| error.kind())
                    }))
                })?
                .map_err(|kind| Breach::new(format!("send_last failed: {kind:?}")))?;
            match sent {
                Sent { bytes: n, fin } if n > bytes.len() || fin && n < bytes.len() => {
                    return Err(Breach::new(format!("of {} bytes: {sent:?}", bytes.len())));
                }
                Sent { fin: true, .. } => return Ok(()),
                Sent { bytes: n, .. } => bytes = &bytes[n..],
            }
        }
    }

    pub(crate) fn release(&mut self, handle: W::Handle) {
        self.world.listener().release(handle);
    }

    /// What the peer sees next.
    pub(crate) fn peer_sees(&mut self, peer: usize, buffer: &mut [u8]) -> Result<Seen, Breach> {
        self.until_peers("what the peer sees", |hands| {
            match hands.peers().receive(peer, buffer) {
                Seen::Nothing => None,
                seen => Some(seen),
            }
        })
    }

    /// The peer gets all these bytes, and nothing else.
    pub(crate) fn peer_gets(&mut self, peer: usize, bytes: &[u8]) -> Result<(), Breach> {
        let mut got = Vec::new();
        let mut buffer = [0; 700];
        while got.len() < bytes.len() {
            match self.peer_sees(peer, &mut buffer)? {
                Seen::Bytes(n) => got.extend_from_slice(&buffer[..n]),
                other => {
                    return Err(Breach::new(format!(
                        "the peer saw {other:?} after {} of {} bytes",
                        got.len(),
                        bytes.len()
                    )));
                }
            }
        }
        same(&got, bytes)
    }

    /// The peer gets FIN next.
    pub(crate) fn peer_gets_fin(&mut self, peer: usize) -> Result<(), Breach> {
        match self.peer_sees(peer, &mut [0; 64])? {
            Seen::Fin => Ok(()),
            other => Err(Breach::new(format!("the peer saw {other:?}, not FIN"))),
        }
    }

    /// The peer sends all these bytes.
    pub(crate) fn peer_sends(&mut self, peer: usize, bytes: &[u8]) -> Result<(), Breach> {
        let mut sent = 0;
        self.until_peers("the peer sends", |hands| {
            sent += hands.peers().send(peer, &bytes[sent..]);
            (sent == bytes.len()).then_some(())
        })
    }

    pub(crate) fn now(&mut self) -> Instant {
        self.world.now()
    }
}

pub(crate) fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

pub(crate) fn same(got: &[u8], wanted: &[u8]) -> Result<(), Breach> {
    match got.iter().zip(wanted).position(|(a, b)| a != b) {
        _ if got.len() > wanted.len() => Err(Breach::new(format!(
            "{} bytes came, not {}",
            got.len(),
            wanted.len()
        ))),
        Some(at) => Err(Breach::new(format!("byte {at} is another"))),
        None => Ok(()),
    }
}

/// What is sent over and over to fill a stream.
const PIECE: usize = 1_000;

/// Bytes of which no two neighbouring stretches are alike.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}
