//! Every packet that was sent, and what became of it: what pcap files and ladders are made of.
//!
//! The network writes it, when asked to [record](crate::Network::record); users read it.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use smoltcp::phy::Medium;
use smoltcp::time::Instant;

use crate::clock::{self, Nanos};
use crate::fate::{Loss, Passage};
use crate::host::HostId;

/// All packets of a network, in the order in which they were sent.
#[derive(Clone, Debug)]
pub struct Trace {
    medium: Medium,
    names: Vec<String>,
    records: Vec<Record>,
    /// The bytes of all packets, one behind the other.
    bytes: Vec<u8>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is still under way.
    UnderWay,
    /// It came to the host.
    Delivered {
        /// When it came.
        at: Instant,
        /// One that was sent later came before it.
        overtaken: bool,
    },
    /// It was dropped.
    Lost(Loss),
}

/// One packet of a [`Trace`].
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Who sent it.
    pub from: HostId,
    /// Who shall receive it, if a link leads there.
    pub to: Option<HostId>,
    /// When it was sent.
    pub sent: Instant,
    /// What became of it.
    pub end: End,
    /// The network made it, as a copy of another.
    pub is_copy: bool,
    /// The network flipped one of its bits.
    pub is_corrupt: bool,
    /// The network held it back, so that later ones could overtake it.
    pub was_held: bool,
    /// The frame as it was sent.
    pub sent_bytes: &'a [u8],
    /// The frame as it arrives.
    pub bytes: &'a [u8],
}

#[derive(Clone, Debug)]
struct Record {
    from: HostId,
    to: Option<HostId>,
    sent: Instant,
    end: End,
    is_copy: bool,
    was_held: bool,
    sent_bytes: Range<usize>,
    bytes: Range<usize>,
}

impl Trace {
    pub(crate) const fn new(medium: Medium) -> Self {
        Self {
            medium,
            names: Vec::new(),
            records: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// All packets, in the order in which they were sent.
    pub fn packets(&self) -> impl DoubleEndedIterator<Item = Packet<'_>> + ExactSizeIterator {
        self.records.iter().map(|record| Packet {
            from: record.from,
            to: record.to,
            sent: record.sent,
            end: record.end,
            is_copy: record.is_copy,
            is_corrupt: record.bytes != record.sent_bytes,
            was_held: record.was_held,
            sent_bytes: self.slice(&record.sent_bytes),
            bytes: self.slice(&record.bytes),
        })
    }

    /// What the frames are: IP packets, or Ethernet frames.
    pub fn medium(&self) -> Medium {
        self.medium
    }

    /// The names of the hosts, in the order in which they were added.
    pub fn host_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// A host was added.
    pub(crate) fn name(&mut self, host: &str) {
        self.names.push(host.into());
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    fn keep(&mut self, frame: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame);
        start..self.bytes.len()
    }

    /// A packet is sent. Later calls name it by the number returned, unless there are too many.
    pub(crate) fn sent(
        &mut self,
        from: HostId,
        to: Option<HostId>,
        now: Nanos,
        frame: &[u8],
    ) -> Option<u32> {
        let number = u32::try_from(self.records.len()).ok()?;
        let bytes = self.keep(frame);
        self.records.push(Record {
            from,
            to,
            sent: clock::shown(now),
            end: End::UnderWay,
            is_copy: false,
            was_held: false,
            sent_bytes: bytes.clone(),
            bytes,
        });
        Some(number)
    }

    /// A packet was put on the wire, and looks like this now.
    pub(crate) fn crossing(&mut self, number: Option<u32>, passage: &Passage, frame: &[u8]) {
        let corrupt = passage.flipped.map(|_| self.keep(frame));
        if let Some(record) = self.record(number) {
            record.was_held = passage.held;
            if let Some(bytes) = corrupt {
                record.bytes = bytes;
            }
        }
    }

    /// The network makes a copy of a packet.
    pub(crate) fn copied(&mut self, number: Option<u32>) -> Option<u32> {
        let copy = u32::try_from(self.records.len()).ok()?;
        let record = Record {
            is_copy: true,
            ..self.record(number)?.clone()
        };
        self.records.push(record);
        Some(copy)
    }

    /// A packet has arrived, and was overtaken or not; or it was lost.
    pub(crate) fn ended(&mut self, number: Option<u32>, now: Nanos, end: Result<bool, Loss>) {
        if let Some(record) = self.record(number) {
            record.end = match end {
                Ok(overtaken) => End::Delivered {
                    at: clock::shown(now),
                    overtaken,
                },
                Err(loss) => End::Lost(loss),
            };
        }
    }

    fn record(&mut self, number: Option<u32>) -> Option<&mut Record> {
        self.records.get_mut(usize::try_from(number?).ok()?)
    }
}
