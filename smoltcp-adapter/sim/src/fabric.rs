//! What lies between the hosts: the wires, which of them leads where, and the packets under way.
//!
//! The network gives it what hosts send and takes from it what arrives. What a wire does to a
//! packet is [`wire`](crate::wire)'s business.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use smoltcp::phy::Medium;
use smoltcp::wire::{IpAddress, IpCidr};

use crate::card::Frame;
use crate::clock::Nanos;
use crate::counters::Counters;
use crate::fate::{Fate, Loss};
use crate::fault::Fault;
use crate::host::HostId;
use crate::link::Link;
use crate::packet::{self, Destination};
use crate::random::Random;
use crate::rule::{Deed, Rule};
use crate::segment::Segment;
use crate::trace::Trace;
use crate::transit::Transit;
use crate::wire::Wire;

/// All wires of a network, and what is on them.
pub(crate) struct Fabric {
    pub(crate) medium: Medium,
    pub(crate) trace: Option<Trace>,
    pub(crate) rules: Vec<Rule>,
    /// Which host has an address.
    addresses: BTreeMap<IpAddress, usize>,
    /// Two for each link, there and back.
    lines: Vec<Line>,
    /// Which line leads from one host to another.
    routes: BTreeMap<(usize, usize), usize>,
    under_way: Transit<Arrival>,
    /// Packets that no wire took.
    unroutable: Counters,
    /// The only faults that may happen by chance.
    only: Option<Vec<Fault>>,
}

/// A wire, and the hosts at its ends.
struct Line {
    from: usize,
    to: usize,
    wire: Wire,
    /// What waits in front of the wire for the next packet.
    stuck: Option<Frame>,
}

/// A packet that has come to the end of its wire.
pub(crate) struct Arrival {
    line: usize,
    number: u64,
    epoch: u32,
    record: Option<u32>,
    frame: Frame,
}

impl Fabric {
    pub(crate) fn new(medium: Medium) -> Self {
        Self {
            medium,
            trace: None,
            rules: Vec::new(),
            only: None,
            addresses: BTreeMap::new(),
            lines: Vec::new(),
            routes: BTreeMap::new(),
            under_way: Transit::new(),
            unroutable: Counters::ZERO,
        }
    }

    /// Whether a host has this address.
    pub(crate) fn knows(&self, address: IpAddress) -> bool {
        self.addresses.contains_key(&address)
    }

    pub(crate) fn assign(&mut self, address: IpAddress, host: usize) {
        self.addresses.insert(address, host);
    }

    pub(crate) fn are_linked(&self, a: usize, b: usize) -> bool {
        self.routes.contains_key(&(a, b))
    }

    /// Puts a link between two hosts, one plan for each direction, and says which it is.
    pub(crate) fn link(&mut self, ends: [usize; 2], plans: [Link; 2], chance: &Random) -> usize {
        let link = self.lines.len() / 2;
        let [a, b] = ends;
        for ((from, to), plan) in [(a, b), (b, a)].into_iter().zip(plans) {
            let place = self.lines.len();
            let mut wire = Wire::new(place, plan, chance.child(place as u64));
            if self.trace.is_some() {
                wire.keep_faults();
            }
            if let Some(only) = &self.only {
                wire.only(only);
            }
            let stuck = None;
            self.lines.push(Line {
                from,
                to,
                wire,
                stuck,
            });
            self.routes.insert((from, to), place);
        }
        link
    }

    /// Keeps what happens from now on: every packet, and every fault.
    pub(crate) fn record(&mut self, trace: Trace) {
        self.trace.get_or_insert(trace);
        for line in &mut self.lines {
            line.wire.keep_faults();
        }
    }

