//! The lab on one stack that grades itself, over a loopback device.
//!
//! Time stands still while frames move; then it jumps to what is due next.

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use embedded_io::ErrorKind;
use greet_core::probe::{Dial, Mode, Need, ProbeStack, StackError};
use greet_core::time::Instant;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::SocketSlots;
use greet_smoltcp::stream::Stream;
use smoltcp::iface::Config;
use smoltcp::phy::{self, Device, Medium, PcapMode, PcapSink, PcapWriter};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::leak;
use super::prober::{self, Prober, send_syn};
use super::subject::{self, Running, Subject};

/// The stack's own address, and nobody's.
type Addresses = [IpAddress; 2];
const V4: Addresses = [IpAddress::v4(192, 0, 2, 1), IpAddress::v4(192, 0, 2, 99)];
const V6: Addresses = [
    IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1),
    IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 99),
];

/// The adapter's own device, with frames so long that the longest datagram needs no fragments.
type Ring = Loopback<8, 9014>;

/// Counts what crosses the device.
struct Frames(Rc<Cell<usize>>);

impl PcapSink for Frames {
    fn write(&mut self, _: &[u8]) {
        self.0.set(self.0.get() + 1);
    }
}

/// A stack that grades itself, over this loopback device.
pub struct SmoltcpLab<D: Device = Ring> {
    stack: Stack<'static, PcapWriter<D, Frames>>,
    nobody: IpAddress,
    frames: Rc<Cell<usize>>,
    prober: Prober,
    server: Running,
    now: Instant,
}

impl SmoltcpLab {
    /// A lab on IP without frames, and what it grades.
    pub fn new(subject: Subject) -> Self {
        Self::over(Ring::new, Medium::Ip, V4, subject)
    }

    /// The same over IPv6.
    pub fn over_ipv6(subject: Subject) -> Self {
        Self::over(Ring::new, Medium::Ip, V6, subject)
    }

    /// On Ethernet, where hosts look for each other by ARP.
    pub fn on_ethernet(subject: Subject) -> Self {
        Self::over(Ring::new, Medium::Ethernet, V4, subject)
    }

    /// On Ethernet, where hosts look for each other by neighbor discovery.
    pub fn on_ethernet_over_ipv6(subject: Subject) -> Self {
        Self::over(Ring::new, Medium::Ethernet, V6, subject)
    }
}

impl SmoltcpLab<phy::Loopback> {
    /// Over smoltcp's own loopback device, which needs a heap and verifies no checksums.
    pub fn on_its_own_device(subject: Subject) -> Self {
        Self::over(phy::Loopback::new, Medium::Ethernet, V4, subject)
    }
}

impl<D: Device> SmoltcpLab<D> {
    fn over(
        device: fn(Medium) -> D,
        medium: Medium,
        [address, nobody]: Addresses,
        subject: Subject,
    ) -> Self {
        let frames = Rc::new(Cell::new(0));
        let sink = Frames(Rc::clone(&frames));
        let device = PcapWriter::new(device(medium), sink, PcapMode::TxOnly);
        let slots = leak(SocketSlots::<{ prober::SOCKETS + subject::SOCKETS }, 8>::new());
        let config = Config::new(match medium {
            Medium::Ethernet => HardwareAddress::Ethernet(prober::HARDWARE),
            Medium::Ip => HardwareAddress::Ip,
        });
        let network = IpCidr::new(address, 24);
        let mut stack = Stack::new(device, config, &[network], slots).expect("room");
        let server = subject.start(stack.net());
        let prober = Prober::new(stack.net(), address);
        Self {
            stack,
            nobody,
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

impl<D: Device> ProbeStack for SmoltcpLab<D> {
    type Stream<'a>
        = Stream<'a, 'static>
    where
        D: 'a;

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

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        self.prober.connect(self.stack.net(), slot, mode, dial)
    }

    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        self.prober.connect_again(self.stack.net(), slot, mode)
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

    fn unsupported(&self, _: Need) -> Option<&'static str> {
        None
    }

    fn half_open(&mut self, count: usize) -> Result<(), StackError> {
        let server = self.prober.server();
        for port in (20_000..).take(count) {
            send_syn(self.stack.device(), self.nobody, server, port)?;
            self.poll();
        }
        Ok(())
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        self.prober.send_datagram(self.stack.net(), datagram)
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        self.prober.receive_datagram(self.stack.net(), buffer)
    }
}
