//! Two ends of one connection: a pipe of bytes each way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::transport::Stream;

use super::Fault;

/// How a wire treats its bytes, the same for both directions but for the room.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// In which pieces bytes are handed over though more are waiting.
    pub cut: Cut,
    /// How many bytes from the connecting end may be on their way.
    pub up: usize,
    /// How many bytes from the accepting end may be on their way.
    pub down: usize,
}

/// In which pieces bytes are handed over by one call of `receive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// All that are waiting.
    Nowhere,
    /// Never across this offset from the connection's start.
    At(usize),
    /// At most so many.
    Every(usize),
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            cut: Cut::Nowhere,
            up: 1 << 20,
            down: 1 << 20,
        }
    }
}

/// One end of a connection in memory.
///
/// With `TAKES_ALL`, the stream promises to hand over all that is waiting, and [`Cut`]s are not
/// for it: [`pair`] refuses them.
pub struct End<const TAKES_ALL: bool> {
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
}

struct Pipe {
    bytes: VecDeque<u8>,
    taken: usize,
    moves: usize,
    room: usize,
    cut: Cut,
    fin: bool,
    broken: Option<ErrorKind>,
    /// Nobody will read: its reader is gone.
    orphaned: bool,
}

/// The connecting and the accepting end of a new connection.
///
/// # Panics
///
/// A wire with cuts can't promise to hand over all that is waiting.
pub fn pair<const TAKES_ALL: bool>(wire: Wire) -> (End<TAKES_ALL>, End<TAKES_ALL>) {
    assert!(!TAKES_ALL || wire.cut == Cut::Nowhere, "a broken promise");
    let pipe = |room| {
        Rc::new(RefCell::new(Pipe {
            bytes: VecDeque::new(),
            taken: 0,
            moves: 0,
            room,
            cut: wire.cut,
            fin: false,
            broken: None,
            orphaned: false,
        }))
    };
    let (up, down) = (pipe(wire.up), pipe(wire.down));
    let connecting = End {
        incoming: Rc::clone(&down),
        outgoing: Rc::clone(&up),
    };
    let accepting = End {
        incoming: up,
        outgoing: down,
    };
    (connecting, accepting)
}

impl<const TAKES_ALL: bool> End<TAKES_ALL> {
    /// Breaks the connection; both ends get this error from now on.
    pub fn cut_off(&self, kind: ErrorKind) {
        for pipe in [&self.incoming, &self.outgoing] {
            pipe.borrow_mut().break_off(kind);
        }
    }

    /// How often something moved on this connection, in either direction.
    pub fn moves(&self) -> usize {
        self.incoming.borrow().moves + self.outgoing.borrow().moves
    }
}

impl<const TAKES_ALL: bool> ErrorType for End<TAKES_ALL> {
    type Error = Fault;
}

impl<const TAKES_ALL: bool> Stream for End<TAKES_ALL> {
    const TAKES_ALL: bool = TAKES_ALL;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, Fault>> {
        self.incoming.borrow_mut().take(buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, Fault>> {
        let mut pipe = self.outgoing.borrow_mut();
        if pipe.orphaned && !bytes.is_empty() {
            // Bytes for a closed socket: it answers with RST.
            drop(pipe);
            self.cut_off(ErrorKind::ConnectionReset);
            return Poll::Ready(Ok(bytes.len()));
        }
        pipe.put(bytes)
    }

    fn finish(&mut self) -> Poll<Result<(), Fault>> {
        let mut pipe = self.outgoing.borrow_mut();
        if let Some(kind) = pipe.broken {
            return Poll::Ready(Err(Fault(kind)));
        }
        pipe.shut();
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.cut_off(ErrorKind::ConnectionReset);
    }
}

/// Closing: FIN after what was sent, or RST if bytes came that nobody read (RFC 9293, section
/// 3.6.1), which destroys what was sent and not yet received.
impl<const TAKES_ALL: bool> Drop for End<TAKES_ALL> {
    fn drop(&mut self) {
        let unread = {
            let mut incoming = self.incoming.borrow_mut();
            incoming.orphaned = true;
            !incoming.bytes.is_empty()
        };
        if unread {
            self.cut_off(ErrorKind::ConnectionReset);
        } else {
            self.outgoing.borrow_mut().shut();
        }
    }
}

impl Pipe {
    fn take(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, Fault>> {
        if let Some(kind) = self.broken {
            return Poll::Ready(Err(Fault(kind)));
        }
        if self.bytes.is_empty() {
            return if self.fin {
                Poll::Ready(Ok(0))
            } else {
                Poll::Pending
            };
        }
        let piece = match self.cut {
            Cut::At(offset) if self.taken < offset => offset - self.taken,
            Cut::Every(n) => n,
            _ => usize::MAX,
        };
        let n = piece.min(self.bytes.len()).min(buffer.len());
        let (front, back) = self.bytes.as_slices();
        let split = front.len().min(n);
        buffer[..split].copy_from_slice(&front[..split]);
        buffer[split..n].copy_from_slice(&back[..n - split]);
        self.bytes.drain(..n);
        self.taken += n;
        self.moves += 1;
        Poll::Ready(Ok(n))
    }

    fn put(&mut self, bytes: &[u8]) -> Poll<Result<usize, Fault>> {
        if let Some(kind) = self.broken {
            return Poll::Ready(Err(Fault(kind)));
        }
        if self.fin {
            return Poll::Ready(Err(Fault(ErrorKind::BrokenPipe)));
        }
        let n = bytes.len().min(self.room - self.bytes.len());
        if n == 0 && !bytes.is_empty() {
            return Poll::Pending;
        }
        self.bytes.extend(&bytes[..n]);
        self.moves += 1;
        Poll::Ready(Ok(n))
    }

    fn shut(&mut self) {
        self.fin = true;
        self.moves += 1;
    }

    fn break_off(&mut self, kind: ErrorKind) {
        self.broken = Some(kind);
        self.moves += 1;
        self.bytes.clear();
    }
}
