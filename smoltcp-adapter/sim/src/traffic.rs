//! The way of a packet: from the host that sends it, over a wire or none, to the host that gets it.
//!
//! The network's clock calls it. What a wire does to a packet is [`wire`](crate::wire)'s business.

use core::cmp::Ordering;

use crate::card::Frame;
use crate::clock::Nanos;
use crate::host::HostId;
use crate::network::Network;
use crate::packet::{self, Destination};
use crate::trace::Loss;
use crate::wire::Fate;

/// A packet on a wire.
pub(crate) struct UnderWay {
    pub(crate) arrival: Nanos,
    sequence: u64,
    number: u64,
    wire: usize,
    epoch: u32,
    record: Option<u32>,
    frame: Frame,
}

impl Network<'_> {
    /// Lets a host do what is due, and sends what it wants sent.
    pub(crate) fn run_machine(&mut self, place: usize) {
        let Some(machine) = self.machines.get_mut(place) else {
            return;
        };
        if machine.wake.is_none_or(|wake| wake > self.now) {
            return;
        }
        let mut sent = core::mem::take(&mut self.sent);
        machine.run(self.now, &mut sent);
        for frame in sent.drain(..) {
            let len = frame.len();
            let taken = self.send(place, frame);
            if let Some(machine) = self.machines.get_mut(place) {
                machine.sends(len, self.now, taken);
            }
        }
        self.sent = sent;
        if let Some(machine) = self.machines.get_mut(place) {
            machine.sent(self.now);
        }
    }

    /// A packet has come to the end of its wire.
    pub(crate) fn arrive(&mut self, packet: UnderWay) {
        let Some(wire) = self.wires.get_mut(packet.wire) else {
            return;
        };
        let Some(machine) = self.machines.get_mut(wire.to) else {
            return;
        };
        let len = packet.frame.len();
        let end = if machine.is_down() {
            Err(wire.lost(Loss::HostDown))
        } else {
            wire.arrive(packet.number, packet.epoch, len)
        };
        if let Some(trace) = &mut self.trace {
            trace.ended(packet.record, self.now, end);
        }
        match end {
            Ok(_) => machine.receive(packet.frame, self.now),
            Err(_) => self.spare.borrow_mut().push(packet.frame),
        }
    }

    /// Sends a frame from a host to wherever it wants to go, and says when it has left the host.
    fn send(&mut self, from: usize, frame: Frame) -> Nanos {
        let own = self
            .machines
            .get(from)
            .map_or(&[][..], |machine| &machine.plan.addresses);
        let to = match packet::destination(self.medium, &frame, own) {
            Destination::Address(address) => self.addresses.get(&address).copied(),
            Destination::Host(place) => Some(place),
            Destination::Neighbors => return self.send_to_neighbors(from, frame),
            Destination::Unknown => None,
        };
        if let Some(wire) = to.and_then(|to| self.routes.get(&(from, to)).copied()) {
            return self.send_over(wire, frame);
        }
        self.unroutable.sent += 1;
        self.unroutable.no_route += 1;
        if let Some(trace) = &mut self.trace {
            let record = trace.sent(HostId(from), None, self.now, &frame);
            trace.ended(record, self.now, Err(Loss::NoRoute));
        }
        self.spare.borrow_mut().push(frame);
        self.now
    }

    fn send_to_neighbors(&mut self, from: usize, frame: Frame) -> Nanos {
        let mut taken = self.now;
        for place in 0..self.wires.len() {
            if self.wires.get(place).is_some_and(|wire| wire.from == from) {
                let copy = self.copy(&frame);
                taken = taken.max(self.send_over(place, copy));
            }
        }
        self.spare.borrow_mut().push(frame);
        taken
    }

    fn send_over(&mut self, place: usize, mut frame: Frame) -> Nanos {
        let Some(wire) = self.wires.get_mut(place) else {
            return self.now;
        };
        let guarded = packet::guarded_from(self.medium, &frame);
        let bits = (frame.len() - guarded) as u64 * 8;
        let (fate, taken) = wire.carry(packet::ip_len(self.medium, &frame), bits, self.now);
        let (from, to) = (HostId(wire.from), HostId(wire.to));
        let record = self
            .trace
            .as_mut()
            .and_then(|trace| trace.sent(from, Some(to), self.now, &frame));
        let passage = match fate {
            Fate::Carried(passage) => passage,
            Fate::Dropped(loss) => {
                if let Some(trace) = &mut self.trace {
                    trace.ended(record, self.now, Err(loss));
                }
                self.spare.borrow_mut().push(frame);
                return taken;
            }
        };
        if let Some(bit) = passage.flipped {
            flip(&mut frame, guarded, bit);
        }
        if let Some(trace) = &mut self.trace {
            trace.crossing(record, &passage, &frame);
        }
        let copy = passage.copy.map(|arrival| {
            let copy = self.copy(&frame);
            let record = self.trace.as_mut().and_then(|trace| trace.copied(record));
            (arrival, copy, record)
        });
        let original = (passage.arrival, frame, record);
        for (arrival, frame, record) in [Some(original), copy].into_iter().flatten() {
            self.under_way.push(UnderWay {
                arrival,
                sequence: self.sequence,
                number: passage.number,
                wire: place,
                epoch: passage.epoch,
                record,
                frame,
            });
            self.sequence += 1;
        }
        taken
    }

    fn copy(&mut self, frame: &[u8]) -> Frame {
        let mut copy = self.spare.borrow_mut().pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(frame);
        copy
    }
}

fn flip(frame: &mut [u8], from: usize, bit: u64) {
    let byte = from + usize::try_from(bit / 8).unwrap_or(usize::MAX);
    if let Some(byte) = frame.get_mut(byte) {
        *byte ^= 1 << (bit % 8);
    }
}

/// The heap gives out the greatest: the packet that arrives first.
impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrival, other.sequence).cmp(&(self.arrival, self.sequence))
    }
}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for UnderWay {}
