//! One TCP connection: its handle between polls, and a view of its socket that is core's `Stream`.

use core::fmt;
use core::num::NonZeroU16;
use core::task::{Poll, ready};

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use greet_core::limits::DEFAULT_MSS;
use greet_core::transport::{self, Sent};
use smoltcp::socket::tcp::{self, State};

use crate::entry::SocketState;
use crate::error::StreamError;
use crate::net::Net;

pub use crate::handles::Connection;

/// A connection's socket, for as long as it is looked at.
///
/// It is also an `embedded_io` reader and writer, for code that knows nothing of this crate. Such
/// code must ask [`ReadReady`] and [`WriteReady`] first, as a view can't wait for the network: a
/// call that would have to wait ends in [`StreamError::NotReady`], of the kind
/// [`TimedOut`](embedded_io::ErrorKind::TimedOut).
pub struct Stream<'n, 'a> {
    /// `None`: the connection is another stack's.
    socket: Option<&'n mut tcp::Socket<'a>>,
    established: bool,
    /// The maximum segment size, if one was announced.
    mss: Option<NonZeroU16>,
}

impl Connection {
    /// Lends the connection's stream.
    pub fn on<'n, 'a>(&self, net: &'n mut Net<'a>) -> Stream<'n, 'a> {
        let Some((entry, socket)) = net.tcp(self.slot) else {
            return Stream {
                socket: None,
                established: false,
                mss: None,
            };
        };
        let connecting = matches!(
            socket.state(),
            State::Closed | State::SynSent | State::SynReceived
        );
        let established = match &mut entry.state {
            SocketState::InUse { established } => {
                *established |= !connecting;
                *established
            }
            _ => false,
        };
        Stream {
            socket: Some(socket),
            established,
            mss: entry.mss,
        }
    }

    /// Gives the socket back. What was sent and not aborted is still delivered, for as long as
    /// [`Timeouts::linger`](crate::timeouts::Timeouts::linger) allows; a connection that isn't
    /// half-closed yet is half-closed.
    pub fn release(self, net: &mut Net<'_>) {
        net.release(self.slot);
    }
}

impl Stream<'_, '_> {
    fn lost(&self) -> StreamError {
        if self.established {
            StreamError::Reset
        } else {
            StreamError::Refused
        }
    }
}

impl ErrorType for Stream<'_, '_> {
    type Error = StreamError;
}

impl transport::Stream for Stream<'_, '_> {
    const TAKES_ALL: bool = true;

    #[inline]
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, StreamError>> {
        let lost = self.lost();
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(lost));
        };
        if !socket.can_recv() {
            match socket.state() {
                State::SynSent
                | State::SynReceived
                | State::Established
                | State::FinWait1
                | State::FinWait2 => return Poll::Pending,
                _ => {}
            }
        }
        Poll::Ready(match socket.recv_slice(buffer) {
            Ok(n) => Ok(n),
            Err(tcp::RecvError::Finished) => Ok(0),
            Err(tcp::RecvError::InvalidState) => Err(lost),
        })
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, StreamError>> {
        let lost = self.lost();
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(lost));
        };
        match socket.state() {
            State::Established | State::CloseWait => match socket.send_slice(bytes) {
                Ok(0) if !bytes.is_empty() => Poll::Pending,
                Ok(n) => Poll::Ready(Ok(n)),
                Err(tcp::SendError::InvalidState) => Poll::Ready(Err(lost)),
            },
            State::SynSent | State::SynReceived => Poll::Pending,
            State::Closed | State::Listen => Poll::Ready(Err(lost)),
            _ => Poll::Ready(Err(StreamError::Finished)),
        }
    }

    #[inline]
    fn finish(&mut self) -> Poll<Result<(), StreamError>> {
        let lost = self.lost();
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(lost));
        };
        match socket.state() {
            // smoltcp would give up the connection.
            State::SynSent => return Poll::Pending,
            State::Closed | State::Listen => return Poll::Ready(Err(lost)),
            _ => socket.close(),
        }
        Poll::Ready(Ok(()))
    }

    /// In one look at the socket.
    #[inline]
    fn send_last(&mut self, bytes: &[u8]) -> Poll<Result<Sent, StreamError>> {
        let sent = ready!(transport::Stream::send(self, bytes))?;
        let fin = sent == bytes.len();
        if fin && let Some(socket) = &mut self.socket {
            socket.close();
        }
        Poll::Ready(Ok(Sent { bytes: sent, fin }))
    }

    /// Our window counts as well: a peer may cut what is longer than half the largest that it has seen
    /// (RFC 9293, section 3.8.6.2.1), as Linux does with one of more than 536 bytes.
    fn in_one_segment(&self, len: usize) -> bool {
        let window = self
            .socket
            .as_ref()
            .map_or(0, |socket| socket.recv_capacity());
        let cut = if window > DEFAULT_MSS {
            window / 2
        } else {
            window
        };
        len < cut.min(
            self.mss
                .map_or(DEFAULT_MSS, |mss| DEFAULT_MSS.min(mss.get().into())),
        )
    }

    fn abort(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.abort();
        }
    }
}

impl Read for Stream<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        now(transport::Stream::receive(self, buffer))
    }
}

impl Write for Stream<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, StreamError> {
        now(transport::Stream::send(self, bytes))
    }

    /// Does nothing: what was written leaves in the next poll.
    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }
}

impl ReadReady for Stream<'_, '_> {
    fn read_ready(&mut self) -> Result<bool, StreamError> {
        // A read of no bytes says whether one of some would wait.
        Ok(transport::Stream::receive(self, &mut []).is_ready())
    }
}

impl WriteReady for Stream<'_, '_> {
    fn write_ready(&mut self) -> Result<bool, StreamError> {
        Ok(match &self.socket {
            Some(socket) => match socket.state() {
                State::SynSent | State::SynReceived => false,
                State::Established | State::CloseWait => socket.can_send(),
                _ => true, // an error is ready
            },
            None => true,
        })
    }
}

fn now<T>(ready: Poll<Result<T, StreamError>>) -> Result<T, StreamError> {
    match ready {
        Poll::Ready(result) => result,
        Poll::Pending => Err(StreamError::NotReady),
    }
}

impl fmt::Debug for Stream<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("state", &self.socket.as_ref().map(|socket| socket.state()))
            .finish_non_exhaustive()
    }
}
