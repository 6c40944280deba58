//! Where connections in memory wait to be accepted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

use embedded_io::ErrorKind;
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Listener};

use super::Fault;
use super::stream::{End, Wire, pair};

/// A listener, and the way to connect to it. Clones are the same listener.
#[derive(Clone, Default)]
pub struct Backlog<const TAKES_ALL: bool> {
    queue: Rc<RefCell<Queue<TAKES_ALL>>>,
}

#[derive(Default)]
struct Queue<const TAKES_ALL: bool> {
    waiting: VecDeque<Accepted<End<TAKES_ALL>>>,
    faults: VecDeque<ErrorKind>,
    connected: u16,
    released: usize,
}

impl<const TAKES_ALL: bool> Backlog<TAKES_ALL> {
    /// Nobody waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects over a wire of this kind, from an address that no other client has.
    pub fn connect(&self, wire: Wire) -> (End<TAKES_ALL>, SocketAddr) {
        let (connecting, accepting) = pair(wire);
        let mut queue = self.queue.borrow_mut();
        queue.connected += 1;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, queue.connected));
        queue.waiting.push_back((accepting, address));
        (connecting, address)
    }

    /// Lets the next accept fail.
    pub fn fail(&self, kind: ErrorKind) {
        self.queue.borrow_mut().faults.push_back(kind);
    }

    /// How many clients wait to be accepted.
    pub fn waiting(&self) -> usize {
        self.queue.borrow().waiting.len()
    }

    /// How many connections were given back.
    pub fn released(&self) -> usize {
        self.queue.borrow().released
    }
}

impl<const TAKES_ALL: bool> Listener for Backlog<TAKES_ALL> {
    type Error = Fault;
    type Handle = End<TAKES_ALL>;
    type Stream<'a> = &'a mut End<TAKES_ALL>;

    fn accept(&mut self, _now: Instant) -> Poll<Result<Accepted<Self::Handle>, Fault>> {
        let mut queue = self.queue.borrow_mut();
        if let Some(kind) = queue.faults.pop_front() {
            return Poll::Ready(Err(Fault(kind)));
        }
        match queue.waiting.pop_front() {
            Some(accepted) => Poll::Ready(Ok(accepted)),
            None => Poll::Pending,
        }
    }

    fn is_awaited(&mut self) -> bool {
        self.waiting() > 0
    }

    fn stream<'a>(&'a mut self, handle: &'a mut Self::Handle) -> Self::Stream<'a> {
        handle
    }

    fn release(&mut self, handle: Self::Handle) {
        self.queue.borrow_mut().released += 1;
        drop(handle);
    }
}
