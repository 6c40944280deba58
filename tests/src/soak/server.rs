//! The servers under test: core's polled server on this project's own stack, on a simulated host, one
//! for a name and one for lines.

use core::net::SocketAddr;
use core::task::Poll;

use embedded_io::ErrorType;
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::server::{Event, Server};
use greet_core::time::Instant;
use greet_core::transport::{Accepted, Listener, Sent, Stream};
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp_sim::Boot;

use super::ledger::Ledger;
use super::plan::{PORT, SERVER_SOCKETS, lines};
use crate::moments;

/// Clients served at once, and clients that may wait beyond the sockets that listen.
const PLACES: usize = 4;
const LINES_PLACES: usize = 3;
const BACKLOG: usize = 8;

/// Room for a whole reply.
const ROOMY: usize = 1031;
/// Room for a part of one.
const TIGHT: usize = 200;

/// The memory of one boot.
pub(super) struct Memory<'a> {
    slots: SocketSlots<'a, { SERVER_SOCKETS + lines::SOCKETS }, BACKLOG>,
    roomy: TcpBuffers<SERVER_SOCKETS, 1024, ROOMY>,
    tight: TcpBuffers<SERVER_SOCKETS, 1024, TIGHT>,
    lines: TcpBuffers<{ lines::SOCKETS }, 1024, ROOMY>,
}

impl Memory<'_> {
    pub(super) fn new() -> Self {
        Self {
            slots: SocketSlots::new(),
            roomy: TcpBuffers::new(),
            tight: TcpBuffers::new(),
            lines: TcpBuffers::new(),
        }
    }
}

pub(super) fn program<'a>(
    boot: Boot,
    memory: &'a mut Memory<'a>,
    tight: bool,
    ledger: &'a Ledger<'a>,
) -> impl FnMut(smoltcp::time::Instant) -> Option<smoltcp::time::Instant> + 'a {
    ledger.server_booted();
    ledger.lines.server_booted();
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
    let of_lines = net
        .listen(&mut memory.lines, lines::PORT)
        .expect("slots for all sockets");
    let mut server = Server::<_, PLACES>::new(Limits::DEFAULT);
    let mut line_server = Server::<_, LINES_PLACES, Lines>::serving(Limits::DEFAULT);
    move |now| {
        let now = moments::core(now);
        let due = stack.poll(now, |net| {
            let mut listening = Counting {
                inner: listener.on(net),
                ledger,
            };
            let due = server.poll(&mut listening, now, |event| match event {
                Event::Connected { peer } => ledger.connected(*peer),
                Event::Ended {
                    peer,
                    outcome,
                    machine,
                } => {
                    let name = machine.name().map_or("", |name| name.as_str());
                    ledger.ended(*peer, outcome, name);
                }
                _ => ledger.server_failed(),
            });
            let of_lines = line_server.poll(&mut of_lines.on(net), now, |event| match event {
                Event::Connected { peer } => ledger.lines.connected(*peer),
                Event::Ended { peer, outcome, .. } => ledger.lines.closed(*peer, outcome),
                _ => ledger.lines.server_failed(),
            });
            due.min(of_lines)
        });
        ledger.lines.server_rests(
            line_server.clients(),
            line_server.tally(),
            stack.net().listening(&of_lines),
        );
        ledger.server_rests(
            server.clients(),
            server.tally(),
            stack.net().listening(&listener),
        );
        moments::simulated(due)
    }
}

/// A listener whose streams tell the ledger how much is read from each client.
struct Counting<'l, 'p, L> {
    inner: L,
    ledger: &'l Ledger<'p>,
}

struct CountingStream<'l, 'p, S> {
    inner: S,
    peer: SocketAddr,
    ledger: &'l Ledger<'p>,
}

impl<L: Listener> Listener for Counting<'_, '_, L> {
    type Error = L::Error;
    type Handle = (L::Handle, SocketAddr);
    type Stream<'s>
        = CountingStream<'s, 's, L::Stream<'s>>
    where
        Self: 's;

    fn accept(&mut self, now: Instant) -> Poll<Result<Accepted<Self::Handle>, Self::Error>> {
        self.inner
            .accept(now)
            .map_ok(|(handle, peer)| ((handle, peer), peer))
    }

    fn due(&self) -> Instant {
        self.inner.due()
    }

    fn is_awaited(&mut self) -> bool {
        self.inner.is_awaited()
    }

    fn stream<'s>(&'s mut self, (handle, peer): &'s mut Self::Handle) -> Self::Stream<'s> {
        CountingStream {
            inner: self.inner.stream(handle),
            peer: *peer,
            ledger: self.ledger,
        }
    }

    fn release(&mut self, (handle, _): Self::Handle) {
        self.inner.release(handle);
    }
}

impl<S: Stream> ErrorType for CountingStream<'_, '_, S> {
    type Error = S::Error;
}

impl<S: Stream> Stream for CountingStream<'_, '_, S> {
    const TAKES_ALL: bool = S::TAKES_ALL;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, S::Error>> {
        let received = self.inner.receive(buffer);
        if let Poll::Ready(Ok(n)) = received {
            self.ledger.read(self.peer, n);
        }
        received
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, S::Error>> {
        self.inner.send(bytes)
    }

    fn finish(&mut self) -> Poll<Result<(), S::Error>> {
        self.inner.finish()
    }

    fn send_last(&mut self, bytes: &[u8]) -> Poll<Result<Sent, S::Error>> {
        self.inner.send_last(bytes)
    }

    fn in_one_segment(&self, len: usize) -> bool {
        self.inner.in_one_segment(len)
    }

    fn abort(&mut self) {
        self.inner.abort();
    }
}
