//! A TCP connection as core's [`Stream`](transport::Stream).

use std::io;
use std::net::{Shutdown, TcpStream};
use std::task::{Poll, ready};

use embedded_io::{ErrorType, Read, Write};
use greet_core::limits::DEFAULT_MSS;
use greet_core::transport::{self, Sent};

use crate::failure::poll;
use crate::sys::private::TcpSocket;

/// The shortest full segment that Linux sends: 48 bytes (`net.ipv4.tcp_min_snd_mss`) less what the
/// timestamps take of them.
const LEAST_SEGMENT: usize = 36;

/// A non-blocking TCP socket: of [`std::net`], or of mio, where an event loop watches it.
///
/// It implements core's [`Stream`](transport::Stream), and [`embedded_io`]'s traits for other code
/// that speaks those; `WouldBlock` is an error there.
///
/// Dropping it closes the connection: what was sent is still delivered, but with bytes unread,
/// Linux sends RST after it.
#[derive(Debug)]
pub struct Stream<S = TcpStream>(S);

impl Stream {
    /// Takes a connected socket, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// The system refuses the socket.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }
}

impl<S> Stream<S> {
    /// Takes a socket that doesn't block already: mio's don't. It may still be connecting.
    pub const fn from_non_blocking(socket: S) -> Self {
        Self(socket)
    }

    /// The socket, for options and addresses.
    pub const fn get_ref(&self) -> &S {
        &self.0
    }

    pub(crate) const fn get_mut(&mut self) -> &mut S {
        &mut self.0
    }

    /// Gives the socket back.
    pub fn into_inner(self) -> S {
        self.0
    }
}

impl<S> ErrorType for Stream<S> {
    type Error = io::Error;
}

impl<S: TcpSocket> transport::Stream for Stream<S> {
    /// A read that doesn't fill the buffer has emptied the socket (epoll(7), *Questions and
    /// answers*), or has ended at the mark of urgent data, which is a border between pieces as well. On
    /// Windows, mio only watches on after a read that would block.
    const TAKES_ALL: bool = cfg!(unix);

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        poll(|| self.0.read(buffer))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        poll(|| self.0.write(bytes))
    }

    fn finish(&mut self) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown(Shutdown::Write))
    }

    /// On Linux, the bytes wait in the socket for the FIN (`MSG_MORE`, send(2)), and both leave in
    /// one segment.
    fn send_last(&mut self, bytes: &[u8]) -> Poll<io::Result<Sent>> {
        let sent = if bytes.is_empty() {
            0
        } else {
            ready!(poll(|| self.0.write_more(bytes)))?
        };
        let fin = sent == bytes.len();
        if fin {
            self.0.shutdown(Shutdown::Write)?;
        }
        Poll::Ready(Ok(Sent { bytes: sent, fin }))
    }

    /// On Linux, the connection's own segment size counts (`TCP_MAXSEG`, tcp(7)), where it is less
    /// than the default. No segment of Linux is so short that a short name needs a call for that.
    fn in_one_segment(&self, len: usize) -> bool {
        let own = || self.0.max_segment().unwrap_or(DEFAULT_MSS);
        len < LEAST_SEGMENT || len < DEFAULT_MSS && len < own()
    }

    /// RST goes out when the stream is dropped. No FIN before it: the peer would take what it has
    /// for the whole answer.
    fn abort(&mut self) {
        self.0.set_abort_on_close();
    }
}

impl<S: TcpSocket> Read for Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: TcpSocket> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
