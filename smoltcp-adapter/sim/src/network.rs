//! The network: hosts, links, what is under way, and the one clock, which jumps from event to event.
//!
//! Users build it and run it. Everything happens in an order that follows from the seed alone.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BinaryHeap};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::phy::Medium;
use smoltcp::wire::IpAddress;

use crate::application::{Application, Loop, Stack};
use crate::card::{Frame, Spare};
use crate::clock::Nanos;
use crate::counters::Counters;
use crate::error::Error;
use crate::host::{Host, HostId};
use crate::link::Link;
use crate::machine::{Boot, Machine, Program};
use crate::random::Random;
use crate::trace::Trace;
use crate::traffic::UnderWay;
use crate::wire::{Wire, nanos};

/// Hosts on links, under one virtual clock.
///
/// `'a` is how long applications and planned changes may borrow what is outside, such as a
/// [`Cell`](core::cell::Cell) for results.
pub struct Network<'a> {
    seed: u64,
    pub(crate) medium: Medium,
    pub(crate) now: Nanos,
    pub(crate) machines: Vec<Machine<'a>>,
    pub(crate) addresses: BTreeMap<IpAddress, usize>,
    /// Two for each link, there and back.
    pub(crate) wires: Vec<Wire>,
    /// Which wire leads from one host to another.
    pub(crate) routes: BTreeMap<(usize, usize), usize>,
    pub(crate) under_way: BinaryHeap<UnderWay>,
    /// Of packets under way and changes: of two at the same time, the one planned first comes first.
    pub(crate) sequence: u64,
    changes: BTreeMap<(Nanos, u64), Change<'a>>,
    pub(crate) spare: Spare,
    pub(crate) sent: Vec<Frame>,
    /// Packets that no wire took.
    pub(crate) unroutable: Counters,
    pub(crate) trace: Option<Trace>,
}

/// Stands for a link of one network. Another network does nothing with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(usize);

type Change<'a> = Box<dyn FnOnce(&mut Network<'a>) + 'a>;

impl<'a> Network<'a> {
    /// An empty network of IP packets without a link layer below, at time 0.
    pub fn new(seed: u64) -> Self {
        Self::of(seed, Medium::Ip)
    }

    /// An empty network of Ethernet frames, whose hosts find each other by ARP and NDISC.
    ///
    /// Mind smoltcp's neighbor cache, which has 8 places unless its features
    /// `iface-neighbor-cache-count-*` say otherwise.
    pub fn ethernet(seed: u64) -> Self {
        Self::of(seed, Medium::Ethernet)
    }

    fn of(seed: u64, medium: Medium) -> Self {
        Self {
            seed,
            medium,
            now: 0,
            machines: Vec::new(),
            addresses: BTreeMap::new(),
            wires: Vec::new(),
            routes: BTreeMap::new(),
            under_way: BinaryHeap::new(),
            sequence: 0,
            changes: BTreeMap::new(),
            spare: Spare::default(),
            sent: Vec::new(),
            unroutable: Counters::ZERO,
            trace: None,
        }
    }

    /// Adds a host, which is down until it is [booted](Self::boot).
    ///
    /// # Errors
    ///
    /// Its addresses are taken or too many, or its MTU is too small.
    pub fn add(&mut self, host: Host) -> Result<HostId, Error> {
        let limit = IFACE_MAX_ADDR_COUNT;
        if host.addresses.len() > limit {
            return Err(Error::TooManyAddresses { limit });
        }
        let least = host.least_mtu();
        if host.mtu < least {
            return Err(Error::MtuTooSmall { least });
        }
        for cidr in &host.addresses {
            if self.addresses.contains_key(&cidr.address()) {
                return Err(Error::AddressTaken(cidr.address()));
            }
        }
        let place = self.machines.len();
        for cidr in &host.addresses {
            self.addresses.insert(cidr.address(), place);
        }
        if let Some(trace) = &mut self.trace {
            trace.name(&host.name);
        }
        let chance = Random::new(self.seed).child(HOSTS).child(place as u64);
        let spare = Spare::clone(&self.spare);
        self.machines
            .push(Machine::new(host, self.medium, place, chance, spare));
        Ok(HostId(place))
    }

