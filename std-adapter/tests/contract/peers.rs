//! The other side: sockets of the standard library.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use greet_contract::{Peers, Seen};
use socket2::SockRef;

pub(crate) struct SocketPeers {
    tcp: SocketAddr,
    udp: u16,
    peers: Vec<Option<TcpStream>>,
    listening: TcpListener,
    accepted: Vec<TcpStream>,
    mailbox: UdpSocket,
}

/// The adapter's addresses.
pub(crate) const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)];

impl SocketPeers {
    pub(crate) fn new(tcp: SocketAddr, udp: u16) -> io::Result<Self> {
        let listening = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listening.set_nonblocking(true)?;
        let mailbox = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        mailbox.set_nonblocking(true)?;
        Ok(Self {
            tcp,
            udp,
            peers: Vec::new(),
            listening,
            accepted: Vec::new(),
            mailbox,
        })
    }

    /// Where peers listen.
    pub(crate) fn listening(&self) -> SocketAddr {
        self.listening.local_addr().expect("it listens")
    }

    fn peer(&mut self, peer: usize) -> Option<&mut TcpStream> {
        self.peers.get_mut(peer)?.as_mut()
    }
}

impl Peers for SocketPeers {
    fn connect(&mut self, peer: usize) {
        let stream = TcpStream::connect(self.tcp).expect("a listener");
        stream.set_nonblocking(true).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        self.peers.resize_with(peer.max(self.peers.len()), || None);
        self.peers.push(Some(stream));
    }

    fn address(&mut self, peer: usize) -> Option<SocketAddr> {
        self.peer(peer)?.local_addr().ok()
    }

    fn send(&mut self, peer: usize, bytes: &[u8]) -> usize {
        let sent = self.peer(peer).map(|stream| stream.write(bytes));
        sent.and_then(Result::ok).unwrap_or_default()
    }

    fn receive(&mut self, peer: usize, buffer: &mut [u8]) -> Seen {
        match self.peer(peer).map(|stream| stream.read(buffer)) {
            Some(Ok(0)) => Seen::Fin,
            Some(Ok(n)) => Seen::Bytes(n),
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Seen::Nothing,
            Some(Err(_)) | None => Seen::Reset,
        }
    }

    fn finish(&mut self, peer: usize) {
        if let Some(stream) = self.peer(peer) {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    fn reset(&mut self, peer: usize) {
        if let Some(stream) = self.peers.get_mut(peer).and_then(Option::take) {
            SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .expect("a socket");
        }
    }

    fn close(&mut self, peer: usize) {
        self.peers.get_mut(peer).and_then(Option::take);
    }

    fn accepted(&mut self) -> Option<SocketAddr> {
        let (stream, from) = self.listening.accept().ok()?;
        self.accepted.push(stream);
        Some(from)
    }

    fn send_datagram(&mut self, to: usize, datagram: &[u8]) {
        self.mailbox
            .send_to(datagram, (ADDRESSES[to], self.udp))
            .expect("a receiver");
    }

    /// On loopback, which has such an address on Linux alone.
    fn send_to_all(&mut self, datagram: &[u8]) {
        self.mailbox.set_broadcast(true).expect("a socket");
        let everybody = Ipv4Addr::new(127, 255, 255, 255);
        self.mailbox
            .send_to(datagram, (everybody, self.udp))
            .expect("a receiver");
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Option<(usize, Option<usize>)> {
        let (len, from) = self.mailbox.recv_from(buffer).ok()?;
        Some((len, ADDRESSES.iter().position(|own| *own == from.ip())))
    }
}
