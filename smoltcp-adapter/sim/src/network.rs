//! The network: hosts, the fabric between them, and the one clock, which jumps from event to event.
//!
//! Users build it and run it. Everything happens in an order that follows from the seed alone.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::phy::Medium;
use smoltcp::time::Instant;

use crate::application::{Application, Loop, Stack};
use crate::card::{Frame, Spare};
use crate::clock::{self, Nanos, nanos};
use crate::counters::Counters;
use crate::error::Error;
use crate::fabric::Fabric;
use crate::fault::Fault;
use crate::host::{Host, HostId};
use crate::link::Link;
use crate::machine::{Boot, Machine, Program};
use crate::random::Random;
use crate::rule::Rule;
use crate::trace::Trace;

/// Hosts on links, under one virtual clock.
///
/// `'a` is how long applications and planned changes may borrow what is outside, such as a
/// [`Cell`](core::cell::Cell) for results.
pub struct Network<'a> {
    seed: u64,
    now: Nanos,
    fabric: Fabric,
    machines: Vec<Machine<'a>>,
    changes: BTreeMap<(Nanos, u64), Change<'a>>,
    /// Of two changes at the same time, the one planned first comes first.
    planned: u64,
    /// What the host that was polled last has sent.
    sent: Vec<Frame>,
    spare: Spare,
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
            now: 0,
            fabric: Fabric::new(medium),
            machines: Vec::new(),
            changes: BTreeMap::new(),
            planned: 0,
            sent: Vec::new(),
            spare: Spare::default(),
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
            if self.fabric.knows(cidr.address()) {
                return Err(Error::AddressTaken(cidr.address()));
            }
        }
        let place = self.machines.len();
        for cidr in &host.addresses {
            self.fabric.assign(cidr.address(), place);
        }
        if let Some(trace) = &mut self.fabric.trace {
            trace.add_host(&host.name);
        }
        let chance = Random::new(self.seed).child(HOSTS).child(place as u64);
        let spare = Spare::clone(&self.spare);
        let medium = self.fabric.medium;
        self.machines
            .push(Machine::new(host, medium, place, chance, spare));
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
        if self.fabric.are_linked(a.0, b.0) {
            return Err(Error::AlreadyLinked);
        }
        let chance = Random::new(self.seed).child(WIRES);
        let link = self.fabric.link([a.0, b.0], [there, back], &chance);
        Ok(LinkId(link))
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
            self.fabric.forget_stuck(host.0);
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
        for wire in self.fabric.wires_of(link.0) {
            wire.change(plan.clone());
        }
    }

    /// Cuts a link. What is under way on it is lost.
    pub fn cut(&mut self, link: LinkId) {
        for wire in self.fabric.wires_of(link.0) {
            wire.set_cut(true);
        }
    }

    /// Mends a link that was cut.
    pub fn mend(&mut self, link: LinkId) {
        for wire in self.fabric.wires_of(link.0) {
            wire.set_cut(false);
        }
    }

    /// Parts these hosts from all others, until [`heal`](Self::heal). What is under way between
    /// them is lost.
    pub fn partition(&mut self, hosts: &[HostId]) {
        self.fabric
            .partition(|place| hosts.contains(&HostId(place)));
    }

    /// Ends all partitions. Links that were cut stay so.
    pub fn heal(&mut self) {
        self.fabric.heal();
    }

    /// Plans a change for a moment; at once, if that has passed.
    ///
    /// ```
    /// # use smoltcp::time::Instant;
    /// # use smoltcp_sim::{Host, Link, Network};
    /// # let mut network = Network::new(1);
    /// # let a = network.add(Host::new("a", "10.0.0.1/24".parse().unwrap()))?;
    /// # let b = network.add(Host::new("b", "10.0.0.2/24".parse().unwrap()))?;
    /// let link = network.link(a, b, Link::new())?;
    /// network.at(Instant::from_secs(5), move |network| network.cut(link));
    /// network.at(Instant::from_secs(9), move |network| network.mend(link));
    /// # Ok::<(), smoltcp_sim::Error>(())
    /// ```
    pub fn at(&mut self, time: Instant, change: impl FnOnce(&mut Self) + 'a) {
        let key = (clock::moment(time).max(self.now), self.planned);
        self.planned += 1;
        self.changes.insert(key, Box::new(change));
    }

    /// Adds a fault by plan, for packets that are sent from now on over any link. Of several rules
    /// for one packet the one that was added first has its way.
    pub fn add_rule(&mut self, rule: Rule) {
        self.fabric.rules.push(rule);
    }

    /// The faults that chance has dealt since [`record`](Self::record), wire by wire. Without that call
    /// nobody has kept them, and there are none here.
    pub fn faults(&self) -> Vec<Fault> {
        self.fabric.faults()
    }

    /// Lets no other faults happen by chance than these: of those that the seed deals, the others
    /// are left out. [`shrink`](crate::shrink) finds the fewest with which something still fails.
    ///
    /// Latency, jitter, rates, cuts, reboots and [rules](Self::add_rule) stay as they are.
    pub fn only_faults(&mut self, faults: &[Fault]) {
        self.fabric.only(faults);
    }

    /// Keeps a [`Trace`] of every packet, and a list of all [`faults`](Self::faults), from now on.
    pub fn record(&mut self) {
        if self.fabric.trace.is_none() {
            let mut trace = Trace::new(self.fabric.medium);
            for machine in &self.machines {
                trace.add_host(&machine.plan.name);
            }
            self.fabric.record(trace);
        }
    }

    /// The packets so far, since [`record`](Self::record).
    pub fn trace(&self) -> Option<&Trace> {
        self.fabric.trace.as_ref()
    }

    /// The seed from which everything follows.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The moment that it has come to; it began at [`Instant::ZERO`].
    ///
    /// The network counts nanoseconds, as a packet may take less than a microsecond. What it says
    /// is the microsecond within which it is.
    pub fn now(&self) -> Instant {
        clock::shown(self.now)
    }

    /// The name of a host.
    pub fn name(&self, host: HostId) -> Option<&str> {
        Some(self.machines.get(host.0)?.plan.name.as_str())
    }

    /// What happened to packets, on all links together.
    pub fn counters(&self) -> Counters {
        self.fabric.counters()
    }

    /// What happened to packets on one link, in both directions.
    pub fn link_counters(&self, link: LinkId) -> Counters {
        self.fabric.link_counters(link.0)
    }

    /// When the next event is due. `None`: never, until somebody changes something.
    pub fn next_event(&self) -> Option<Instant> {
        // By then it has happened.
        let next = self.next()?;
        Some(clock::instant(next.div_ceil(1000)))
    }

    /// Goes on to the next event, and does all that is due then. `None`: there is none.
    pub fn step(&mut self) -> Option<Instant> {
        let time = self.next()?;
        self.step_to(time);
        Some(self.now())
    }

    /// Runs up to a moment, what is due then included. Time ends after 584 years; what is due then,
    /// such as a packet with a latency of [`Duration::MAX`], never is.
    pub fn run_until(&mut self, time: Instant) {
        self.run_to(clock::moment(time), || true);
    }

    /// Runs for so long.
    pub fn run_for(&mut self, time: Duration) {
        self.run_while(time, || true);
    }

    /// Runs while the condition holds, and for so long at most. Says whether the condition came to
    /// an end.
    pub fn run_while(&mut self, most: Duration, condition: impl FnMut() -> bool) -> bool {
        self.run_to(self.now.saturating_add(nanos(most)), condition)
    }

    fn run_to(&mut self, end: Nanos, mut condition: impl FnMut() -> bool) -> bool {
        let end = end.max(self.now);
        while condition() {
            match self.next() {
                Some(next) if next <= end => self.step_to(next),
                _ => {
                    self.now = end;
                    return !condition();
                }
            }
        }
        true
    }

    fn next(&self) -> Option<Nanos> {
        let change = self.changes.first_key_value().map(|((time, _), _)| *time);
        let wake = self.machines.iter().filter_map(|machine| machine.wake);
        let next = wake.chain(change).chain(self.fabric.next()).min();
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
        while let Some((to, arrival)) = self.fabric.pop(self.now) {
            let Some(machine) = self.machines.get_mut(to) else {
                continue;
            };
            let spare = &mut self.spare.borrow_mut();
            let is_down = machine.is_down();
            if let Some(frame) = self.fabric.deliver(arrival, is_down, self.now, spare) {
                machine.receive(frame, self.now);
            }
        }
        let now = self.now;
        for (place, machine) in self.machines.iter_mut().enumerate() {
            if machine.wake.is_none_or(|wake| wake > now) {
                continue;
            }
            machine.run(now, &mut self.sent);
            for frame in self.sent.drain(..) {
                let len = frame.len();
                let own = &machine.plan.addresses;
                let spare = &mut self.spare.borrow_mut();
                let taken = self.fabric.send(place, own, frame, now, spare);
                machine.sends(len, now, taken);
            }
            machine.sent(now);
        }
    }
}

/// Labels of the streams of chance.
const HOSTS: u64 = 1;
const WIRES: u64 = 2;

impl fmt::Debug for Network<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("seed", &self.seed)
            .field("medium", &self.fabric.medium)
            .field("now", &self.now())
            .field("hosts", &self.machines.len())
            .finish_non_exhaustive()
    }
}
