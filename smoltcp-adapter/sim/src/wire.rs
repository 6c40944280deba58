//! One direction of a link: decides the fate of each packet, by its plan and by chance.
//!
//! Fabric and devices call it; it sees lengths and times, no bytes. Each kind of fault draws from a
//! stream of its own, by the packet's number: leaving one fault out of a plan changes nothing in
//! the others.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::clock::{Nanos, nanos};
use crate::counters::Counters;
use crate::fate::{Fate, Loss, Passage};
use crate::fault::{Fault, FaultKind};
use crate::link::Link;
use crate::random::{Probability, Random, scale};
use crate::rule::Deed;

pub(crate) struct Wire {
    pub(crate) counters: Counters,
    number: usize,
    plan: Link,
    /// The faults that chance has dealt, if somebody wants to know.
    faults: Option<Vec<Fault>>,
    /// Of those that chance deals, these alone happen.
    only: Option<BTreeSet<Fault>>,
    chance: Random,
    streams: [Random; Kind::COUNT],
    /// The number of the first packet that this chance befell.
    first: u64,
    /// In the midst of a burst of losses.
    ill: bool,
    /// When the last bit of the last packet has left the queue.
    free_at: Nanos,
    /// When the last packet comes that keeps the order.
    last_arrival: Nanos,
    /// One more than the number of the newest packet that has arrived.
    arrived: u64,
    is_cut: bool,
    is_partitioned: bool,
    /// Rises with every cut and partition: what was under way then is lost.
    epoch: u32,
}

#[derive(Clone, Copy)]
enum Kind {
    Loss,
    Burst,
    BurstLoss,
    Jitter,
    Reordering,
    Duplication,
    CopyJitter,
    Corruption,
    Bit,
}

impl Kind {
    const COUNT: usize = Self::Bit as usize + 1;
}

impl Wire {
    pub(crate) fn new(number: usize, plan: Link, chance: Random) -> Self {
        Self {
            counters: Counters::default(),
            number,
            plan,
            faults: None,
            only: None,
            streams: core::array::from_fn(|kind| chance.child(kind as u64)),
            chance,
            first: 0,
            ill: false,
            free_at: 0,
            last_arrival: 0,
            arrived: 0,
            is_cut: false,
            is_partitioned: false,
            epoch: 0,
        }
    }

    /// Keeps the faults from now on.
    pub(crate) fn keep_faults(&mut self) {
        self.faults.get_or_insert_default();
    }

    pub(crate) fn faults(&self) -> &[Fault] {
        self.faults.as_deref().unwrap_or_default()
    }

    /// Lets no other faults happen than these.
    pub(crate) fn only(&mut self, faults: &[Fault]) {
        let own = faults.iter().filter(|fault| fault.wire == self.number);
        self.only = Some(own.copied().collect());
    }

    pub(crate) fn change(&mut self, plan: Link) {
        self.plan = plan;
    }

    /// Another chance, from the next packet on.
    pub(crate) fn reseed(&mut self, chance: Random) {
        self.streams = core::array::from_fn(|kind| chance.child(kind as u64));
        self.chance = chance;
        self.first = self.counters.sent;
        self.ill = false;
    }

    pub(crate) fn set_cut(&mut self, is_cut: bool) {
        self.epoch = self.epoch.wrapping_add(u32::from(is_cut && !self.is_cut));
        self.is_cut = is_cut;
    }

    pub(crate) fn set_partitioned(&mut self, is_partitioned: bool) {
        let begins = is_partitioned && !self.is_partitioned;
        self.epoch = self.epoch.wrapping_add(u32::from(begins));
        self.is_partitioned = is_partitioned;
    }

    /// Takes a packet of `len` bytes on its way at `now`. Of `bits` bits one may be flipped; if
    /// there are none, the packet is lost instead. A rule may have decided on a deed. Says when its
    /// last bit has left as well.
    pub(crate) fn carry(
        &mut self,
        len: usize,
        bits: u64,
        deed: Option<Deed>,
        now: Nanos,
    ) -> (Fate, Nanos) {
        let number = self.counters.sent;
        self.counters.sent += 1;
        if let Some(loss) = self.severed() {
            return (self.drop(loss), now);
        }
        if len > self.plan.mtu {
            return (self.drop(Loss::Oversize), now);
        }
        match self.depart(len as u64, now) {
            Some(departure) => (self.cross(number, bits, deed, departure), departure),
            None => (self.drop(Loss::QueueFull), now),
        }
    }

    /// What becomes of a packet that has left.
    fn cross(&mut self, number: u64, bits: u64, deed: Option<Deed>, departure: Nanos) -> Fate {
        if deed == Some(Deed::Drop) {
            self.fall_ill_or_get_well(number);
            return self.drop(Loss::Rule);
        }
        if let Some(loss) = self.lose(number) {
            return self.drop(loss);
        }
        let flipped = if self.strikes(FaultKind::Corruption, self.plan.corruption, number) {
            if bits == 0 {
                return self.drop(Loss::Chance);
            }
            self.counters.corrupted += 1;
            Some(scale(self.draw(Kind::Bit, number), bits))
        } else {
            None
        };
        let due = departure
            .saturating_add(nanos(self.plan.latency))
            .saturating_add(self.jitter(Kind::Jitter, number))
            .max(self.last_arrival);
        let mut held = None;
        if self.strikes(FaultKind::Reordering, self.plan.reordering, number) {
            held = Some(self.plan.held);
        }
        if let Some(Deed::Delay(by)) = deed {
            held = Some(held.unwrap_or_default().saturating_add(by));
        }
        let arrival = if let Some(held) = held {
            due.saturating_add(nanos(held))
        } else {
            self.last_arrival = due;
            due
        };
        let is_doubled = self.strikes(FaultKind::Duplication, self.plan.duplication, number)
            || deed == Some(Deed::Duplicate);
        let copy = is_doubled.then(|| {
            self.counters.duplicated += 1;
            arrival.saturating_add(self.jitter(Kind::CopyJitter, number))
        });
        Fate::Carried(Passage {
            number,
            epoch: self.epoch,
            arrival,
            copy,
            held: held.is_some(),
            flipped,
        })
    }

