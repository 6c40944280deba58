//! Lines mode beside the rest: many greetings over one connection, on a port of its own.
//!
//! What happens there is told in the same words. What a line is, core knows.

use firmware::board::LINES_PORT;
use firmware::console::Console;
use firmware::network::{NAME, PLACES, Peer, REPLY};
use greet_core::limits::Limits;
use greet_core::lines::{End, Lines};
use greet_core::server::Event::{Connected, Ended};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::net::Net;
use greet_smoltcp::storage::TcpBuffers;
use greet_smoltcp::stream::Connection;

use super::{LINES, refused};

/// All zeros at first, so it takes no flash.
pub(crate) struct Memory {
    tcp: TcpBuffers<PLACES, NAME, REPLY>,
    server: Server<Connection, PLACES, Lines>,
}

/// The server, and where it listens.
pub(crate) struct Serving {
    listener: Listener,
    server: &'static mut Server<Connection, PLACES, Lines>,
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self {
            tcp: TcpBuffers::new(),
            server: Server::serving(Limits::DEFAULT),
        }
    }

    /// Listens. `None`: there are too few slots.
    pub(crate) fn listen(&'static mut self, net: &mut Net<'static>) -> Option<Serving> {
        Some(Serving {
            listener: net.listen(&mut self.tcp, LINES_PORT).ok()?,
            server: &mut self.server,
        })
    }
}

impl Serving {
    pub(crate) fn poll(
        &mut self,
        net: &mut Net<'static>,
        now: Instant,
        console: &mut Console<LINES>,
    ) -> Instant {
        let listener = &mut self.listener.on(net);
        self.server.poll(listener, now, |event| match event {
            Connected { peer } => console.line(format_args!("Connection from {}", Peer(peer))),
            Ended { peer, outcome, .. } => match outcome.end {
                End::Refused(why) => refused(console, peer, why),
                End::Abandoned(why) => {
                    console.line(format_args!("Abandoned by {}: {why}", Peer(peer)));
                }
                _ => {}
            },
            _ => {}
        })
    }
}
