//! The backlog: the SYN segments of clients who came while no socket listened.
//!
//! Kept whole as frames, and handed to the stack again as if they had just come. What a SYN is,
//! and whether it is for this host, others say before.

use core::fmt;
use core::net::SocketAddr;

use crate::segment::{Link, Segment};
use crate::time::Instant;

/// The longest SYN without payload: headers of Ethernet and IPv6, and of TCP with all its options.
const LONGEST_SYN: usize = 14 + 40 + 60;

/// A client that hasn't repeated its SYN for as long as it had waited before, and so much longer, has
/// given up, or will be back. Common stacks double their pauses from 1 s: each is a second longer
/// than all before it together.
const PATIENCE_MICROS: u64 = 4_500_000;

/// How long it counts that somebody found no room: longer than the gaps of a flood that matters.
const OVERRUN_COUNTS_MICROS: u64 = 250_000;

/// All clients who wait, in no order.
pub struct Backlog<'a> {
    places: &'a mut [Place],
    /// Nobody waits for certain. Spares a look at each.
    empty: bool,
    /// Until then it counts that somebody has found no room.
    overrun_until: Instant,
}

/// Room for one client's SYN: 136 bytes, all of them zeros at first, so that a `static` takes no flash.
pub struct Place {
    frame: [u8; LONGEST_SYN],
    len: u8,
    port: u16,
    /// When it came first.
    since: Instant,
    /// From then on its client has given up.
    until: Instant,
}

/// Whose loss it is that there is no room for a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Of the client who comes, and whose stack repeats its SYN.
    DropNew,
    /// Of the client who has waited longest. In a flood all have the same chance so. The first to
    /// find a gap would most often be one more SYN of the flood.
    DropOldest,
}

impl Place {
    /// Room with nobody in it.
    pub const EMPTY: Self = Self {
        frame: [0; LONGEST_SYN],
        len: 0,
        port: 0,
        since: Instant::START,
        until: Instant::START,
    };

    /// The frame, as it came.
    pub fn frame(&self) -> &[u8] {
        self.frame.get(..self.len.into()).unwrap_or_default()
    }

    /// Makes room, once the frame is with the stack.
    pub fn free(&mut self) {
        self.until = Instant::START;
    }

    fn is_taken(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl<'a> Backlog<'a> {
    /// A backlog with room for as many clients as there are places, which may be none. Whoever waits
    /// in them since an earlier one is still there.
    pub fn new(places: &'a mut [Place]) -> Self {
        Self {
            places,
            empty: false,
            overrun_until: Instant::START,
        }
    }

    /// Keeps a SYN. One that is here already shows that its client still waits, since it came first.
    /// One with a payload so long that no place can hold it is dropped.
    pub fn enqueue(&mut self, syn: &Segment<'_>, when_full: WhenFull, now: Instant) {
        let frame = syn.frame();
        let (Ok(len), Some(client)) = (u8::try_from(frame.len()), frame.get(syn.client())) else {
            return;
        };
        if frame.len() > LONGEST_SYN {
            return;
        }
        let (mut room, mut oldest, mut since) = (None, None::<&mut Place>, now);
        for place in &mut *self.places {
            if !place.is_taken(now) {
                room = Some(place);
            } else if syn.client().end <= place.len.into()
                && let Some(known) = place.frame.get(syn.client())
                && known.iter().eq(client)
            {
                since = place.since;
                room = Some(place);
                break;
            } else if oldest
                .as_ref()
                .is_none_or(|known| place.since <= known.since)
            {
                oldest = Some(place);
            }
        }
        if room.is_none() {
            self.overrun_until = now.after_micros(OVERRUN_COUNTS_MICROS);
            if when_full == WhenFull::DropOldest {
                room = oldest;
            }
        }
        if let Some(place) = room {
            // Not copy_from_slice, which keeps a panic where the compiler doesn't see equal lengths.
            for (to, from) in place.frame.iter_mut().zip(frame) {
                *to = *from;
            }
            place.len = len;
            place.port = syn.port();
            place.since = since;
            place.until = now.after_micros(now.micros_since(since) + PATIENCE_MICROS);
            self.empty = false;
        }
    }

    /// Forgets the SYN of a client whose handshake goes on already: it was repeated, as an answer was lost or
    /// is slow, and the answer is repeated in time too.
    pub fn forget(&mut self, client: SocketAddr, own: SocketAddr, link: Link) {
        if self.empty {
            return;
        }
        for place in &mut *self.places {
            if place.port == own.port()
                && Segment::find(place.frame(), link).is_some_and(|syn| syn.is_of(client, own))
            {
                place.free();
            }
        }
    }

    /// How many clients wait for this port.
    pub fn waiting_at(&self, port: u16, now: Instant) -> usize {
        if self.empty {
            return 0;
        }
        let waits = |place: &&Place| place.port == port && place.is_taken(now);
        self.places.iter().filter(waits).count()
    }

    /// Whether somebody has found no room of late, and would find none now.
    pub fn is_overrun(&self, now: Instant) -> bool {
        now < self.overrun_until && self.places.iter().all(|place| place.is_taken(now))
    }

    /// The place of the client who has waited longest among those to whose port a socket listens,
    /// to be had by [`get`](Self::get).
    pub fn next(&mut self, listens: impl Fn(u16) -> bool, now: Instant) -> Option<usize> {
        if self.empty {
            return None;
        }
        self.empty = true;
        let (mut first, mut since) = (None, Instant::LAST);
        for (index, place) in self.places.iter().enumerate() {
            if !place.is_taken(now) {
                continue;
            }
            self.empty = false;
            // Of those who came at one moment, the first has the last place that was free.
            if place.since <= since && listens(place.port) {
                (first, since) = (Some(index), place.since);
            }
        }
        first
    }

    /// A place by its number. It stays taken until it is [freed](Place::free).
    pub fn get(&mut self, index: usize) -> Option<&mut Place> {
        self.places.get_mut(index)
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Backlog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog")
            .field("places", &self.places.len())
            .finish_non_exhaustive()
    }
}