    /// The faults that chance has dealt, wire by wire.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let wires = self.lines.iter().map(|line| &line.wire);
        wires
            .flat_map(|wire| wire.faults().iter().copied())
            .collect()
    }

    /// Lets no other faults happen by chance than these.
    pub(crate) fn only(&mut self, faults: &[Fault]) {
        self.only = Some(faults.to_vec());
        for line in &mut self.lines {
            line.wire.only(faults);
        }
    }

    /// Another chance on all wires, from the next packet of each on.
    pub(crate) fn reseed(&mut self, chance: &Random) {
        for (place, line) in self.lines.iter_mut().enumerate() {
            line.wire.reseed(chance.child(place as u64));
        }
    }

    /// Both wires of a link.
    pub(crate) fn wires_of(&mut self, link: usize) -> impl Iterator<Item = &mut Wire> {
        let lines = self.lines.iter_mut().skip(link.saturating_mul(2)).take(2);
        lines.map(|line| &mut line.wire)
    }

    /// Parts the hosts that are inside from those that aren't.
    pub(crate) fn partition(&mut self, is_inside: impl Fn(usize) -> bool) {
        for line in &mut self.lines {
            if is_inside(line.from) != is_inside(line.to) {
                line.wire.set_partitioned(true);
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        for line in &mut self.lines {
            line.wire.set_partitioned(false);
        }
    }

    /// Loses what waits in a host for its next packet.
    pub(crate) fn forget_stuck(&mut self, host: usize) {
        for line in self.lines.iter_mut().filter(|line| line.from == host) {
            line.wire.counters.lost += u64::from(line.stuck.take().is_some());
        }
    }

    /// What happened to packets, on all wires together.
    pub(crate) fn counters(&self) -> Counters {
        let mut sum = self.unroutable;
        for line in &self.lines {
            sum += &line.wire.counters;
        }
        sum
    }

    pub(crate) fn link_counters(&self, link: usize) -> Counters {
        let mut sum = Counters::ZERO;
        for line in self.lines.iter().skip(link.saturating_mul(2)).take(2) {
            sum += &line.wire.counters;
        }
        sum
    }

    /// How many packets are under way.
    pub(crate) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// When the next packet arrives.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.under_way.next()
    }

    /// The next packet that has arrived by `now`, and to which host it comes.
    pub(crate) fn pop(&mut self, now: Nanos) -> Option<(usize, Arrival)> {
        let arrival = self.under_way.pop(now)?;
        let to = self.lines.get(arrival.line)?.to;
        Some((to, arrival))
    }

    /// Ends the way of a packet, at a host that is down or isn't. Gives the frame that the host
    /// gets.
    pub(crate) fn deliver(
        &mut self,
        arrival: Arrival,
        is_down: bool,
        now: Nanos,
        spare: &mut Vec<Frame>,
    ) -> Option<Frame> {
        let wire = &mut self.lines.get_mut(arrival.line)?.wire;
        let end = if is_down {
            Err(wire.lost(Loss::HostDown))
        } else {
            wire.arrive(arrival.number, arrival.epoch, arrival.frame.len())
        };
        if let Some(trace) = &mut self.trace {
            trace.ended(arrival.record, now, end);
        }
        if end.is_err() {
            spare.push(arrival.frame);
            return None;
        }
        Some(arrival.frame)
    }

    /// Sends a frame from a host, which has these addresses, to wherever it wants to go, and says
    /// when it has left the host.
    pub(crate) fn send(
        &mut self,
        from: usize,
        own: &[IpCidr],
        frame: Frame,
        now: Nanos,
        spare: &mut Vec<Frame>,
    ) -> Nanos {
        let to = match packet::destination(self.medium, &frame, own) {
            Destination::Address(address) => self.addresses.get(&address).copied(),
            Destination::Host(place) => Some(place),
            Destination::Neighbors => return self.send_to_neighbors(from, frame, now, spare),
            Destination::Unknown => None,
        };
        if let Some(line) = to.and_then(|to| self.routes.get(&(from, to)).copied()) {
            return self.send_over(line, frame, now, spare);
        }
        self.unroutable.sent += 1;
        self.unroutable.no_route += 1;
        if let Some(trace) = &mut self.trace {
            let record = trace.sent(HostId(from), None, now, &frame);
            trace.ended(record, now, Err(Loss::NoRoute));
        }
        spare.push(frame);
        now
    }

    fn send_to_neighbors(
        &mut self,
        from: usize,
        frame: Frame,
        now: Nanos,
        spare: &mut Vec<Frame>,
    ) -> Nanos {
        let mut taken = now;
        for line in 0..self.lines.len() {
            if self.lines.get(line).is_some_and(|line| line.from == from) {
                let copy = copy(&frame, spare);
                taken = taken.max(self.send_over(line, copy, now, spare));
            }
        }
        spare.push(frame);
        taken
    }

    /// Sends a frame over this wire, behind one that is stuck in front of it, and says when its last
    /// bit is on it.
    pub(crate) fn send_over(
        &mut self,
        place: usize,
        frame: Frame,
        now: Nanos,
        spare: &mut Vec<Frame>,
    ) -> Nanos {
        let deed = self.judge(&frame);
        let line = self.lines.get_mut(place);
        if let Some(stuck) = line.and_then(|line| line.stuck.take()) {
            self.put_on(place, stuck, None, now, spare);
        }
        if deed == Some(Deed::Stick)
            && let Some(line) = self.lines.get_mut(place)
        {
            line.stuck = Some(frame);
            return now;
        }
        self.put_on(place, frame, deed, now, spare)
    }

    /// Puts a frame on this wire, and says when its last bit is on it.
    fn put_on(
        &mut self,
        place: usize,
        mut frame: Frame,
        deed: Option<Deed>,
        now: Nanos,
        spare: &mut Vec<Frame>,
    ) -> Nanos {
        let Some(line) = self.lines.get_mut(place) else {
            return now;
        };
        let guarded = packet::guarded_from(self.medium, &frame);
        let bits = (frame.len() - guarded) as u64 * 8;
        let len = packet::ip_len(self.medium, &frame);
        let (fate, taken) = line.wire.carry(len, bits, deed, now);
        let (from, to) = (HostId(line.from), HostId(line.to));
        let record = self
            .trace
            .as_mut()
            .and_then(|trace| trace.sent(from, Some(to), now, &frame));
        let passage = match fate {
            Fate::Carried(passage) => passage,
            Fate::Dropped(loss) => {
                if let Some(trace) = &mut self.trace {
                    trace.ended(record, now, Err(loss));
                }
                spare.push(frame);
                return taken;
            }
        };
        if let Some(bit) = passage.flipped {
            packet::flip(&mut frame, guarded, bit);
        }
        if let Some(trace) = &mut self.trace {
            trace.crossing(record, &passage, &frame);
        }
        let copy = passage.copy.map(|arrival| {
            let copy = copy(&frame, spare);
            let record = self.trace.as_mut().and_then(|trace| trace.copied(record));
            (arrival, copy, record)
        });
        let original = (passage.arrival, frame, record);
        for (arrival, frame, record) in [Some(original), copy].into_iter().flatten() {
            self.under_way.push(
                arrival,
                Arrival {
                    line: place,
                    number: passage.number,
                    epoch: passage.epoch,
                    record,
                    frame,
                },
            );
        }
        taken
    }

    /// What the first rule that is for this packet does to it. All rules count it.
    fn judge(&mut self, frame: &[u8]) -> Option<Deed> {
        if self.rules.is_empty() {
            return None;
        }
        let segment = Segment::read(self.medium, frame)?;
        let judge = |first: Option<Deed>, rule: &mut Rule| first.or(rule.judge(&segment));
        self.rules.iter_mut().fold(None, judge)
    }
}

/// A copy of a frame, in a spare one if there is one.
pub(crate) fn copy(frame: &[u8], spare: &mut Vec<Frame>) -> Frame {
    let mut copy = spare.pop().unwrap_or_default();
    copy.clear();
    copy.extend_from_slice(frame);
    copy
}
