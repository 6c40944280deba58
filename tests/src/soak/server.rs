//! The server under test: core's polled server on this project's own stack, on a simulated host.

use core::time::Duration;

use greet_core::limits::Limits;
use greet_core::server::{Event, Server};
use greet_smoltcp::sim::Boot;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};

use super::ledger::Ledger;
use super::plan::PORT;

/// Clients served at once, sockets that listen, and clients that may wait beyond those.
const PLACES: usize = 4;
pub(super) const SOCKETS: usize = 6;
const BACKLOG: usize = 8;

/// Room for a whole reply.
const ROOMY: usize = 1031;
/// Room for a part of one.
const TIGHT: usize = 200;

/// The memory of one boot.
pub(super) struct Memory<'a> {
    slots: SocketSlots<'a, SOCKETS, BACKLOG>,
    roomy: TcpBuffers<SOCKETS, 1024, ROOMY>,
    tight: TcpBuffers<SOCKETS, 1024, TIGHT>,
}

impl Memory<'_> {
    pub(super) fn new() -> Self {
        Self {
            slots: SocketSlots::new(),
            roomy: TcpBuffers::new(),
            tight: TcpBuffers::new(),
        }
    }
}

pub(super) fn program<'a>(
    boot: Boot,
    memory: &'a mut Memory<'a>,
    tight: bool,
    ledger: &'a Ledger<'a>,
) -> impl FnMut(Duration) -> Option<Duration> + 'a {
    ledger.server_booted();
    let config = boot.config();
    let mut stack = Stack::new(boot.card, config, &boot.addresses, &mut memory.slots)
        .expect("the simulation's addresses fit its card");
    let net = stack.net();
    let listener = if tight {
        net.listen(&mut memory.tight, PORT)
    } else {
        net.listen(&mut memory.roomy, PORT)
    }
    .expect("slots for all sockets");
    let mut server = Server::<_, PLACES>::new(Limits::DEFAULT);
    move |now| {
        let next = stack.poll(now, |net| {
            server.poll(&mut listener.on(net), now, |event| match event {
                Event::Connected { peer } => ledger.connected(peer),
                Event::Greeted { peer, exchange } => {
                    let name = exchange.name().map_or("", |name| name.as_str());
                    ledger.ended(peer, Some(name));
                }
                Event::Refused { peer, .. } | Event::Abandoned { peer, .. } => {
                    ledger.ended(peer, None);
                }
                _ => ledger.server_failed(),
            })
        });
        ledger.server_rests(
            server.clients(),
            server.tally(),
            stack.net().listening(&listener),
        );
        next
    }
}
