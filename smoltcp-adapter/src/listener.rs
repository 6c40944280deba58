//! Core's `Listener` over the listening sockets of one port.

use core::convert::Infallible;
use core::fmt;
use core::task::Poll;

use greet_core::time::Instant;
use greet_core::transport::{self, Accepted};

use crate::net::Net;
use crate::stream::{Connection, Stream};

pub use crate::handles::Listener;

/// A listener on its stack, for as long as it is looked at.
pub struct Listening<'n, 'a> {
    net: &'n mut Net<'a>,
    index: usize,
}

impl Listener {
    /// Puts the listener on its stack, to be given to core's
    /// [`Server::poll`](greet_core::server::Server::poll).
    pub fn on<'n, 'a>(&self, net: &'n mut Net<'a>) -> Listening<'n, 'a> {
        Listening {
            net,
            index: self.index,
        }
    }
}

impl<'a> transport::Listener for Listening<'_, 'a> {
    type Error = Infallible;
    type Handle = Connection;
    type Stream<'s>
        = Stream<'s, 'a>
    where
        Self: 's;

    /// What is due, [`Stack::poll`](crate::stack::Stack::poll) sees to.
    fn accept(&mut self, _now: Instant) -> Poll<Result<Accepted<Connection>, Infallible>> {
        match self.net.accept(self.index) {
            Some(accepted) => Poll::Ready(Ok(accepted)),
            None => Poll::Pending,
        }
    }

    fn is_awaited(&mut self) -> bool {
        self.net.is_awaited(self.index)
    }

    fn stream<'s>(&'s mut self, handle: &'s mut Connection) -> Stream<'s, 'a> {
        handle.on(self.net)
    }

    fn release(&mut self, handle: Connection) {
        handle.release(self.net);
    }
}

impl fmt::Debug for Listening<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
