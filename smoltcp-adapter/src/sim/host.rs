//! A host: its plan, which users write, and the machine that runs by it, which the network polls.
//!
//! The stack is smoltcp's own, and the application any code that can be polled.

use core::time::Duration;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

use smoltcp::iface::{Config, Interface, PollResult, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::{ETHERNET_HEADER_LEN, HardwareAddress, IpAddress, IpCidr};

use super::clock::{Clock, Nanos};
use super::device::{Device, Frame};
use super::packet;
use super::random::Random;

/// What a host is like. Give it to [`Network::add`](super::Network::add).
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) name: String,
    pub(super) addresses: Vec<IpCidr>,
    pub(super) mtu: usize,
    pub(super) drift: i32,
    pub(super) checksums: ChecksumCapabilities,
}

/// Stands for a host of one network. Another network does nothing with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(super) usize);

/// What an application works with: smoltcp's interface and sockets, and a source of chance.
pub struct Stack {
    /// The interface. Polling it is the network's business.
    pub interface: Interface,
    /// The sockets, none at first.
    pub sockets: SocketSet<'static>,
    /// Chance that follows from the network's seed, for ports and the like.
    pub random: Random,
}

/// What runs on a host: any code that can be polled.
///
/// A closure `FnMut(&mut Stack, Duration) -> Option<Duration>` is one.
pub trait Application {
    /// Does what can be done at `now`, and says when to be polled again at the latest.
    ///
    /// It is polled after smoltcp's interface was, as in any loop around smoltcp, until neither
    /// moves anything. Times are those of the host's clock, which counts from its boot.
    fn poll(&mut self, stack: &mut Stack, now: Duration) -> Option<Duration>;
}

impl<F: FnMut(&mut Stack, Duration) -> Option<Duration>> Application for F {
    fn poll(&mut self, stack: &mut Stack, now: Duration) -> Option<Duration> {
        self(stack, now)
    }
}

impl Host {
    /// A host with one address; its prefix says which addresses it reaches without a gateway.
    pub fn new(name: &str, address: IpCidr) -> Self {
        Self {
            name: name.into(),
            addresses: [address].into(),
            mtu: 1500,
            drift: 0,
            checksums: ChecksumCapabilities::default(),
        }
    }

    /// Gives it one more address.
    #[must_use]
    pub fn address(mut self, address: IpCidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// The largest IP packet that it sends, 1500 bytes by default.
    #[must_use]
    pub fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }

    /// Its clock is fast by so many parts in a million; slow, if less than 0.
    #[must_use]
    pub fn drift(mut self, parts_per_million: i32) -> Self {
        self.drift = parts_per_million;
        self
    }

    /// Which checksums its stack makes and checks: all by default.
    #[must_use]
    pub fn checksums(mut self, checksums: ChecksumCapabilities) -> Self {
        self.checksums = checksums;
        self
    }

    /// The least MTU that its addresses allow (RFC 791, RFC 8200).
    pub(super) fn least_mtu(&self) -> usize {
        let has_ipv6 = |cidr: &IpCidr| matches!(cidr.address(), IpAddress::Ipv6(_));
        if self.addresses.iter().any(has_ipv6) {
            1280
        } else {
            576
        }
    }
}

/// Makes the application, at every boot anew.
type Boot<'a> = Box<dyn FnMut(&mut Stack) -> Box<dyn Application + 'a> + 'a>;

/// A host of a running network.
pub(super) struct Machine<'a> {
    pub(super) plan: Host,
    /// When it must be polled at the latest.
    pub(super) wake: Option<Nanos>,
    medium: Medium,
    place: usize,
    chance: Random,
    boots: u64,
    boot: Option<Boot<'a>>,
    running: Option<Running<'a>>,
}

