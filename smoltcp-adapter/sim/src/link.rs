//! The plan of a link: what it does to the packets that cross it in one direction.
//!
//! Users write it; [`wire`](crate::wire) follows it.

use core::time::Duration;

use crate::random::Probability;

/// What a link does to packets. A new one does nothing to them: no delay, no loss, no limit.
///
/// ```
/// use core::time::Duration;
/// use smoltcp_sim::{Bursts, Link, Probability};
///
/// let satellite = Link::new()
///     .latency(Duration::from_millis(300))
///     .jitter(Duration::from_millis(20))
///     .loss(Probability::percent(1))
///     .bursts(Bursts::new(Probability::parts_per_million(500), Probability::percent(20)))
///     .rate(2_000_000)
///     .queue(64 * 1024);
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
    pub(crate) loss: Probability,
    pub(crate) bursts: Option<Bursts>,
    pub(crate) duplication: Probability,
    pub(crate) reordering: Probability,
    pub(crate) held: Duration,
    pub(crate) corruption: Probability,
    pub(crate) rate: Option<u64>,
    pub(crate) queue: u64,
    pub(crate) mtu: usize,
}

/// Loss in bursts, by the model of Gilbert and Elliott: a link is well or ill, and packet by packet
/// it may fall ill or get well. An ill link loses all packets, unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Bursts {
    pub(crate) begin: Probability,
    pub(crate) end: Probability,
    pub(crate) loss: Probability,
}

impl Link {
    /// A link that carries everything at once and unharmed.
    pub const fn new() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Probability::NEVER,
            bursts: None,
            duplication: Probability::NEVER,
            reordering: Probability::NEVER,
            held: Duration::ZERO,
            corruption: Probability::NEVER,
            rate: None,
            queue: u64::MAX,
            mtu: usize::MAX,
        }
    }

    /// How long every packet is under way.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// How much longer some packets take: from nothing to `most`. The order is kept.
    #[must_use]
    pub const fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// How many packets are lost, each for itself.
    #[must_use]
    pub const fn loss(mut self, loss: Probability) -> Self {
        self.loss = loss;
        self
    }

    /// Packets are lost in bursts, besides those of [`loss`](Self::loss).
    #[must_use]
    pub const fn bursts(mut self, bursts: Bursts) -> Self {
        self.bursts = Some(bursts);
        self
    }

    /// How many packets arrive a second time, up to the jitter later.
    #[must_use]
    pub const fn duplication(mut self, duplication: Probability) -> Self {
        self.duplication = duplication;
        self
    }

    /// How many packets are held back so long, while later ones overtake them.
    #[must_use]
    pub const fn reordering(mut self, reordering: Probability, held: Duration) -> Self {
        self.reordering = reordering;
        self.held = held;
        self
    }

    /// In how many packets one bit is flipped. The Internet checksum always finds a single bit.
    ///
    /// On Ethernet the flipped bit is behind the Ethernet header, and a corrupt ARP frame is lost,
    /// as ARP relies on the frame check sequence that a real wire adds.
    #[must_use]
    pub const fn corruption(mut self, corruption: Probability) -> Self {
        self.corruption = corruption;
        self
    }

    /// How many bits leave in a second. 0 lifts the limit.
    #[must_use]
    pub const fn rate(mut self, bits_per_second: u64) -> Self {
        self.rate = if bits_per_second == 0 {
            None
        } else {
            Some(bits_per_second)
        };
        self
    }

    /// How many bytes may wait for the [`rate`](Self::rate); what comes then is dropped.
    #[must_use]
    pub const fn queue(mut self, bytes: u64) -> Self {
        self.queue = bytes;
        self
    }

    /// The largest IP packet that it carries; larger ones vanish, as on a path whose routers send
    /// no ICMP. [`Host::mtu`](crate::Host::mtu) keeps a host from sending such.
    #[must_use]
    pub const fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Bursts {
    /// With each packet, a well link falls ill with probability `begin`, and an ill one gets well
    /// with probability `end`. So a burst has `1 / end` packets on average.
    pub const fn new(begin: Probability, end: Probability) -> Self {
        Self {
            begin,
            end,
            loss: Probability::ALWAYS,
        }
    }

    /// How many packets an ill link loses.
    #[must_use]
    pub const fn loss(mut self, loss: Probability) -> Self {
        self.loss = loss;
        self
    }
}
