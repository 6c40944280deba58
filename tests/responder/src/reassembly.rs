//! Fragments of packets, put together (RFC 791, section 3.2; RFC 1122, section 3.3.2; RFC 8200, section 4.5;
//! RFC 5722). Those that overlap are dropped with all others of their packet.

use std::net::IpAddr;
use std::time::Duration;

use crate::fault::{Fault, Wrong};

/// So many packets are put together at once; then the oldest gives way.
const SLOTS: usize = 4;
/// How long the rest of a packet is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a packet can be.
const LONGEST: usize = 65_535;

/// Which packet a fragment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// From where it came.
    pub from: IpAddr,
    /// Where to.
    pub to: IpAddr,
    /// What is in it; IPv6 has nothing of this.
    pub protocol: u8,
    /// Its number.
    pub id: u32,
}

/// A fragment.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Where it stands in the packet.
    pub offset: usize,
    /// Whether another is behind it.
    pub has_more: bool,
    /// What is in it.
    pub bytes: &'a [u8],
    /// The packet that it came in.
    pub packet: &'a [u8],
    /// What the first one says of what is in the packet.
    pub protocol: u8,
}

/// A packet of which not all has come.
#[derive(Debug)]
struct Slot {
    key: Key,
    began: Duration,
    pieces: Vec<(usize, Vec<u8>)>,
    len: Option<usize>,
    /// The packet in which the first fragment came, and what is in it.
    first: Option<(Vec<u8>, u8)>,
    /// Fragments that overlapped have spoilt it.
    is_spoilt: bool,
}

/// What is being put together.
#[derive(Debug)]
pub struct Reassembly {
    wrong: Wrong,
    slots: Vec<Slot>,
    /// A fault has stopped it.
    pub is_dead: bool,
}

/// A packet that is whole again.
#[derive(Debug)]
pub struct Whole {
    /// What is in it.
    pub protocol: u8,
    /// The bytes of that.
    pub bytes: Vec<u8>,
    /// The packet in which its first fragment came.
    pub first: Vec<u8>,
}

/// A packet whose rest didn't come.
#[derive(Debug)]
pub struct Lost {
    /// Which it was.
    pub key: Key,
    /// The packet in which its first fragment came.
    pub first: Vec<u8>,
}

impl Reassembly {
    /// Without a fragment.
    pub fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            slots: Vec::new(),
            is_dead: false,
        }
    }

    /// Takes a fragment; the packet, once all of it is there.
    pub fn take(&mut self, key: Key, fragment: Fragment<'_>, now: Duration) -> Option<Whole> {
        if self.wrong.is(Fault::FragmentsIgnored) {
            return None;
        }
        let end = fragment.offset + fragment.bytes.len();
        if end > LONGEST {
            self.is_dead |= self.wrong.is(Fault::DiesOfFragments);
            return None;
        }
        let is_odd = fragment.has_more && !fragment.bytes.len().is_multiple_of(8);
        if is_odd || fragment.bytes.is_empty() {
            return None;
        }
        let at = self.slot(key, now)?;
        let is_held = self.slots[at].take(key, fragment, self.wrong);
        if !is_held {
            self.slots.remove(at);
            return None;
        }
        let whole = self.slots[at].whole()?;
        self.slots.remove(at);
        Some(whole)
    }

    /// The slot of a packet.
    fn slot(&mut self, key: Key, now: Duration) -> Option<usize> {
        let by_id = self.wrong.is(Fault::FragmentKeyIdOnly);
        let is_it = |slot: &Slot| slot.key == key || by_id && slot.key.id == key.id;
        if let Some(at) = self.slots.iter().position(is_it) {
            return Some(at);
        }
        if self.wrong.is(Fault::FragmentSlotForEver) && !self.slots.is_empty() {
            return None;
        }
        if self.slots.len() == SLOTS {
            self.slots.remove(0);
        }
        self.slots.push(Slot {
            key,
            began: now,
            pieces: Vec::new(),
            len: None,
            first: None,
            is_spoilt: false,
        });
        Some(self.slots.len() - 1)
    }

    /// When time brings something.
    pub fn due(&self) -> Option<Duration> {
        let oldest = self.slots.first()?;
        (!self.wrong.is(Fault::FragmentSlotForEver)).then_some(oldest.began + PATIENCE)
    }

    /// Forgets what has waited long enough; those whose first fragment came, and whose sender has to hear
    /// of it.
    pub fn expire(&mut self, now: Duration) -> Vec<Lost> {
        let mut lost = Vec::new();
        while self.due().is_some_and(|due| due <= now) {
            let slot = self.slots.remove(0);
            let first = slot.first.filter(|_| !slot.is_spoilt);
            lost.extend(first.map(|(first, _)| Lost {
                key: slot.key,
                first,
            }));
        }
        lost
    }
}

impl Slot {
    /// Takes a fragment. Whether the packet is still waited for.
    fn take(&mut self, key: Key, fragment: Fragment<'_>, wrong: Wrong) -> bool {
        let Fragment { offset, bytes, .. } = fragment;
        let end = offset + bytes.len();
        if self.is_spoilt {
            return true;
        }
        let held: usize = self.pieces.iter().map(|(_, piece)| piece.len()).sum();
        if wrong.is(Fault::FragmentOrder) && offset != held {
            return false;
        }
        if self
            .pieces
            .iter()
            .any(|(at, piece)| *at == offset && piece == bytes)
        {
            return true;
        }
        let overlaps = |(at, piece): &(usize, Vec<u8>)| *at < end && offset < at + piece.len();
        let is_beyond = self
            .len
            .is_some_and(|len| end > len || !fragment.has_more && end != len)
            || !fragment.has_more && self.pieces.iter().any(|(at, piece)| at + piece.len() > end);
        let takes_all = wrong.is(match key.from {
            IpAddr::V4(_) => Fault::FragmentOverlapMixed,
            IpAddr::V6(_) => Fault::Frag6OverlapTaken,
        });
        if !takes_all && (is_beyond || self.pieces.iter().any(overlaps)) {
            self.is_spoilt = true;
            self.pieces.clear();
            return true;
        }
        if !fragment.has_more {
            self.len = Some(end);
        }
        if offset == 0 || self.first.is_none() && wrong.is(Fault::ExpiryWithoutFirst) {
            self.first = Some((fragment.packet.to_vec(), fragment.protocol));
        }
        self.pieces.push((offset, bytes.to_vec()));
        true
    }

    /// All of it, if all is there: later pieces over earlier ones, where a fault lets them overlap.
    fn whole(&self) -> Option<Whole> {
        let (first, protocol) = self.first.as_ref()?;
        let mut bytes = vec![0; self.len?];
        let mut is_there = vec![false; bytes.len()];
        for (at, piece) in &self.pieces {
            let end = (at + piece.len()).min(bytes.len());
            let place = (*at).min(end)..end;
            bytes[place.clone()].copy_from_slice(&piece[..place.len()]);
            is_there[place].fill(true);
        }
        is_there.iter().all(|is_there| *is_there).then(|| Whole {
            protocol: *protocol,
            bytes,
            first: first.clone(),
        })
    }
}
