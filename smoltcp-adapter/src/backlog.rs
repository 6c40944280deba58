//! The backlog: the SYN segments of clients who came while no socket listened.
//!
//! Kept whole as frames, and handed to smoltcp again as if they had just come. Only the
//! [`gate`](crate::gate) parks and takes them.

use core::ops::Range;

use smoltcp::time::{Duration, Instant};

use crate::gate::Gate;

/// The longest SYN without payload: headers of Ethernet and IPv6, and of TCP with all its options.
const LONGEST_SYN: usize = 14 + 40 + 60;

/// A client that hasn't repeated its SYN for so long has given up, or will be back. Covers the
/// first three retransmissions of common stacks, which double their pauses from 1 s.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// All clients who wait, in no order.
pub(crate) struct Backlog<'a> {
    parked: &'a mut [Parked],
    /// Nobody waits for certain. Spares a look at each.
    empty: bool,
}

/// One client's SYN, or room for one.
pub(crate) struct Parked {
    frame: [u8; LONGEST_SYN],
    /// 0: there is none.
    len: u8,
    port: u16,
    /// When it came first, and when last.
    since: Instant,
    seen: Instant,
}

impl Parked {
    pub(crate) const NONE: Self = Self {
        frame: [0; LONGEST_SYN],
        len: 0,
        port: 0,
        since: Instant::ZERO,
        seen: Instant::ZERO,
    };

    pub(crate) fn frame(&self) -> &[u8] {
        self.frame.get(..self.len.into()).unwrap_or_default()
    }

    pub(crate) fn free(&mut self) {
        self.len = 0;
    }

    fn waits(&self, now: Instant) -> bool {
        self.len > 0 && self.seen + PATIENCE >= now
    }
}

impl<'a> Backlog<'a> {
    pub(crate) fn new(parked: &'a mut [Parked]) -> Self {
        Self {
            parked,
            empty: true,
        }
    }

    /// Keeps the SYN `frame` to `port`, if there is room. `peer` is where its bytes tell clients
    /// apart. One that is here already shows that its client still waits.
    pub(crate) fn park(&mut self, frame: &[u8], peer: Range<usize>, port: u16, now: Instant) {
        let Ok(len) = u8::try_from(frame.len()) else {
            return;
        };
        if frame.len() > LONGEST_SYN {
            return;
        }
        let client = frame.get(peer.clone());
        let known =
            |parked: &Parked| parked.waits(now) && parked.frame().get(peer.clone()) == client;
        let (slot, since) = if let Some(slot) = self.parked.iter_mut().find(|slot| known(slot)) {
            let since = slot.since;
            (slot, since)
        } else if let Some(slot) = self.parked.iter_mut().find(|slot| !slot.waits(now)) {
            (slot, now)
        } else {
            return;
        };
        // Not copy_from_slice, which keeps a panic where the compiler doesn't see equal lengths.
        for (to, from) in slot.frame.iter_mut().zip(frame) {
            *to = *from;
        }
        slot.len = len;
        slot.port = port;
        slot.since = since;
        slot.seen = now;
        self.empty = false;
    }

    /// The client who has waited longest among those whose gate is open, as an index.
    pub(crate) fn next(&mut self, gates: &[Gate], now: Instant) -> Option<usize> {
        if self.empty {
            return None;
        }
        self.empty = !self.parked.iter().any(|parked| parked.waits(now));
        let ready = |parked: &Parked| {
            let open = |gate: &Gate| gate.open && gate.endpoint.port == parked.port;
            parked.waits(now) && gates.iter().any(open)
        };
        let clients = self.parked.iter().enumerate();
        clients
            .filter(|(_, parked)| ready(parked))
            .min_by_key(|(_, parked)| parked.since)
            .map(|(index, _)| index)
    }

    pub(crate) fn get(&mut self, index: usize) -> Option<&mut Parked> {
        self.parked.get_mut(index)
    }
}
