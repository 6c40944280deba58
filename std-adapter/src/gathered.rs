//! A UDP socket that takes many datagrams in one system call (Linux).
//!
//! With `UDP_GRO` (udp(7)), the system hands over what one sender sent in a row as one piece, and says
//! how long each datagram is: all are as long as that, but for the last. A sender that batches, or a
//! network card that gathers, then costs a call for up to 64 datagrams.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::task::{Poll, ready};

use embedded_io::ErrorType;
use greet_core::transport::{Datagram, Datagrams, Local};
use nix::cmsg_space;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt::UdpGroSegment,
};

use crate::stream;
use crate::udp::UdpSocket;

/// More than one piece ever has: an IP packet's worth.
const ROOM: usize = 1 << 16;

/// A UDP socket and the piece that it was handed last.
pub(crate) struct Gathered {
    socket: UdpSocket<mio::net::UdpSocket>,
    memory: Box<[u8]>,
    /// What of it nobody has taken yet.
    left: Range<usize>,
    /// How long each datagram in it is.
    segment: usize,
    from: SocketAddr,
}

impl From<UdpSocket<mio::net::UdpSocket>> for Gathered {
    fn from(socket: UdpSocket<mio::net::UdpSocket>) -> Self {
        // A system before Linux 5.0 refuses, and hands over one datagram at a time.
        let _ = setsockopt(socket.get_ref(), UdpGroSegment, &true);
        Self {
            socket,
            memory: vec![0; ROOM].into(),
            left: 0..0,
            segment: 0,
            from: (Ipv4Addr::UNSPECIFIED, 0).into(),
        }
    }
}

impl Gathered {
    fn receive(&mut self) -> io::Result<()> {
        let mut control = cmsg_space!(i32);
        let mut parts = [IoSliceMut::new(&mut self.memory)];
        let descriptor = self.socket.get_ref().as_raw_fd();
        let flags = MsgFlags::empty();
        let piece = recvmsg::<SockaddrStorage>(descriptor, &mut parts, Some(&mut control), flags)?;
        self.segment = piece.bytes;
        for message in piece.cmsgs()? {
            if let ControlMessageOwned::UdpGroSegments(len) = message {
                self.segment = usize::try_from(len).unwrap_or(piece.bytes);
            }
        }
        self.from = piece
            .address
            .and_then(address)
            .ok_or(io::ErrorKind::AddrNotAvailable)?;
        self.left = 0..piece.bytes;
        Ok(())
    }
}

fn address(from: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || {
        from.as_sockaddr_in()
            .map(|&v4| SocketAddrV4::from(v4).into())
    };
    let v6 = || {
        from.as_sockaddr_in6()
            .map(|&v6| SocketAddrV6::from(v6).into())
    };
    v4().or_else(v6)
}

impl ErrorType for Gathered {
    type Error = io::Error;
}

impl Datagrams for Gathered {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<io::Result<Datagram>> {
        if self.left.is_empty() {
            ready!(stream::poll_next(|| self.receive()))?;
        }
        let len = self.segment.min(self.left.len());
        let datagram = &self.memory[self.left.start..][..len];
        self.left.start += len;
        let kept = len.min(buffer.len());
        buffer[..kept].copy_from_slice(&datagram[..kept]);
        Poll::Ready(Ok(Datagram {
            len,
            from: self.from,
            local: Local::default(),
        }))
    }

    fn send_to(&mut self, datagram: &[u8], to: SocketAddr, via: Local) -> Poll<io::Result<()>> {
        self.socket.send_to(datagram, to, via)
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.socket.is_own(address)
    }
}
