//! The other side: plain smoltcp sockets, none of this crate's.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use greet_contract::{CableEnd, Peers, Seen};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Packet, TcpPacket};

use crate::device::Port;
use crate::world::{ADDRESSES, TCP, UDP};

const PEER: IpAddress = IpAddress::v4(192, 0, 2, 9);

/// Where peers listen.
pub(crate) const LISTENING: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9)),
    9000,
);

pub(crate) struct SmoltcpPeers {
    interface: Interface,
    device: Port,
    sockets: SocketSet<'static>,
    peers: Vec<Option<SocketHandle>>,
    listening: SocketHandle,
    udp: SocketHandle,
    /// Ports that answer nothing.
    vanished: BTreeSet<u16>,
    half_open: u16,
    now: Instant,
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; 4096]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_ack_delay(None);
    socket.set_nagle_enabled(false);
    socket
}

fn port(peer: usize) -> u16 {
    20_000 + u16::try_from(peer).expect("few peers")
}

impl SmoltcpPeers {
    pub(crate) fn new(end: CableEnd) -> Self {
        let mut device = Port(end);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 7;
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|own| own.push(IpCidr::new(PEER, 24)).expect("room"));
        let mut sockets = SocketSet::new(Vec::new());
        let mut listening = socket();
        listening.listen(LISTENING.port()).expect("a port");
        let room = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 8192]);
        let mut mailbox = udp::Socket::new(room(), room());
        mailbox.bind(30_000).expect("a port");
        Self {
            interface,
            device,
            peers: Vec::new(),
            listening: sockets.add(listening),
            udp: sockets.add(mailbox),
            sockets,
            vanished: BTreeSet::new(),
            half_open: 40_000,
            now: Instant::ZERO,
        }
    }

    /// Does what is to do at `now`, and says when it has to again.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Instant> {
        self.now = now;
        // A peer that has vanished hears nothing, and so answers nothing.
        for _ in 0..self.device.0.waiting() {
            if let Some(frame) = self.device.0.receive()
                && !self.is_to_vanished(&frame)
            {
                self.device.0.push_back(frame);
            }
        }
        self.interface
            .poll(now, &mut self.device, &mut self.sockets);
        self.interface.poll_at(now, &self.sockets)
    }

    /// How many frames wait to be received.
    pub(crate) fn waiting(&self) -> usize {
        self.device.0.waiting()
    }

    fn is_to_vanished(&self, frame: &[u8]) -> bool {
        Ipv4Packet::new_checked(frame).is_ok_and(|packet| {
            TcpPacket::new_checked(packet.payload())
                .is_ok_and(|segment| self.vanished.contains(&segment.dst_port()))
        })
    }

    fn start(&mut self, port: u16) -> SocketHandle {
        let mut socket = socket();
        let to = IpEndpoint::new(ADDRESSES[0], TCP);
        socket
            .connect(self.interface.context(), to, port)
            .expect("a connection");
        self.sockets.add(socket)
    }

    fn peer(&mut self, peer: usize) -> Option<&mut tcp::Socket<'static>> {
        let handle = (*self.peers.get(peer)?)?;
        Some(self.sockets.get_mut::<tcp::Socket<'_>>(handle))
    }
}

impl Peers for SmoltcpPeers {
    fn connect(&mut self, peer: usize) {
        let handle = self.start(port(peer));
        self.peers.resize(peer.max(self.peers.len()), None);
        self.peers.push(Some(handle));
    }

    fn address(&mut self, peer: usize) -> Option<SocketAddr> {
        let socket = self.peer(peer)?;
        if matches!(socket.state(), tcp::State::SynSent | tcp::State::Closed) {
            return None;
        }
        Some(socket.local_endpoint()?.into())
    }

    fn send(&mut self, peer: usize, bytes: &[u8]) -> usize {
        let sent = self.peer(peer).map(|socket| socket.send_slice(bytes));
        sent.and_then(Result::ok).unwrap_or_default()
    }

    fn receive(&mut self, peer: usize, buffer: &mut [u8]) -> Seen {
        let Some(socket) = self.peer(peer) else {
            return Seen::Reset;
        };
        match socket.recv_slice(buffer) {
            Ok(0) => Seen::Nothing,
            Ok(n) => Seen::Bytes(n),
            Err(tcp::RecvError::Finished) => Seen::Fin,
            Err(tcp::RecvError::InvalidState) if socket.state() == tcp::State::SynSent => {
                Seen::Nothing
            }
            Err(tcp::RecvError::InvalidState) => Seen::Reset,
        }
    }

    fn finish(&mut self, peer: usize) {
        if let Some(socket) = self.peer(peer) {
            socket.close();
        }
    }

    fn reset(&mut self, peer: usize) {
        if let Some(socket) = self.peer(peer) {
            socket.abort();
        }
    }

    fn close(&mut self, peer: usize) {
        self.finish(peer);
    }

    fn vanish(&mut self, peer: usize) {
        self.vanished.insert(port(peer));
        if let Some(handle) = self.peers.get_mut(peer).and_then(Option::take) {
            self.sockets.remove(handle);
        }
    }

    fn half_open(&mut self) {
        self.half_open += 1;
        let handle = self.start(self.half_open);
        self.vanished.insert(self.half_open);
        self.interface
            .poll_egress(self.now, &mut self.device, &mut self.sockets);
        self.sockets.remove(handle);
    }

    fn accepted(&mut self) -> Option<SocketAddr> {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.listening);
        if socket.state() != tcp::State::Established {
            return None;
        }
        let from = socket.remote_endpoint()?.into();
        let mut next = self::socket();
        next.listen(LISTENING.port()).expect("a port");
        self.listening = self.sockets.add(next);
        Some(from)
    }

    fn send_datagram(&mut self, to: usize, datagram: &[u8]) {
        let to = IpEndpoint::new(ADDRESSES[to], UDP);
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
        socket.send_slice(datagram, to).expect("room");
    }

    fn send_to_all(&mut self, datagram: &[u8]) {
        let to = IpEndpoint::new(IpAddress::v4(255, 255, 255, 255), UDP);
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
        socket.send_slice(datagram, to).expect("room");
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Option<(usize, Option<usize>)> {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.udp);
        let (len, meta) = socket.recv_slice(buffer).ok()?;
        let from = ADDRESSES.iter().position(|own| *own == meta.endpoint.addr);
        Some((len, from))
    }
}
