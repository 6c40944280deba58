//! One direction of a link: decides the fate of each packet, by its plan and by chance.
//!
//! Fabric and devices call it; it sees lengths and times, no bytes. Each kind of fault draws from a
//! stream of its own, by the packet's number: leaving one fault out of a plan changes nothing in
//! the others.

use crate::clock::{Nanos, nanos};
use crate::counters::Counters;
use crate::fate::{Fate, Loss, Passage};
use crate::link::Link;
use crate::random::{Probability, Random, scale};

pub(crate) struct Wire {
    pub(crate) counters: Counters,
    plan: Link,
    chance: Random,
    streams: [Random; Kind::COUNT],
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
    pub(crate) fn new(plan: Link, chance: Random) -> Self {
        Self {
            counters: Counters::default(),
            plan,
            streams: core::array::from_fn(|kind| chance.child(kind as u64)),
            chance,
            ill: false,
            free_at: 0,
            last_arrival: 0,
            arrived: 0,
            is_cut: false,
            is_partitioned: false,
            epoch: 0,
        }
    }

    pub(crate) fn change(&mut self, plan: Link) {
        self.plan = plan;
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
    /// there are none, the packet is lost instead. Says when its last bit has left as well.
    pub(crate) fn carry(&mut self, len: usize, bits: u64, now: Nanos) -> (Fate, Nanos) {
        let number = self.counters.sent;
        self.counters.sent += 1;
        if let Some(loss) = self.severed() {
            return (self.drop(loss), now);
        }
        if len > self.plan.mtu {
            return (self.drop(Loss::Oversize), now);
        }
        match self.depart(len as u64, now) {
            Some(departure) => (self.cross(number, bits, departure), departure),
            None => (self.drop(Loss::QueueFull), now),
        }
    }

    /// What becomes of a packet that has left.
    fn cross(&mut self, number: u64, bits: u64, departure: Nanos) -> Fate {
        if let Some(loss) = self.lose(number) {
            return self.drop(loss);
        }
        let flipped = if self.happens(Kind::Corruption, self.plan.corruption, number) {
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
        let held = self.happens(Kind::Reordering, self.plan.reordering, number);
        let arrival = if held {
            due.saturating_add(nanos(self.plan.held))
        } else {
            self.last_arrival = due;
            due
        };
        let copy = self
            .happens(Kind::Duplication, self.plan.duplication, number)
            .then(|| {
                self.counters.duplicated += 1;
                arrival.saturating_add(self.jitter(Kind::CopyJitter, number))
            });
        Fate::Carried(Passage {
            number,
            epoch: self.epoch,
            arrival,
            copy,
            held,
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
        if let Some(bursts) = self.plan.bursts {
            let turns = if self.ill { bursts.end } else { bursts.begin };
            self.ill ^= self.happens(Kind::Burst, turns, number);
            if self.ill && self.happens(Kind::BurstLoss, bursts.loss, number) {
                return Some(Loss::Burst);
            }
        }
        self.happens(Kind::Loss, self.plan.loss, number)
            .then_some(Loss::Chance)
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
            .nth(number)
    }
}
