//! The server under test: core's servers and responder on a stack, with no more sockets than places.

use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::net::Net;
use greet_smoltcp::storage::{TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use greet_smoltcp::timeouts::Timeouts;

use super::leak;

/// How many clients it holds in each mode.
pub const PLACES: usize = 4;

pub(super) const TCP_PORT: u16 = 8000;
pub(super) const UDP_PORT: u16 = 8001;
pub(super) const LINES_PORT: u16 = 8002;

/// All that it takes of a stack's slots.
pub(super) const SOCKETS: usize = 2 * PLACES + 1;

/// What a server under test is like. Its timeouts can be so wrong that it fails.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// What it grants its clients.
    pub limits: Limits,
    /// How long a connection may hold one of its sockets.
    pub timeouts: Timeouts,
}

/// A server that runs.
pub(super) struct Running {
    listener: Listener,
    server: Server<Connection, PLACES>,
    lines_listener: Listener,
    lines: Server<Connection, PLACES, Lines>,
    inbox: Binding,
    responder: Responder<16>,
}

impl Subject {
    /// A good one.
    pub const GOOD: Self = Self {
        limits: Limits::DEFAULT,
        timeouts: Timeouts::DEFAULT,
    };

    pub(super) fn start(self, net: &mut Net<'static>) -> Running {
        net.set_timeouts(self.timeouts);
        let places = leak(TcpBuffers::<PLACES, 1025, 1031>::new());
        let lines = leak(TcpBuffers::<PLACES, 1025, 1031>::new());
        let inbox = leak(UdpBuffers::<64, 72_000, 72_000>::new());
        Running {
            listener: net.listen(places, TCP_PORT).expect("room"),
            server: Server::new(self.limits),
            lines_listener: net.listen(lines, LINES_PORT).expect("room"),
            lines: Server::serving(self.limits),
            inbox: net.bind(inbox, UDP_PORT).expect("room"),
            responder: Responder::new(REPLIES_PER_SECOND),
        }
    }
}

impl Running {
    pub(super) fn poll(&mut self, net: &mut Net<'static>, now: Instant) -> Instant {
        let due = self.server.poll(&mut self.listener.on(net), now, |_| {});
        let more = self.responder.poll(&mut self.inbox.on(net), now, |_| {});
        let lines = &mut self.lines_listener.on(net);
        due.min(more).min(self.lines.poll(lines, now, |_| {}))
    }
}
