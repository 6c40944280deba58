//! An adapter in a page: connections and datagrams between two ends in one thread's memory.
//!
//! It is written as CONTRIBUTING.md says, from the documentation of the traits, and stands here as
//! the example of how to write one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Datagram, Datagrams, Listener, Local, Stream};

/// So many bytes are under way in one direction at most, and so many in one datagram.
const ROOM: usize = 4096;

/// One direction of a connection.
#[derive(Default)]
struct Way {
    bytes: VecDeque<u8>,
    fin: bool,
    reset: bool,
}

/// One end of a connection: what comes, and what goes.
pub struct Pipe {
    comes: Rc<RefCell<Way>>,
    goes: Rc<RefCell<Way>>,
    news: Rc<Cell<bool>>,
}

impl Pipe {
    /// Both ends. Whatever either does is news.
    pub fn pair(news: &Rc<Cell<bool>>) -> (Self, Self) {
        let (there, back) = <(Rc<RefCell<Way>>, Rc<RefCell<Way>>)>::default();
        let end = |comes: &Rc<_>, goes: &Rc<_>| Self {
            comes: Rc::clone(comes),
            goes: Rc::clone(goes),
            news: Rc::clone(news),
        };
        (end(&back, &there), end(&there, &back))
    }
}

impl ErrorType for Pipe {
    type Error = ErrorKind;
}

impl Stream for Pipe {
    const TAKES_ALL: bool = true;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        let mut way = self.comes.borrow_mut();
        if way.reset {
            return Poll::Ready(Err(ErrorKind::ConnectionReset));
        }
        if way.bytes.is_empty() && !way.fin {
            return Poll::Pending;
        }
        let n = way.bytes.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(way.bytes.drain(..n)) {
            *to = from;
        }
        if n > 0 {
            self.news.set(true); // there is room for the other end
        }
        Poll::Ready(Ok(n))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        let mut way = self.goes.borrow_mut();
        let n = bytes.len().min(ROOM - way.bytes.len());
        if way.reset {
            return Poll::Ready(Err(ErrorKind::ConnectionReset));
        } else if n == 0 && !bytes.is_empty() {
            return Poll::Pending;
        }
        way.bytes.extend(&bytes[..n]);
        if n > 0 {
            self.news.set(true);
        }
        Poll::Ready(Ok(n))
    }

    fn finish(&mut self) -> Poll<Result<(), ErrorKind>> {
        self.goes.borrow_mut().fin = true;
        self.news.set(true);
        Poll::Ready(Ok(()))
    }

    /// There are no segments: a pause says nothing.
    fn in_one_segment(&self, _len: usize) -> bool {
        false
    }

    fn abort(&mut self) {
        for way in [&self.comes, &self.goes] {
            way.borrow_mut().reset = true;
        }
        self.news.set(true);
    }
}

/// What was sent is still delivered, and FIN behind it.
impl Drop for Pipe {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// Ends of connections that nobody has accepted yet, with the peers' addresses.
#[derive(Clone, Default)]
pub struct Port(pub Rc<RefCell<VecDeque<(Pipe, SocketAddr)>>>);

impl Listener for Port {
    type Error = ErrorKind;
    type Handle = Pipe;
    type Stream<'a> = &'a mut Pipe;

    fn accept(&mut self, _now: Instant) -> Poll<Result<Accepted<Pipe>, ErrorKind>> {
        match self.0.borrow_mut().pop_front() {
            Some(accepted) => Poll::Ready(Ok(accepted)),
            None => Poll::Pending,
        }
    }

    fn is_awaited(&mut self) -> bool {
        !self.0.borrow().is_empty()
    }

    fn stream<'a>(&'a mut self, handle: &'a mut Pipe) -> &'a mut Pipe {
        handle
    }

    fn release(&mut self, handle: Pipe) {
        drop(handle);
    }
}

/// A datagram, from and to an address.
pub type Letter = (Vec<u8>, SocketAddr, SocketAddr);

/// A UDP socket of several addresses.
#[derive(Clone)]
pub struct Mailbox {
    pub addresses: Vec<SocketAddr>,
    pub comes: Rc<RefCell<VecDeque<Letter>>>,
    pub goes: Rc<RefCell<VecDeque<Letter>>>,
}

impl ErrorType for Mailbox {
    type Error = ErrorKind;
}

impl Datagrams for Mailbox {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, ErrorKind>> {
        let Some((bytes, from, to)) = self.comes.borrow_mut().pop_front() else {
            return Poll::Pending;
        };
        for (to, from) in buffer.iter_mut().zip(&bytes) {
            *to = *from;
        }
        Poll::Ready(Ok(Datagram {
            len: bytes.len(),
            from,
            local: Local {
                // Of one that is everybody's, nothing can be sent.
                address: Some(to.ip()).filter(|_| self.addresses.contains(&to)),
                interface: None,
            },
        }))
    }

    fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Poll<Result<(), ErrorKind>> {
        if datagram.len() > ROOM {
            return Poll::Ready(Err(ErrorKind::InvalidInput));
        }
        let mut own = self.addresses.iter();
        let from = match via.address {
            Some(asked) => own.find(|own| own.ip() == asked),
            None => own.next(),
        };
        let Some(from) = from else {
            return Poll::Ready(Err(ErrorKind::AddrNotAvailable));
        };
        let letter = (datagram.to_vec(), *from, to);
        self.goes.borrow_mut().push_back(letter);
        Poll::Ready(Ok(()))
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }
}
