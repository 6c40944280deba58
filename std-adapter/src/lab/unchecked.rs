//! Datagrams over IPv4 without a checksum (`SO_NO_CHECK`, udp(7)), which no library offers.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;
use nix::sys::socket::SetSockOpt as _;
use nix::sys::socket::sockopt::SetBool;
use nix::{libc, setsockopt_impl};

#[derive(Clone, Copy)]
struct NoCheck;

setsockopt_impl!(NoCheck, libc::SOL_SOCKET, libc::SO_NO_CHECK, bool, SetBool);

/// Sends one to where the socket is connected.
pub(super) fn send(socket: &UdpSocket, datagram: &[u8]) -> io::Result<usize> {
    if matches!(socket.peer_addr()?, SocketAddr::V6(_)) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    NoCheck.set(socket, &true)?;
    let sent = socket.send(datagram);
    NoCheck.set(socket, &false)?;
    sent
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as Plain;

    use nix::getsockopt_impl;
    use nix::sys::socket::getsockopt;
    use nix::sys::socket::sockopt::GetBool;

    use super::*;

    getsockopt_impl!(NoCheck, libc::SOL_SOCKET, libc::SO_NO_CHECK, bool, GetBool);

    #[test]
    fn what_is_sent_next_has_a_checksum_again() {
        let there = Plain::bind("127.0.0.1:0").expect("a port");
        let here = UdpSocket::bind(([127, 0, 0, 1], 0).into()).expect("a port");
        here.connect(there.local_addr().expect("bound"))
            .expect("a socket");
        assert_eq!(send(&here, b"Ada").expect("it is sent"), 3);
        let mut name = [0; 8];
        assert_eq!(there.recv(&mut name).expect("it came"), 3);
        assert!(!getsockopt(&here, NoCheck).expect("a socket"));
    }
}