struct Running<'a> {
    clock: Clock,
    device: Device,
    stack: Stack,
    application: Option<Box<dyn Application + 'a>>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        plan: Host,
        medium: Medium,
        place: usize,
        chance: Random,
        now: Nanos,
    ) -> Self {
        let mut machine = Self {
            plan,
            wake: None,
            medium,
            place,
            chance,
            boots: 0,
            boot: None,
            running: None,
        };
        machine.start(now);
        machine
    }

    /// Boots anew, with this application from now on.
    pub(super) fn install(&mut self, boot: Boot<'a>, now: Nanos) {
        self.boot = Some(boot);
        self.start(now);
    }

    /// Loses its state, and boots at `back`.
    pub(super) fn fail(&mut self, back: Nanos) {
        self.running = None;
        self.wake = Some(back);
    }

    /// Whether it is between two boots.
    pub(super) fn is_down(&self) -> bool {
        self.running.is_none()
    }

    /// Gives it a frame, which is lost if it is down.
    pub(super) fn receive(&mut self, frame: Frame, now: Nanos) {
        if let Some(running) = &mut self.running {
            running.device.received.push_back(frame);
            self.wake = Some(now);
        }
    }

    /// Does all that is to do at `now`, with `spare` frames. What it sent is put into `sent`.
    pub(super) fn run(&mut self, now: Nanos, spare: &mut Vec<Frame>, sent: &mut Vec<Frame>) {
        if self.running.is_none() {
            self.start(now);
        }
        let Some(running) = &mut self.running else {
            return;
        };
        core::mem::swap(&mut running.device.spare, spare);
        core::mem::swap(&mut running.device.sent, sent);
        self.wake = running.turn(now);
        core::mem::swap(&mut running.device.sent, sent);
        core::mem::swap(&mut running.device.spare, spare);
    }

    fn start(&mut self, now: Nanos) {
        let chance = self.chance.child(self.boots);
        self.boots += 1;
        let mtu = match self.medium {
            Medium::Ethernet => self.plan.mtu + ETHERNET_HEADER_LEN,
            _ => self.plan.mtu,
        };
        let mut device = Device::new(self.medium, mtu, self.plan.checksums.clone());
        let mut config = Config::new(match self.medium {
            Medium::Ethernet => HardwareAddress::Ethernet(packet::hardware_address(self.place)),
            _ => HardwareAddress::Ip,
        });
        config.random_seed = chance.child(0).next_u64();
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            // The network has made sure that there is room.
            addresses.extend(
                self.plan
                    .addresses
                    .iter()
                    .copied()
                    .take(addresses.capacity()),
            );
        });
        let mut stack = Stack {
            interface,
            sockets: SocketSet::new(Vec::new()),
            random: chance.child(1),
        };
        let application = self.boot.as_mut().map(|boot| boot(&mut stack));
        self.running = Some(Running {
            clock: Clock::started(now, self.plan.drift),
            device,
            stack,
            application,
        });
        self.wake = Some(now);
    }
}

impl Running<'_> {
    /// Polls stack and application until neither moves anything. Returns when to come back.
    fn turn(&mut self, now: Nanos) -> Option<Nanos> {
        let micros = self.clock.shows(now);
        let instant = Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
        let mut wanted = None;
        let mut first = true;
        loop {
            let Stack {
                interface, sockets, ..
            } = &mut self.stack;
            let moved = interface.poll(instant, &mut self.device, sockets);
            if moved == PollResult::None && !first {
                break;
            }
            first = false;
            let Some(application) = &mut self.application else {
                break;
            };
            wanted = application.poll(&mut self.stack, Duration::from_micros(micros));
        }
        let Stack {
            interface, sockets, ..
        } = &mut self.stack;
        let due = interface
            .poll_at(instant, sockets)
            .map(|at| u64::try_from(at.total_micros()).unwrap_or(0));
        let wanted =
            wanted.map(|at| u64::try_from(at.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX));
        let next = match (due, wanted) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        // Whoever asks to come back at once is asked again when the clock has moved: time goes on.
        next.map(|micros_next| self.clock.reaches(micros_next.max(micros + 1)))
    }
}
