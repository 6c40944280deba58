//! The lab on one stack that grades itself, over a loopback device.
//!
//! Time stands still while frames move; then it jumps to what is due next.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use embedded_io::ErrorKind;
use greet_core::probe::{Ability, Dial, Lab, LabError};
use greet_core::time::Instant;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::SocketSlots;
use greet_smoltcp::stream::Stream;
use smoltcp::iface::Config;
use smoltcp::phy::{Medium, PcapMode, PcapSink, PcapWriter};
use smoltcp::wire::{HardwareAddress, IpCidr, Ipv4Address};

use super::prober::{self, Prober, send_syn};
use super::subject::{PLACES, Running, Subject};
use crate::loopback::leak;

const ADDRESS: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
const NOBODY: Ipv4Address = Ipv4Address::new(192, 0, 2, 99);

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
    prober: Prober,
    server: Running,
    now: Instant,
}

impl SmoltcpLab {
    /// A lab, and what it grades.
    ///
    /// # Panics
    ///
    /// The stack has no room for its sockets.
    pub fn new(subject: Subject) -> Self {
        let frames = Rc::new(Cell::new(0));
        let sink = Frames(Rc::clone(&frames));
        let device = PcapWriter::new(Loopback::new(Medium::Ip), sink, PcapMode::TxOnly);
        let slots = leak(SocketSlots::<{ prober::SOCKETS + PLACES + 1 }, 8>::new());
        let network = IpCidr::new(ADDRESS.into(), 24);
        let config = Config::new(HardwareAddress::Ip);
        let mut stack = Stack::new(device, config, &[network], slots).expect("room");
        let server = subject.start(stack.net());
        let prober = Prober::new(stack.net(), ADDRESS);
        Self {
            stack,
            frames,
            prober,
            server,
            now: Instant::from_millis(1_000_000),
        }
    }

    fn poll(&mut self) -> Instant {
        let (server, now) = (&mut self.server, self.now);
        self.stack.poll(now, |net| server.poll(net, now))
    }
}

impl Lab for SmoltcpLab {
    type Stream<'a> = Stream<'a, 'static>;

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) {
        let before = self.frames.get();
        let next = self.poll();
        if self.frames.get() == before {
            self.now = self.now.max(next.min(until));
        }
    }

    fn slots(&self) -> usize {
        self.prober.slots()
    }

    fn connect(&mut self, slot: usize, dial: Dial) -> Result<(), LabError> {
        self.prober.connect(self.stack.net(), slot, dial)
    }

    fn stream(&mut self, slot: usize) -> Option<Stream<'_, 'static>> {
        let connection = self.prober.connection(slot)?;
        Some(connection.on(self.stack.net()))
    }

    fn close(&mut self, slot: usize) {
        if let Some(connection) = self.prober.take(slot) {
            self.poll(); // RST leaves
            connection.release(self.stack.net());
            self.poll();
        }
    }

    fn lacks(&self, _: Ability) -> Option<&'static str> {
        None
    }

    fn half_open(&mut self, count: usize) -> Result<(), LabError> {
        for port in (20_000..).take(count) {
            send_syn(self.stack.device(), NOBODY, ADDRESS, port)?;
            self.poll();
        }
        Ok(())
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), LabError>> {
        self.prober.send_datagram(self.stack.net(), datagram)
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        self.prober.receive_datagram(self.stack.net(), buffer)
    }
}
