//! What really happened on the wires: a fault that was asked for, but hit nothing, counts nothing.

use core::ops::AddAssign;

/// Packets counted by what became of them.
///
/// Every packet that was sent, and every copy made on the way, is delivered, or dropped for one
/// reason, or still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Packets that hosts handed to the network.
    pub sent: u64,
    /// Packets and copies that came to a host.
    pub delivered: u64,
    /// The bytes in those.
    pub delivered_bytes: u64,
    /// Lost by chance, each for itself.
    pub lost: u64,
    /// Lost in a burst.
    pub lost_in_bursts: u64,
    /// Lost by a [`Rule`](crate::Rule).
    pub lost_by_rules: u64,
    /// Copies that were made.
    pub duplicated: u64,
    /// Packets and copies that came after one that was sent later.
    pub reordered: u64,
    /// Packets in which a bit was flipped.
    pub corrupted: u64,
    /// Dropped as the queue before the wire was full.
    pub queue_full: u64,
    /// Dropped as they were larger than the link's MTU.
    pub oversize: u64,
    /// Dropped as the link was cut, while they were under way or before.
    pub cut: u64,
    /// Dropped as a partition stood between the hosts.
    pub partitioned: u64,
    /// Dropped as the host that they came to was rebooting.
    pub host_down: u64,
    /// Dropped as no link leads to their destination.
    pub no_route: u64,
}

impl Counters {
    pub(crate) const ZERO: Self = Self {
        sent: 0,
        delivered: 0,
        delivered_bytes: 0,
        lost: 0,
        lost_in_bursts: 0,
        lost_by_rules: 0,
        duplicated: 0,
        reordered: 0,
        corrupted: 0,
        queue_full: 0,
        oversize: 0,
        cut: 0,
        partitioned: 0,
        host_down: 0,
        no_route: 0,
    };

    /// All packets and copies that were dropped, whatever the reason.
    pub fn dropped(&self) -> u64 {
        self.lost
            + self.lost_in_bursts
            + self.lost_by_rules
            + self.queue_full
            + self.oversize
            + self.cut
            + self.partitioned
            + self.host_down
            + self.no_route
    }
}

impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.delivered_bytes += other.delivered_bytes;
        self.lost += other.lost;
        self.lost_in_bursts += other.lost_in_bursts;
        self.lost_by_rules += other.lost_by_rules;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.corrupted += other.corrupted;
        self.queue_full += other.queue_full;
        self.oversize += other.oversize;
        self.cut += other.cut;
        self.partitioned += other.partitioned;
        self.host_down += other.host_down;
        self.no_route += other.no_route;
    }
}
