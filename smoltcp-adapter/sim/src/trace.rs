//! Every packet that was sent, and what became of it: what pcap files and ladders are made of.
//!
//! The network writes it, when asked to [record](crate::Network::record); users read it.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use smoltcp::phy::Medium;
use smoltcp::time::Instant;

use crate::clock::{self, Nanos};
use crate::fate::{Loss, Passage};
use crate::host::HostId;

/// All packets of a network or a device, in the order in which they were sent.
///
/// [`Network::record`](crate::Network::record) and [`Impaired::record`](crate::Impaired::record)
/// write one. From frames of any other source it is made by hand:
///
/// ```
/// # fn frames() -> Vec<(Instant, bool, Vec<u8>)> { Vec::new() }
/// use smoltcp::phy::Medium;
/// use smoltcp::time::Instant;
/// use smoltcp_sim::{Ladder, Packet, Trace};
///
/// let mut trace = Trace::new(Medium::Ethernet);
/// let [board, desktop] = ["board", "desktop"].map(|name| trace.add_host(name));
/// for (time, is_from_board, frame) in frames() {
///     let (from, to) = if is_from_board { (board, desktop) } else { (desktop, board) };
///     trace.push(&Packet::new(from, to, time, &frame));
/// }
/// for flow in trace.flows() {
///     println!("{}", Ladder::new(&trace, &flow));
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Trace {
    medium: Medium,
    names: Vec<String>,
    records: Vec<Record>,
    /// The bytes of all packets, one behind the other.
    bytes: Vec<u8>,
    /// What somebody had to say about a packet.
    remarks: BTreeMap<usize, String>,
    /// How many packets were taken away before the first of these.
    taken: usize,
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

impl<'a> Packet<'a> {
    /// A frame that was seen at some moment and arrived, as far as anybody knows, in that moment.
    pub const fn new(from: HostId, to: HostId, seen: Instant, bytes: &'a [u8]) -> Self {
        Self {
            from,
            to: Some(to),
            sent: seen,
            end: End::Delivered {
                at: seen,
                overtaken: false,
            },
            is_copy: false,
            is_corrupt: false,
            was_held: false,
            sent_bytes: bytes,
            bytes,
        }
    }
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
    /// An empty trace of such frames.
    pub const fn new(medium: Medium) -> Self {
        Self {
            medium,
            names: Vec::new(),
            records: Vec::new(),
            bytes: Vec::new(),
            remarks: BTreeMap::new(),
            taken: 0,
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

    /// Adds a host, by whatever name.
    pub fn add_host(&mut self, name: &str) -> HostId {
        self.names.push(name.into());
        HostId(self.names.len() - 1)
    }

    /// Adds a packet, from whatever source: a device, a capture, a list. Add them in the order in
    /// which they were sent.
    pub fn push(&mut self, packet: &Packet<'_>) {
        let sent_bytes = self.keep(packet.sent_bytes);
        let bytes = if packet.is_corrupt {
            self.keep(packet.bytes)
        } else {
            sent_bytes.clone()
        };
        self.records.push(Record {
            from: packet.from,
            to: packet.to,
            sent: packet.sent,
            end: packet.end,
            is_copy: packet.is_copy,
            was_held: packet.was_held,
            sent_bytes,
            bytes,
        });
    }

    /// Says something about a packet, counted from 0 in the order in which they were added: a file has
    /// it as a comment, a ladder beside the arrow.
    pub fn remark(&mut self, packet: usize, words: &str) {
        self.remarks.insert(packet, words.into());
    }

    /// What was [said](Self::remark) about a packet.
    pub fn remark_on(&self, packet: usize) -> &str {
        self.remarks.get(&packet).map_or("", String::as_str)
    }

    /// Takes all packets out. What is under way stays so there; its end is told nobody.
    pub(crate) fn take(&mut self) -> Self {
        let next = Self {
            names: self.names.clone(),
            taken: self.taken + self.records.len(),
            ..Self::new(self.medium)
        };
        mem::replace(self, next)
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
        let number = self.next_number()?;
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
        let copy = self.next_number()?;
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
        let place = usize::try_from(number?).ok()?.checked_sub(self.taken)?;
        self.records.get_mut(place)
    }

    fn next_number(&self) -> Option<u32> {
        u32::try_from(self.taken + self.records.len()).ok()
    }
}
