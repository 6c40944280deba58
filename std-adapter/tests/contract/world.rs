//! The adapter on loopback, under an event loop of one's own, in real time.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use embedded_io::ErrorKind;
use greet_contract::{Lack, Peers, Target, World};
use greet_core::time::Instant;
use greet_std::{Listener, Stream, UdpSocket, core as greet_core};
use mio::{Events, Poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::peers::SocketPeers;
use crate::watched::{Watched, watch};

pub(crate) struct SocketWorld {
    listener: Listener,
    udp: UdpSocket,
    poll: Poll,
    events: Events,
    peers: SocketPeers,
    start: std::time::Instant,
}

impl SocketWorld {
    pub(crate) fn new() -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
        let tcp = listener.get_ref().local_addr().expect("it listens");
        let port = udp.get_ref().local_addr().expect("it is bound").port();
        let poll = Poll::new().expect("an event loop");
        watch(poll.registry(), listener.get_ref()).expect("it can be watched");
        watch(poll.registry(), udp.get_ref()).expect("it can be watched");
        Self {
            listener,
            udp,
            poll,
            events: Events::with_capacity(8),
            peers: SocketPeers::new(tcp, port).expect("sockets"),
            start: std::time::Instant::now(),
        }
    }
}

impl World for SocketWorld {
    type Handle = Stream;
    type Listener<'a> = Watched<'a>;
    type Datagrams<'a> = &'a mut UdpSocket;

    fn now(&mut self) -> Instant {
        Instant::at(self.start.elapsed())
    }

    fn wait(&mut self, until: Instant) {
        let left = until.wait(self.now());
        match self.poll.poll(&mut self.events, left) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => panic!("{error}"),
            _ => {}
        }
    }

    /// A look at the clock, not a wait for anything.
    fn pass(&mut self, until: Instant) {
        thread::sleep(until.since(self.now()).min(Duration::from_millis(1)));
    }

    fn listener(&mut self) -> Watched<'_> {
        Watched {
            listener: &mut self.listener,
            registry: self.poll.registry(),
        }
    }

    fn datagrams(&mut self) -> &mut UdpSocket {
        &mut self.udp
    }

    fn connect(&mut self, to: Target) -> Result<Stream, ErrorKind> {
        let mut address = self.peers.listening();
        if to == Target::Nobody {
            address.set_port(1);
        }
        let kind = |error: std::io::Error| ErrorKind::from(error.kind());
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).map_err(kind)?;
        socket.set_nonblocking(true).map_err(kind)?;
        // It is under way, which is an error here.
        let _ = socket.connect(&address.into());
        let stream = Stream::new(socket.into()).map_err(kind)?;
        watch(self.poll.registry(), stream.get_ref()).map_err(kind)?;
        Ok(stream)
    }

    fn places(&self) -> usize {
        3
    }

    fn peers(&mut self) -> &mut dyn Peers {
        &mut self.peers
    }

    fn lacks(&self, what: Lack) -> Option<&'static str> {
        match what {
            Lack::Places => Some("places are the system's"),
            Lack::HalfOpen => Some("handshakes are the system's"),
            Lack::Vanish => Some("there is no cable to cut"),
            Lack::TwoAddresses if !cfg!(target_os = "linux") => {
                Some("loopback has one address here")
            }
            Lack::Broadcast if !cfg!(target_os = "linux") => {
                Some("loopback has no address of everybody here")
            }
            _ => None,
        }
    }
}
