//! The adapter of a page on one side, the other ends of its pipes on the other, in virtual time.

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use embedded_io::ErrorKind;
use greet_contract::{Lack, Peers, Seen, Target, World};
use greet_core::time::Instant;
use greet_core::transport::Stream;

use crate::adapter::{Mailbox, Pipe, Port};

pub struct PipeWorld {
    now: Instant,
    /// Something has happened since the last wait.
    news: Rc<Cell<bool>>,
    port: Port,
    mailbox: Mailbox,
    peers: Ends,
}

struct Ends {
    news: Rc<Cell<bool>>,
    port: Port,
    mailbox: Mailbox,
    pipes: Vec<Option<Pipe>>,
    /// What the adapter has connected, and nobody has asked for.
    dialed: VecDeque<(Pipe, SocketAddr)>,
    taken: Vec<Pipe>,
    ports: u16,
}

fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), port)
}

impl PipeWorld {
    pub fn new() -> Self {
        let (news, port) = (Rc::new(Cell::new(false)), Port::default());
        let mailbox = Mailbox {
            addresses: vec![address(1, 8001), address(2, 8001)],
            comes: Rc::default(),
            goes: Rc::default(),
        };
        Self {
            now: Instant::from_millis(5_000),
            news: Rc::clone(&news),
            port: port.clone(),
            mailbox: mailbox.clone(),
            peers: Ends {
                news,
                port,
                mailbox,
                pipes: Vec::new(),
                dialed: VecDeque::new(),
                taken: Vec::new(),
                ports: 1000,
            },
        }
    }
}

impl World for PipeWorld {
    type Handle = Pipe;
    type Listener<'a> = Port;
    type Datagrams<'a> = Mailbox;

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) {
        if !self.news.take() {
            self.now = self.now.max(until);
        }
    }

    fn pass(&mut self, until: Instant) {
        self.now = until.min(self.now + Duration::from_millis(1)).max(self.now);
    }

    fn listener(&mut self) -> Port {
        self.port.clone()
    }

    fn datagrams(&mut self) -> Mailbox {
        self.mailbox.clone()
    }

    fn connect(&mut self, to: Target) -> Result<Pipe, ErrorKind> {
        let (ours, mut theirs) = Pipe::pair(&self.news);
        if to == Target::Nobody {
            theirs.abort();
            return Ok(ours);
        }
        let from = address(1, self.peers.port());
        self.peers.dialed.push_back((theirs, from));
        Ok(ours)
    }

    fn places(&self) -> usize {
        3
    }

    fn peers(&mut self) -> &mut dyn Peers {
        &mut self.peers
    }

    fn lacks(&self, what: Lack) -> Option<&'static str> {
        match what {
            Lack::Places => Some("there are as many places as there is memory"),
            Lack::HalfOpen => Some("a pipe has no handshake"),
            Lack::Vanish => Some("a pipe has no cable to cut"),
            _ => None,
        }
    }
}

impl Ends {
    fn port(&mut self) -> u16 {
        self.ports += 1;
        self.ports
    }

    fn pipe(&mut self, peer: usize) -> Option<&mut Pipe> {
        self.pipes.get_mut(peer)?.as_mut()
    }
}

impl Peers for Ends {
    fn connect(&mut self, peer: usize) {
        let (ours, theirs) = Pipe::pair(&self.news);
        let from = address(9, 2000 + u16::try_from(peer).expect("few peers"));
        self.port.0.borrow_mut().push_back((theirs, from));
        self.pipes.resize_with(peer.max(self.pipes.len()), || None);
        self.pipes.push(Some(ours));
        self.news.set(true);
    }

    fn address(&mut self, peer: usize) -> Option<SocketAddr> {
        self.pipe(peer)?;
        Some(address(9, 2000 + u16::try_from(peer).expect("few peers")))
    }

    fn send(&mut self, peer: usize, bytes: &[u8]) -> usize {
        match self.pipe(peer).map(|pipe| pipe.send(bytes)) {
            Some(Poll::Ready(Ok(n))) => n,
            _ => 0,
        }
    }

    fn receive(&mut self, peer: usize, buffer: &mut [u8]) -> Seen {
        match self.pipe(peer).map(|pipe| pipe.receive(buffer)) {
            Some(Poll::Pending) => Seen::Nothing,
            Some(Poll::Ready(Ok(0))) => Seen::Fin,
            Some(Poll::Ready(Ok(n))) => Seen::Bytes(n),
            Some(Poll::Ready(Err(_))) | None => Seen::Reset,
        }
    }

    fn finish(&mut self, peer: usize) {
        let _ = self.pipe(peer).map(|pipe| pipe.finish().is_ready());
    }

    fn reset(&mut self, peer: usize) {
        if let Some(pipe) = self.pipe(peer) {
            pipe.abort();
        }
    }

    fn close(&mut self, peer: usize) {
        if let Some(pipe) = self.pipes.get_mut(peer) {
            *pipe = None;
        }
    }

    fn accepted(&mut self) -> Option<SocketAddr> {
        let (pipe, from) = self.dialed.pop_front()?;
        self.taken.push(pipe);
        Some(from)
    }

    fn send_datagram(&mut self, to: usize, datagram: &[u8]) {
        let letter = (
            datagram.to_vec(),
            address(9, 3000),
            self.mailbox.addresses[to],
        );
        self.mailbox.comes.borrow_mut().push_back(letter);
        self.news.set(true);
    }

    fn send_to_all(&mut self, datagram: &[u8]) {
        let everybody = (Ipv4Addr::BROADCAST, self.mailbox.addresses[0].port()).into();
        let letter = (datagram.to_vec(), address(9, 3000), everybody);
        self.mailbox.comes.borrow_mut().push_back(letter);
        self.news.set(true);
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Option<(usize, Option<usize>)> {
        let (bytes, from, _) = self.mailbox.goes.borrow_mut().pop_front()?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        let own = |address: &SocketAddr| *address == from;
        Some((bytes.len(), self.mailbox.addresses.iter().position(own)))
    }
}
