//! A UDP socket that takes many datagrams in one system call (Linux).
//!
//! With `UDP_GRO` (udp(7)), the system hands over what one sender sent in a row as one piece, and says
//! how long each datagram is: all are as long as that, but for the last. A sender that batches, or a
//! network card that gathers, then costs a call for up to 64 datagrams.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::task::{Poll, ready};

use embedded_io::ErrorType;
use greet_core::transport::{Datagram, Datagrams, Local};
use nix::sys::socket::{setsockopt, sockopt::UdpGroSegment};

use crate::failure;
use crate::pktinfo::{self, Piece};
use crate::udp::UdpSocket;

/// More than one piece ever has: an IP packet's worth.
const ROOM: usize = 1 << 16;

/// A UDP socket and the piece that it was handed last.
pub(crate) struct GroSocket {
    socket: UdpSocket<mio::net::UdpSocket>,
    memory: Box<[u8]>,
    /// What of it nobody has taken yet.
    left: Range<usize>,
    /// How long each datagram in it is.
    segment: usize,
    from: SocketAddr,
    local: Local,
}

impl From<UdpSocket<mio::net::UdpSocket>> for GroSocket {
    fn from(socket: UdpSocket<mio::net::UdpSocket>) -> Self {
        // A system before Linux 5.0 refuses, and hands over one datagram at a time.
        let _ = setsockopt(socket.get_ref(), UdpGroSegment, &true);
        Self {
            socket,
            memory: vec![0; ROOM].into(),
            left: 0..0,
            segment: 0,
            from: (Ipv4Addr::UNSPECIFIED, 0).into(),
            local: Local::default(),
        }
    }
}

impl GroSocket {
    fn receive(&mut self) -> io::Result<()> {
        let Piece { whole, segment } = pktinfo::receive(self.socket.get_ref(), &mut self.memory)?;
        self.left = 0..whole.len.min(self.memory.len());
        self.segment = segment.unwrap_or(whole.len);
        self.from = whole.from;
        self.local = whole.local;
        Ok(())
    }
}

impl ErrorType for GroSocket {
    type Error = io::Error;
}

impl Datagrams for GroSocket {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<io::Result<Datagram>> {
        if self.left.is_empty() {
            ready!(failure::poll_past(failure::is_about_datagram, || {
                self.receive()
            }))?;
        }
        let len = self.segment.min(self.left.len());
        let datagram = &self.memory[self.left.start..][..len];
        self.left.start += len;
        let kept = len.min(buffer.len());
        buffer[..kept].copy_from_slice(&datagram[..kept]);
        Poll::Ready(Ok(Datagram {
            len,
            from: self.from,
            local: self.local,
        }))
    }

    fn send_to(&mut self, datagram: &[u8], to: SocketAddr, via: Local) -> Poll<io::Result<()>> {
        self.socket.send_to(datagram, to, via)
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.socket.is_own(address)
    }

    fn lost(&mut self) -> u64 {
        self.socket.lost()
    }
}