    /// Puts a link between two hosts, the same in both directions.
    ///
    /// # Errors
    ///
    /// There are no such two hosts, or they share a link already.
    pub fn link(&mut self, a: HostId, b: HostId, plan: Link) -> Result<LinkId, Error> {
        self.link_with(a, b, plan.clone(), plan)
    }

    /// Puts a link between two hosts that differs in its directions, `there` being from `a` to `b`.
    ///
    /// # Errors
    ///
    /// There are no such two hosts, or they share a link already.
    pub fn link_with(
        &mut self,
        a: HostId,
        b: HostId,
        there: Link,
        back: Link,
    ) -> Result<LinkId, Error> {
        if a.0.max(b.0) >= self.machines.len() {
            return Err(Error::UnknownHost);
        }
        if a == b {
            return Err(Error::SameHost);
        }
        if self.routes.contains_key(&(a.0, b.0)) {
            return Err(Error::AlreadyLinked);
        }
        let link = LinkId(self.wires.len() / 2);
        for (from, to, plan) in [(a.0, b.0, there), (b.0, a.0, back)] {
            let place = self.wires.len();
            let chance = Random::new(self.seed).child(WIRES).child(place as u64);
            self.wires.push(Wire::new(from, to, plan, chance));
            self.routes.insert((from, to), place);
        }
        Ok(link)
    }

    /// Boots a host with an application on plain smoltcp sockets: `start` makes it, now and after
    /// every [`reboot`](Self::reboot). It may add sockets first.
    pub fn boot<A, S>(&mut self, host: HostId, mut start: S)
    where
        A: Application + 'a,
        S: FnMut(&mut Stack) -> A + 'a,
    {
        self.boot_program(host, move |boot| Loop::new(boot, &mut start));
    }

    /// Boots a host with a program that polls smoltcp itself: `load` makes it, now and after every
    /// [`reboot`](Self::reboot).
    pub fn boot_program<P, L>(&mut self, host: HostId, mut load: L)
    where
        P: Program + 'a,
        L: FnMut(Boot) -> P + 'a,
    {
        let now = self.now;
        if let Some(machine) = self.machines.get_mut(host.0) {
            let loader = move |boot| -> Box<dyn Program + 'a> { Box::new(load(boot)) };
            machine.install(Box::new(loader), now);
        }
    }

    /// Takes a host down: its stack, sockets and program are lost. It boots after `downtime`.
    pub fn reboot(&mut self, host: HostId, downtime: Duration) {
        let back = self.now.saturating_add(nanos(downtime));
        if let Some(machine) = self.machines.get_mut(host.0) {
            machine.fail(back);
        }
    }

    /// Has a host polled in the next step, as somebody outside gave its program something to do.
    pub fn wake(&mut self, host: HostId) {
        if let Some(machine) = self.machines.get_mut(host.0)
            && !machine.is_down()
        {
            machine.wake = Some(self.now);
        }
    }

    /// Changes what a link does to packets that are sent from now on.
    pub fn change(&mut self, link: LinkId, plan: &Link) {
        for wire in self.wires_of(link) {
            wire.change(plan.clone());
        }
    }

    /// Cuts a link. What is under way on it is lost.
    pub fn cut(&mut self, link: LinkId) {
        for wire in self.wires_of(link) {
            wire.set_cut(true);
        }
    }

    /// Mends a link that was cut.
    pub fn mend(&mut self, link: LinkId) {
        for wire in self.wires_of(link) {
            wire.set_cut(false);
        }
    }

    /// Parts these hosts from all others, until [`heal`](Self::heal). What is under way between
    /// them is lost.
    pub fn partition(&mut self, hosts: &[HostId]) {
        for wire in &mut self.wires {
            let inside = |place| hosts.contains(&HostId(place));
            if inside(wire.from) != inside(wire.to) {
                wire.set_partitioned(true);
            }
        }
    }

    /// Ends all partitions. Links that were cut stay so.
    pub fn heal(&mut self) {
        for wire in &mut self.wires {
            wire.set_partitioned(false);
        }
    }

