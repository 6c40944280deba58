//! The lab across a simulated network: the probe on one host, the server on another, and a link
//! that may misbehave.
//!
//! Time is the network's. It goes on by one event at most each time that a check waits.

use std::cell::{OnceCell, RefCell, RefMut};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use embedded_io::{ErrorKind, ErrorType};
use greet_core::probe::{Dial, Mode, Need, ProbeStack, StackError};
use greet_core::time::Instant;
use greet_core::transport;
use greet_smoltcp::error::StreamError;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::SocketSlots;
use greet_smoltcp::stream::{Connection, Stream};
use smoltcp::wire::{IpCidr, Ipv4Address};
use smoltcp_sim::{Boot, Card, Counters, Host, HostId, Link, LinkId, Network, Rule};

use super::leak;
use super::prober::{self, Prober, send_syn};
use super::subject::{self, Subject};
use crate::moments;

const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const PROBE: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const NOBODY: Ipv4Address = Ipv4Address::new(10, 0, 0, 99);

/// The end of time.
const END: smoltcp::time::Instant = smoltcp::time::Instant::from_micros_const(i64::MAX);

/// A probe and a server on two hosts of a simulated network.
pub struct SimulatedLab {
    network: Network<'static>,
    link: LinkId,
    host: HostId,
    stack: Rc<RefCell<Stack<'static, Card>>>,
    prober: Prober,
    untimely: Option<&'static str>,
}

impl SimulatedLab {
    /// A lab and what it grades, with this link between them, and packets of up to `mtu` bytes.
    ///
    /// # Panics
    ///
    /// The simulation refuses its plan, which doesn't depend on the seed.
    pub fn new(seed: u64, subject: Subject, link: Link, mtu: usize) -> Self {
        let mut network = Network::new(seed);
        let [server, host] = [("server", SERVER), ("probe", PROBE)].map(|(name, address)| {
            let address = IpCidr::new(address.into(), 24);
            let host = Host::new(name, address).mtu(mtu);
            network.add(host).expect("two addresses")
        });
        let link = network.link(server, host, link).expect("one link");
        network.boot_program(server, move |boot| {
            let mut stack = stack::<{ subject::SOCKETS }, 8>(boot);
            let mut server = subject.start(stack.net());
            move |now| {
                let now = moments::core(now);
                let next = stack.poll(now, |net| server.poll(net, now));
                moments::simulated(next)
            }
        });
        // The probe's stack is shared with the program that the network polls.
        let shared = Rc::new(OnceCell::new());
        let booted = Rc::clone(&shared);
        network.boot_program(host, move |boot| {
            let stack = stack::<{ prober::SOCKETS }, 0>(boot);
            let stack = booted.get_or_init(|| Rc::new(RefCell::new(stack)));
            let stack = Rc::clone(stack);
            move |now| {
                let next = stack
                    .borrow_mut()
                    .poll(moments::core(now), |_| Instant::NEVER);
                moments::simulated(next)
            }
        });
        let stack = Rc::clone(shared.get().expect("a host boots at once"));
        let prober = Prober::new(stack.borrow_mut().net(), SERVER.into());
        Self {
            network,
            link,
            host,
            stack,
            prober,
            untimely: None,
        }
    }

    /// The same, with the reason why segments don't arrive as they were sent.
    #[must_use]
    pub fn untimely(mut self, reason: &'static str) -> Self {
        self.untimely = Some(reason);
        self
    }

    /// The same, with the link cut from one time to another.
    #[must_use]
    pub fn cut(mut self, from: Duration, to: Duration) -> Self {
        let link = self.link;
        self.network
            .at(moments::at(from), move |network| network.cut(link));
        self.network
            .at(moments::at(to), move |network| network.mend(link));
        self
    }

    /// The same, with a fault by plan.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.network.add_rule(rule);
        self
    }

    /// What really happened to packets.
    pub fn counters(&self) -> Counters {
        self.network.counters()
    }

    /// Lets the probe's host do what it was given to do.
    fn settle(&mut self) {
        self.network.wake(self.host);
        self.network.run_until(self.network.now());
    }
}

fn stack<const SOCKETS: usize, const BACKLOG: usize>(boot: Boot) -> Stack<'static, Card> {
    let config = boot.config();
    let slots = leak(SocketSlots::<SOCKETS, BACKLOG>::new());
    Stack::new(boot.card, config, &boot.addresses, slots)
        .expect("the simulation's addresses fit its card")
}

impl ProbeStack for SimulatedLab {
    type Stream<'a> = Lent<'a>;

    fn now(&mut self) -> Instant {
        moments::core(self.network.now())
    }

    fn wait(&mut self, until: Instant) {
        let moved = |counters: Counters| (counters.sent, counters.delivered);
        let before = moved(self.network.counters());
        self.settle();
        if moved(self.network.counters()) != before {
            return;
        }
        match self.network.next_event() {
            Some(next) if moments::core(next) <= until => _ = self.network.step(),
            _ => self
                .network
                .run_until(moments::simulated(until).unwrap_or(END)),
        }
    }

    fn slots(&self) -> usize {
        self.prober.slots()
    }

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        self.prober
            .connect(self.stack.borrow_mut().net(), slot, mode, dial)
    }

    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        self.prober
            .connect_again(self.stack.borrow_mut().net(), slot, mode)
    }

    fn stream(&mut self, slot: usize) -> Option<Lent<'_>> {
        Some(Lent {
            connection: self.prober.connection(slot)?,
            stack: self.stack.borrow_mut(),
        })
    }

    fn close(&mut self, slot: usize) {
        if let Some(connection) = self.prober.take(slot) {
            self.settle(); // RST leaves
            connection.release(self.stack.borrow_mut().net());
            self.settle();
        }
    }

    fn unsupported(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Timing => self.untimely,
            _ => None,
        }
    }

    fn half_open(&mut self, count: usize) -> Result<(), StackError> {
        for port in (20_000..).take(count) {
            send_syn(
                self.stack.borrow_mut().device(),
                NOBODY.into(),
                SERVER.into(),
                port,
            )?;
        }
        self.settle();
        Ok(())
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        self.prober
            .send_datagram(self.stack.borrow_mut().net(), datagram)
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        self.prober
            .receive_datagram(self.stack.borrow_mut().net(), buffer)
    }
}

/// A connection of the shared stack, for as long as it is looked at.
pub struct Lent<'a> {
    connection: &'a Connection,
    stack: RefMut<'a, Stack<'static, Card>>,
}

impl Lent<'_> {
    fn stream(&mut self) -> Stream<'_, 'static> {
        self.connection.on(self.stack.net())
    }
}

impl ErrorType for Lent<'_> {
    type Error = StreamError;
}

impl transport::Stream for Lent<'_> {
    const TAKES_ALL: bool = <Stream<'_, '_> as transport::Stream>::TAKES_ALL;

    fn receive(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, StreamError>> {
        self.stream().receive(buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<Result<usize, StreamError>> {
        self.stream().send(bytes)
    }

    fn finish(&mut self) -> Poll<Result<(), StreamError>> {
        self.stream().finish()
    }

    fn abort(&mut self) {
        self.stream().abort();
    }
}
