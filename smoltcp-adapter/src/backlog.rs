//! The backlog: the SYN segments of clients who came while no socket listened.
//!
//! Kept whole as frames, and handed to smoltcp again as if they had just come. Only the
//! [`syn_filter`](crate::syn_filter) parks and takes them.

use core::num::NonZeroU16;
use core::ops::Range;

use smoltcp::time::{Duration, Instant};

use crate::syn_filter::Gate;

/// The longest SYN without payload: headers of Ethernet and IPv6, and of TCP with all its options.
const LONGEST_SYN: usize = 14 + 40 + 60;

/// A client that hasn't repeated its SYN for as long as it had waited before, and so much longer, has
/// given up, or will be back. Common stacks double their pauses from 1 s: each is a second longer
/// than all before it together.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// How long it counts that somebody found no room: longer than the gaps of a flood that matters.
const OVERRUN_COUNTS: Duration = Duration::from_millis(250);

/// All clients who wait, in no order.
pub(crate) struct Backlog<'a> {
    parked: &'a mut [Parked],
    /// Nobody waits for certain. Spares a look at each.
    empty: bool,
    /// Until then it counts that somebody has found no room.
    overrun_until: Instant,
}

/// One client's SYN, or room for one.
pub(crate) struct Parked {
    frame: [u8; LONGEST_SYN],
    len: u8,
    port: u16,
    /// What [`Gates::mss`](crate::syn_filter::Gates::mss) will be.
    pub(crate) mss: Option<NonZeroU16>,
    /// When it came first.
    since: Instant,
    /// From then on its client has given up.
    until: Instant,
}

impl Parked {
    pub(crate) const NONE: Self = Self {
        frame: [0; LONGEST_SYN],
        len: 0,
        port: 0,
        mss: None,
        since: Instant::ZERO,
        until: Instant::ZERO,
    };

    pub(crate) fn frame(&self) -> &[u8] {
        self.frame.get(..self.len.into()).unwrap_or_default()
    }

    pub(crate) fn free(&mut self) {
        self.until = Instant::ZERO;
    }

    fn waits(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl<'a> Backlog<'a> {
    pub(crate) fn new(parked: &'a mut [Parked]) -> Self {
        Self {
            parked,
            empty: true,
            overrun_until: Instant::ZERO,
        }
    }

    /// Keeps the SYN `frame` to `port`. `peer` is where its bytes tell clients apart. One that is
    /// here already shows that its client still waits.
    ///
    /// Where there is no room, it is for the client to come back; or, if it `displaces`, for the
    /// one who has waited longest. In a flood all have the same chance so. The first to find a gap
    /// would most often be one more SYN of the flood.
    pub(crate) fn park(
        &mut self,
        frame: &[u8],
        peer: Range<usize>,
        port: u16,
        mss: Option<NonZeroU16>,
        displaces: bool,
        now: Instant,
    ) {
        let (Ok(len), Some(client)) = (u8::try_from(frame.len()), frame.get(peer.clone())) else {
            return;
        };
        if frame.len() > LONGEST_SYN {
            return;
        }
        let (mut room, mut since) = (None, now);
        let mut oldest: Option<(usize, Instant)> = None;
        for (index, parked) in self.parked.iter().enumerate() {
            if !parked.waits(now) {
                room = Some(index);
            } else if let Some(known) = parked.frame().get(peer.clone())
                && known.iter().eq(client)
            {
                (room, since) = (Some(index), parked.since);
                break;
            } else if oldest.is_none_or(|(_, since)| parked.since <= since) {
                oldest = Some((index, parked.since));
            }
        }
        if room.is_none() {
            self.overrun_until = now + OVERRUN_COUNTS;
            room = oldest.filter(|_| displaces).map(|(index, _)| index);
        }
        if let Some(slot) = room.and_then(|index| self.parked.get_mut(index)) {
            // Not copy_from_slice, which keeps a panic where the compiler doesn't see equal lengths.
            for (to, from) in slot.frame.iter_mut().zip(frame) {
                *to = *from;
            }
            slot.len = len;
            slot.port = port;
            slot.mss = mss;
            slot.since = since;
            slot.until = now + (now - since) + PATIENCE;
            self.empty = false;
        }
    }

    /// How many clients wait for this port.
    pub(crate) fn waiting_at(&self, port: u16, now: Instant) -> usize {
        if self.empty {
            return 0;
        }
        let waits = |parked: &&Parked| parked.port == port && parked.waits(now);
        self.parked.iter().filter(waits).count()
    }

    /// Whether somebody has found no room of late, and would now.
    pub(crate) fn is_overrun(&self, now: Instant) -> bool {
        now < self.overrun_until && self.parked.iter().all(|parked| parked.waits(now))
    }

    /// The client who has waited longest among those whose gate is open, as an index.
    pub(crate) fn next(&mut self, gates: &[Gate], now: Instant) -> Option<usize> {
        if self.empty {
            return None;
        }
        self.empty = true;
        let mut first: Option<(usize, Instant)> = None;
        for (index, parked) in self.parked.iter().enumerate() {
            if !parked.waits(now) {
                continue;
            }
            self.empty = false;
            let open = |gate: &Gate| gate.open && gate.endpoint.port == parked.port;
            // Of those who came in one poll, the first has the last place that was free.
            if gates.iter().any(open) && first.is_none_or(|(_, since)| parked.since <= since) {
                first = Some((index, parked.since));
            }
        }
        first.map(|(index, _)| index)
    }

    pub(crate) fn get(&mut self, index: usize) -> Option<&mut Parked> {
        self.parked.get_mut(index)
    }
}