    /// A packet has come to the end of the wire. Says whether it comes too late: after one that was
    /// sent later.
    pub(crate) fn arrive(&mut self, number: u64, epoch: u32, len: usize) -> Result<bool, Loss> {
        if epoch != self.epoch {
            return Err(self.lost(self.severed().unwrap_or(Loss::Cut)));
        }
        let overtaken = number + 1 < self.arrived;
        self.arrived = self.arrived.max(number + 1);
        self.counters.reordered += u64::from(overtaken);
        self.counters.delivered += 1;
        self.counters.delivered_bytes += len as u64;
        Ok(overtaken)
    }

    /// Counts a packet that was dropped.
    pub(crate) fn lost(&mut self, loss: Loss) -> Loss {
        let counters = &mut self.counters;
        *match loss {
            Loss::Chance => &mut counters.lost,
            Loss::Burst => &mut counters.lost_in_bursts,
            Loss::Rule => &mut counters.lost_by_rules,
            Loss::QueueFull => &mut counters.queue_full,
            Loss::Oversize => &mut counters.oversize,
            Loss::Cut => &mut counters.cut,
            Loss::Partition => &mut counters.partitioned,
            Loss::HostDown => &mut counters.host_down,
            Loss::NoRoute => &mut counters.no_route,
        } += 1;
        loss
    }

    fn drop(&mut self, loss: Loss) -> Fate {
        Fate::Dropped(self.lost(loss))
    }

    fn severed(&self) -> Option<Loss> {
        if self.is_cut {
            Some(Loss::Cut)
        } else {
            self.is_partitioned.then_some(Loss::Partition)
        }
    }

    /// When the packet's last bit is on the wire, unless the queue is full.
    fn depart(&mut self, len: u64, now: Nanos) -> Option<Nanos> {
        let Some(rate) = self.plan.rate else {
            return Some(now);
        };
        let start = self.free_at.max(now);
        let waiting = u128::from(start - now) * u128::from(rate) / 8_000_000_000;
        if waiting + u128::from(len) > u128::from(self.plan.queue).max(u128::from(len)) {
            return None;
        }
        self.free_at = start.saturating_add(len.saturating_mul(8_000_000_000) / rate);
        Some(self.free_at)
    }

    fn lose(&mut self, number: u64) -> Option<Loss> {
        self.fall_ill_or_get_well(number);
        if let Some(bursts) = self.plan.bursts
            && self.ill
            && self.strikes(FaultKind::BurstLoss, bursts.loss, number)
        {
            return Some(Loss::Burst);
        }
        self.strikes(FaultKind::Loss, self.plan.loss, number)
            .then_some(Loss::Chance)
    }

    fn fall_ill_or_get_well(&mut self, number: u64) {
        if let Some(bursts) = self.plan.bursts {
            let turns = if self.ill { bursts.end } else { bursts.begin };
            self.ill ^= self.happens(Kind::Burst, turns, number);
        }
    }

    /// Whether chance deals a fault, and it may happen. Keeps it, if somebody wants to know.
    ///
    /// Most links know few kinds of faults: one that never happens costs each packet a comparison.
    #[inline]
    fn strikes(&mut self, kind: FaultKind, probability: Probability, number: u64) -> bool {
        probability != Probability::NEVER && self.deals(kind, probability, number)
    }

    #[inline(never)]
    fn deals(&mut self, kind: FaultKind, probability: Probability, number: u64) -> bool {
        let stream = match kind {
            FaultKind::Loss => Kind::Loss,
            FaultKind::BurstLoss => Kind::BurstLoss,
            FaultKind::Reordering => Kind::Reordering,
            FaultKind::Duplication => Kind::Duplication,
            FaultKind::Corruption => Kind::Corruption,
        };
        if !probability.decides(self.draw(stream, number)) {
            return false;
        }
        let fault = Fault {
            wire: self.number,
            packet: number,
            kind,
        };
        if self
            .only
            .as_ref()
            .is_some_and(|only| !only.contains(&fault))
        {
            return false;
        }
        if let Some(faults) = &mut self.faults {
            faults.push(fault);
        }
        true
    }

    fn jitter(&self, kind: Kind, number: u64) -> Nanos {
        match nanos(self.plan.jitter) {
            0 => 0,
            most => scale(self.draw(kind, number), most.saturating_add(1)),
        }
    }

    fn happens(&self, kind: Kind, probability: Probability, number: u64) -> bool {
        probability != Probability::NEVER && probability.decides(self.draw(kind, number))
    }

    fn draw(&self, kind: Kind, number: u64) -> u64 {
        self.streams
            .get(kind as usize)
            .unwrap_or(&self.chance)
            .nth(number.saturating_sub(self.first))
    }
}