    /// Plans a change for a time since the start; at once, if that has passed.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use smoltcp_sim::{Host, Link, Network};
    /// # let mut network = Network::new(1);
    /// # let a = network.add(Host::new("a", "10.0.0.1/24".parse().unwrap()))?;
    /// # let b = network.add(Host::new("b", "10.0.0.2/24".parse().unwrap()))?;
    /// let link = network.link(a, b, Link::new())?;
    /// network.at(Duration::from_secs(5), move |network| network.cut(link));
    /// network.at(Duration::from_secs(9), move |network| network.mend(link));
    /// # Ok::<(), smoltcp_sim::Error>(())
    /// ```
    pub fn at(&mut self, time: Duration, change: impl FnOnce(&mut Self) + 'a) {
        let key = (nanos(time).max(self.now), self.sequence);
        self.sequence += 1;
        self.changes.insert(key, Box::new(change));
    }

    /// Keeps a [`Trace`] of every packet from now on.
    pub fn record(&mut self) {
        if self.trace.is_none() {
            let mut trace = Trace::new(self.medium);
            for machine in &self.machines {
                trace.name(&machine.plan.name);
            }
            self.trace = Some(trace);
        }
    }

    /// The packets so far, since [`record`](Self::record).
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The seed from which everything follows.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The time since the start.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now)
    }

    /// The name of a host.
    pub fn name(&self, host: HostId) -> Option<&str> {
        Some(self.machines.get(host.0)?.plan.name.as_str())
    }

    /// What happened to packets, on all links together.
    pub fn counters(&self) -> Counters {
        let mut sum = self.unroutable;
        for wire in &self.wires {
            sum += &wire.counters;
        }
        sum
    }

    /// What happened to packets on one link, in both directions.
    pub fn link_counters(&self, link: LinkId) -> Counters {
        let mut sum = Counters::default();
        for wire in self.wires.iter().skip(link.0 * 2).take(2) {
            sum += &wire.counters;
        }
        sum
    }

    /// When the next event is due. `None`: never, until somebody changes something.
    pub fn next_event(&self) -> Option<Duration> {
        self.next().map(Duration::from_nanos)
    }

    /// Goes on to the next event, and does all that is due then. `None`: there is none.
    pub fn step(&mut self) -> Option<Duration> {
        let time = self.next()?;
        self.step_to(time);
        Some(self.now())
    }

    /// Runs up to a time since the start, what is due at that time included. Time ends after 584
    /// years; what is due then, such as a packet with a latency of [`Duration::MAX`], never is.
    pub fn run_until(&mut self, time: Duration) {
        self.run_while(time, || true);
    }

    /// Runs for so long.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now().saturating_add(time));
    }

    /// Runs while the condition holds, up to a time since the start at the latest. Says whether the
    /// condition came to an end.
    pub fn run_while(&mut self, time: Duration, mut condition: impl FnMut() -> bool) -> bool {
        let end = nanos(time);
        while condition() {
            match self.next() {
                Some(next) if next <= end => self.step_to(next),
                _ => {
                    self.now = self.now.max(end);
                    return !condition();
                }
            }
        }
        true
    }

    fn next(&self) -> Option<Nanos> {
        let change = self.changes.first_key_value().map(|((time, _), _)| *time);
        let arrival = self.under_way.peek().map(|packet| packet.arrival);
        let wake = self.machines.iter().filter_map(|machine| machine.wake);
        let next = wake.chain(change).chain(arrival).min();
        // What is due at the end of time never is: time can't go on from there.
        next.filter(|next| *next < Nanos::MAX)
    }

    fn step_to(&mut self, time: Nanos) {
        self.now = self.now.max(time);
        while let Some(entry) = self.changes.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            entry.remove()(self);
        }
        while let Some(packet) = self.under_way.peek() {
            if packet.arrival > self.now {
                break;
            }
            if let Some(packet) = self.under_way.pop() {
                self.arrive(packet);
            }
        }
        for place in 0..self.machines.len() {
            self.run_machine(place);
        }
    }

    fn wires_of(&mut self, link: LinkId) -> impl Iterator<Item = &mut Wire> {
        self.wires.iter_mut().skip(link.0 * 2).take(2)
    }
}

/// Labels of the streams of chance.
const HOSTS: u64 = 1;
const WIRES: u64 = 2;

impl fmt::Debug for Network<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("seed", &self.seed)
            .field("medium", &self.medium)
            .field("now", &self.now())
            .field("hosts", &self.machines.len())
            .finish_non_exhaustive()
    }
}
