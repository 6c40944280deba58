//! A stream of which an event loop has just heard: it spares the read that would only find that there
//! is nothing more.

use std::io;
use std::task::Poll;

use embedded_io::ErrorType;
use greet_core::transport::{self, Sent};

use crate::stream::Stream;

type Socket = Stream<mio::net::TcpStream>;

/// Where events tell of urgent data. Elsewhere a read that ends at its mark looks like any other, and where mio goes
/// by poll(2), no other event comes before a read has found nothing.
const EVENTS_TELL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// A stream for as long as one event is seen to.
///
/// A read that doesn't fill the buffer has emptied the socket, and what comes from then on is another
/// event (epoll(7), *Questions and answers*). FIN is none of the bytes: where it has come, the stream
/// is read up to it. So it is where urgent data has come: a read ends at its mark, however much is behind
/// that (tcp(7), `SO_OOBINLINE`). Not every system tells of FIN: in gVisor of 2022, FIN in the segment of the
/// bytes comes with their event, unsaid. So whoever spares a read by this owes one later.
pub(super) struct Emptied<'a> {
    stream: &'a mut Socket,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// What is there is found by reading.
    Unknown,
    /// Bytes are there, and neither a mark among them nor FIN behind them.
    Bytes,
    Nothing,
}

impl<'a> Emptied<'a> {
    /// `bytes_alone`: an event says that there are bytes, none of them urgent, and no FIN.
    pub(super) fn new(stream: &'a mut Socket, bytes_alone: bool) -> Self {
        let tells = bytes_alone && EVENTS_TELL && <Socket as transport::Stream>::TAKES_ALL;
        Self {
            stream,
            state: if tells { State::Bytes } else { State::Unknown },
        }
    }

    /// Whether a read was spared.
    pub(super) fn is_unread(&self) -> bool {
        self.state == State::Nothing
    }
}

impl ErrorType for Emptied<'_> {
    type Error = io::Error;
}

impl transport::Stream for Emptied<'_> {
    const TAKES_ALL: bool = <Socket as transport::Stream>::TAKES_ALL;

    #[inline]
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.state == State::Nothing {
            return Poll::Pending;
        }
        let room = buffer.len();
        let received = self.stream.receive(buffer);
        if let (State::Bytes, Poll::Ready(Ok(len))) = (self.state, &received)
            && *len < room
        {
            self.state = State::Nothing;
        }
        received
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.send(bytes)
    }

    #[inline]
    fn finish(&mut self) -> Poll<io::Result<()>> {
        self.stream.finish()
    }

    #[inline]
    fn send_last(&mut self, bytes: &[u8]) -> Poll<io::Result<Sent>> {
        self.stream.send_last(bytes)
    }

    #[inline]
    fn in_one_segment(&self, len: usize) -> bool {
        self.stream.in_one_segment(len)
    }

    fn abort(&mut self) {
        self.stream.abort();
    }
}
