//! A UDP socket in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::transport::{Datagram, Datagrams, Local};

use super::Fault;

/// A socket, and the way to put datagrams before it. Clones are the same socket.
#[derive(Clone, Default)]
pub struct Mailbox {
    queues: Rc<RefCell<Queues>>,
}

#[derive(Default)]
struct Queues {
    incoming: VecDeque<Result<(Vec<u8>, SocketAddr), Fault>>,
    outgoing: VecDeque<(Vec<u8>, SocketAddr)>,
    forgets_lengths: bool,
    room: Option<usize>,
}

impl Mailbox {
    /// Where the socket is bound.
    pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8001);

    /// An empty one, that knows how long a datagram was which it has cut.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one, that only knows that it has cut a datagram, as some stacks do.
    pub fn forgetting_lengths() -> Self {
        let mailbox = Self::default();
        mailbox.queues.borrow_mut().forgets_lengths = true;
        mailbox
    }

    /// Puts a datagram before the socket.
    pub fn post(&self, datagram: &[u8], from: SocketAddr) {
        let arrived = Ok((datagram.to_vec(), from));
        self.queues.borrow_mut().incoming.push_back(arrived);
    }

    /// Lets the socket fail, after what came before.
    pub fn fail(&self, kind: ErrorKind) {
        self.queues
            .borrow_mut()
            .incoming
            .push_back(Err(Fault(kind)));
    }

    /// Lets the socket hold so many datagrams that were sent and not yet fetched.
    pub fn narrow(&self, room: usize) {
        self.queues.borrow_mut().room = Some(room);
    }

    /// How many datagrams wait to be received.
    pub fn waiting(&self) -> usize {
        self.queues.borrow().incoming.len()
    }

    /// How many datagrams were sent and not yet fetched.
    pub fn unfetched(&self) -> usize {
        self.queues.borrow().outgoing.len()
    }

    /// The oldest datagram that was sent and not yet fetched, and to whom.
    pub fn fetch(&self) -> Option<(Vec<u8>, SocketAddr)> {
        self.queues.borrow_mut().outgoing.pop_front()
    }
}

impl ErrorType for Mailbox {
    type Error = Fault;
}

impl Datagrams for Mailbox {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, Fault>> {
        let mut queues = self.queues.borrow_mut();
        let Some(arrived) = queues.incoming.pop_front() else {
            return Poll::Pending;
        };
        Poll::Ready(arrived.map(|(datagram, from)| {
            for (to, from) in buffer.iter_mut().zip(&datagram) {
                *to = *from;
            }
            let known = if queues.forgets_lengths {
                buffer.len() + 1
            } else {
                usize::MAX
            };
            Datagram {
                len: datagram.len().min(known),
                from,
                local: Local::default(),
            }
        }))
    }

    fn send_to(&mut self, datagram: &[u8], to: SocketAddr, _via: Local) -> Poll<Result<(), Fault>> {
        let mut queues = self.queues.borrow_mut();
        if queues
            .room
            .is_some_and(|room| queues.outgoing.len() >= room)
        {
            return Poll::Pending;
        }
        queues.outgoing.push_back((datagram.to_vec(), to));
        Poll::Ready(Ok(()))
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        address == Self::ADDRESS
    }
}
