//! What may become of a packet on a wire, as plain values: wires decide it, traces keep it.

use crate::clock::Nanos;

/// Why a packet never came to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// By chance, for itself.
    Chance,
    /// By chance, in a burst.
    Burst,
    /// As a [`Rule`](crate::Rule) says.
    Rule,
    /// The queue before the wire was full.
    QueueFull,
    /// It was larger than the link's MTU.
    Oversize,
    /// The link was cut.
    Cut,
    /// A partition stood between the hosts.
    Partition,
    /// The host that it came to was rebooting.
    HostDown,
    /// No link leads to its destination.
    NoRoute,
}

impl Loss {
    /// The reason in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Chance => "lost by chance",
            Self::Burst => "lost in a burst",
            Self::Rule => "lost by a rule",
            Self::QueueFull => "dropped: queue full",
            Self::Oversize => "dropped: over the MTU",
            Self::Cut => "lost: link cut",
            Self::Partition => "lost: partition",
            Self::HostDown => "lost: host down",
            Self::NoRoute => "dropped: no link leads there",
        }
    }
}

/// What a wire does to one packet.
pub(crate) enum Fate {
    Dropped(Loss),
    Carried(Passage),
}

/// How a packet crosses.
pub(crate) struct Passage {
    pub(crate) number: u64,
    pub(crate) epoch: u32,
    pub(crate) arrival: Nanos,
    /// A copy arrives as well.
    pub(crate) copy: Option<Nanos>,
    pub(crate) held: bool,
    /// This bit is flipped, counted from the first that may be.
    pub(crate) flipped: Option<u64>,
}
