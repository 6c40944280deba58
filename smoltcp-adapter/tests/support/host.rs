//! A server on a wire whose other end is in the test's hands.

use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::server::{Event, Server};
use greet_core::time::Instant;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::wire::TcpControl::{self, Fin, None as Nothing, Psh, Syn};

use super::peer::{Peer, Tap};
use super::{Path, leak};

pub(crate) const PLACES: usize = 4;

/// A server on a wire that the test holds the other end of.
pub(crate) struct Host {
    pub(crate) stack: Stack<'static, Tap>,
    pub(crate) listener: Listener,
    pub(crate) server: Server<Connection, PLACES>,
    pub(crate) now: Instant,
    pub(crate) connected: usize,
    pub(crate) polls: usize,
}

impl Host {
    pub(crate) fn new<const BACKLOG: usize>() -> Self {
        let slots = leak(SocketSlots::<PLACES, BACKLOG>::new());
        let places = leak(TcpBuffers::<PLACES, 1024, 1031>::new());
        let mut stack = Path::IP.stack_on(Tap::default(), slots);
        let listener = stack.net().listen(places, 8000).expect("a listener");
        Self {
            stack,
            listener,
            server: Server::new(Limits::DEFAULT),
            now: Instant::START,
            connected: 0,
            polls: 0,
        }
    }

    pub(crate) fn poll(&mut self) -> Instant {
        let Self {
            stack,
            listener,
            server,
            now,
            connected,
            polls,
        } = self;
        *polls += 1;
        stack.poll(*now, |net| {
            server.poll(&mut listener.on(net), *now, |event| {
                *connected += usize::from(matches!(event, Event::Connected { .. }));
            })
        })
    }

    /// Polls whenever the stack asks for it, up to `until`. What it sends is lost.
    pub(crate) fn pass(&mut self, until: Duration) {
        let until = Instant::at(until);
        loop {
            let next = self.poll();
            if next > until {
                break;
            }
            assert!(next > self.now, "it spins at {next:?}");
            self.now = next;
            self.stack.device().outgoing.clear();
        }
        self.now = until;
        self.poll();
    }

    pub(crate) fn listening(&mut self) -> usize {
        self.stack.net().listening(&self.listener)
    }

    pub(crate) fn send(&mut self, peer: &mut Peer, control: TcpControl, payload: &[u8]) {
        peer.send(self.stack.device(), control, payload);
        self.poll();
    }

    /// What was sent to the peer since the last time, by its flags.
    pub(crate) fn taken(&mut self, peer: &mut Peer) -> Vec<TcpControl> {
        let segments = peer.take(self.stack.device());
        segments.iter().map(|segment| segment.control).collect()
    }

    /// Brings a peer through its handshake.
    pub(crate) fn connect(&mut self, port: u16) -> Peer {
        let mut peer = Peer::new(port);
        self.send(&mut peer, Syn, &[]);
        assert_eq!(
            self.taken(&mut peer),
            [Syn],
            "SYN is answered by SYN and ACK"
        );
        self.send(&mut peer, Nothing, &[]);
        peer
    }

    /// A peer who stops in the middle of a character, which keeps its place until the deadline.
    pub(crate) fn begin_name(&mut self, port: u16) -> Peer {
        let mut peer = self.connect(port);
        self.send(&mut peer, Psh, &"é".as_bytes()[..1]);
        peer
    }

    /// A peer who has its greeting and our FIN, and keeps its own.
    pub(crate) fn fin_wait_2(&mut self, port: u16) -> Peer {
        let mut peer = self.connect(port);
        self.send(&mut peer, Psh, b"World");
        assert_eq!(self.taken(&mut peer), [Fin]);
        self.send(&mut peer, Nothing, &[]);
        peer
    }

    /// A whole greeting with a new peer, who half-closes first.
    pub(crate) fn greet(&mut self, port: u16) {
        let mut peer = self.connect(port);
        self.send(&mut peer, Fin, b"World");
        let reply = peer.take(self.stack.device());
        assert_eq!(reply.last().map(|last| last.control), Some(Fin));
        assert_eq!(
            reply.last().map(|last| &last.payload[..]),
            Some(&b"Hello, World"[..])
        );
        self.send(&mut peer, Nothing, &[]);
    }

    /// All places listen, and greet.
    pub(crate) fn is_whole(&mut self) {
        assert_eq!(self.listening(), PLACES);
        assert_eq!(self.server.clients(), 0);
        for port in 0..PLACES {
            self.greet(60_000 + u16::try_from(port).expect("few"));
        }
        assert_eq!(self.listening(), PLACES);
    }
}
