//! The lab on smoltcp: a probe, core's server and its responder on one stack, over a loopback
//! device, under virtual time.
//!
//! Time stands still while frames move; then it jumps to what is due next.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use embedded_io::{Error as _, ErrorKind};
use greet_core::limits::Limits;
use greet_core::probe::{Ability, Dial, Lab};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::transport::Datagrams as _;
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::{Connection, Stream};
use smoltcp::iface::Config;
use smoltcp::phy::{Medium, PcapMode, PcapSink, PcapWriter};
use smoltcp::wire::{HardwareAddress, IpCidr};

use super::{V4, leak};

/// How many clients the server holds, and how many connections the probe does.
const PLACES: usize = 8;

/// Counts what crosses the device.
struct Frames(Rc<Cell<usize>>);

impl PcapSink for Frames {
    fn write(&mut self, _: &[u8]) {
        self.0.set(self.0.get() + 1);
    }
}

type Device = PcapWriter<Loopback<8, 9014>, Frames>;

/// A stack that grades itself.
pub struct SmoltcpLab {
    stack: Stack<'static, Device>,
    frames: Rc<Cell<usize>>,
    listener: Listener,
    server: Server<Connection, PLACES>,
    inbox: Binding,
    responder: Responder<16>,
    sender: Binding,
    slots: [Option<Connection>; PLACES],
    now: Duration,
}

impl SmoltcpLab {
    /// A lab, and what it grades.
    ///
    /// # Panics
    ///
    /// The stack has no room for its sockets.
    pub fn new() -> Self {
        let frames = Rc::new(Cell::new(0));
        let sink = Frames(Rc::clone(&frames));
        let device = PcapWriter::new(Loopback::new(Medium::Ip), sink, PcapMode::TxOnly);
        let slots = leak(SocketSlots::<40, 8>::new());
        let network = IpCidr::new(V4, 24);
        let config = Config::new(HardwareAddress::Ip);
        let mut stack = Stack::new(device, config, &[network], slots).expect("room");
        let net = stack.net();
        let places = leak(TcpBuffers::<PLACES, 1024, 1031>::new());
        let listener = net.listen(places, 8000).expect("room");
        let clients = leak(TcpBuffers::<24, 1024, 2048>::new());
        net.add_clients(clients).expect("room");
        let inbox = leak(UdpBuffers::<64, 18_000, 18_000>::new());
        let inbox = net.bind(inbox, 8001).expect("room");
        let outbox = leak(UdpBuffers::<64, 18_000, 18_000>::new());
        let sender = net.bind(outbox, 0).expect("room");
        Self {
            stack,
            frames,
            listener,
            server: Server::new(Limits::DEFAULT),
            inbox,
            responder: Responder::new(REPLIES_PER_SECOND),
            sender,
            slots: [const { None }; PLACES],
            now: Duration::from_secs(1_000),
        }
    }

    fn poll(&mut self) -> Option<Duration> {
        let Self {
            stack,
            listener,
            server,
            inbox,
            responder,
            now,
            ..
        } = self;
        stack.poll(*now, |net| {
            let next = server.poll(&mut listener.on(net), *now, |_| {});
            let more = responder.poll(&mut inbox.on(net), *now, |_| {});
            next.into_iter().chain(more).min()
        })
    }
}

impl Default for SmoltcpLab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab for SmoltcpLab {
    type Stream<'a> = Stream<'a, 'static>;

    fn now(&mut self) -> Duration {
        self.now
    }

    fn wait(&mut self, until: Duration) {
        let before = self.frames.get();
        let next = self.poll();
        if self.frames.get() == before {
            let next = next.map_or(until, |next| next.min(until));
            self.now = self.now.max(next);
        }
    }

    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn connect(&mut self, slot: usize, _: Dial) -> Result<(), ErrorKind> {
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        let server = SocketAddr::new(V4.into(), 8000);
        let connected = self.stack.net().connect(server);
        *place = Some(connected.map_err(|_| ErrorKind::OutOfMemory)?);
        Ok(())
    }

    fn stream(&mut self, slot: usize) -> Option<Stream<'_, 'static>> {
        let connection = self.slots.get(slot)?.as_ref()?;
        Some(connection.on(self.stack.net()))
    }

    fn close(&mut self, slot: usize) {
        if let Some(connection) = self.slots.get_mut(slot).and_then(Option::take) {
            self.poll(); // RST leaves
            connection.release(self.stack.net());
            self.poll();
        }
    }

    fn lacks(&self, ability: Ability) -> Option<&'static str> {
        match ability {
            Ability::Tight => Some("the buffers of a stack's sockets are what they are"),
            Ability::HalfOpen => Some("the sockets of this stack complete their handshakes"),
            _ => None,
        }
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), ErrorKind>> {
        let receiver = SocketAddr::new(V4.into(), 8001);
        let mut socket = self.sender.on(self.stack.net());
        socket
            .send_to(datagram, receiver)
            .map_err(|error| error.kind())
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        let mut socket = self.sender.on(self.stack.net());
        socket
            .receive_from(buffer)
            .map_ok(|(len, _)| len)
            .map_err(|error| error.kind())
    }
}
