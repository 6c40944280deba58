//! The adapter's listener in an event loop of one's own, which watches each connection.

use std::io;
use std::os::fd::AsRawFd;
use std::task::Poll;

use greet_core::time::Instant;
use greet_core::transport::{self, Accepted};
use greet_std::{Listener, Stream, core as greet_core};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

/// Which socket it was is of no interest: all are asked.
const ANY: Token = Token(0);

/// Has a socket watched.
pub(crate) fn watch(registry: &Registry, socket: &impl AsRawFd) -> io::Result<()> {
    let both = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut SourceFd(&socket.as_raw_fd()), ANY, both)
}

/// The listener, for as long as it is looked at.
pub(crate) struct Watched<'a> {
    pub(crate) listener: &'a mut Listener,
    pub(crate) registry: &'a Registry,
}

impl transport::Listener for Watched<'_> {
    type Error = io::Error;
    type Handle = Stream;
    type Stream<'s>
        = &'s mut Stream
    where
        Self: 's;

    fn accept(&mut self, now: Instant) -> Poll<io::Result<Accepted<Stream>>> {
        let accepted = transport::Listener::accept(self.listener, now);
        if let Poll::Ready(Ok((stream, _))) = &accepted {
            watch(self.registry, stream.get_ref())?;
        }
        accepted
    }

    fn is_awaited(&mut self) -> bool {
        transport::Listener::is_awaited(self.listener)
    }

    fn stream<'s>(&'s mut self, handle: &'s mut Stream) -> &'s mut Stream {
        handle
    }

    fn release(&mut self, handle: Stream) {
        transport::Listener::release(self.listener, handle);
    }
}
