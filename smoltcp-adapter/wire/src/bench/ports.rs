//! The connections of a script: ports that none had before, and an end for those that a check has left open.

use core::time::Duration;

use super::craft::Ends;
use super::segment::flags::{ACK, RST};
use super::segment::{Segment, is_after};
use super::{Bench, Stop};

/// Where they begin, and how many there are: before the dynamic ports (RFC 6335, section 6), which the host that
/// converses on the same address takes. A port of this script's may rest for minutes behind its connection's end.
const FIRST: u16 = 40_960;
const COUNT: u16 = 8192;

/// So far apart resets go: a small board takes few frames at once.
const APART: Duration = Duration::from_millis(5);

/// So often at most it is said of a port that no connection has it.
const REFUSALS: usize = 20;

/// What was sent on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    ends: Ends,
    to_port: u16,
    next: u32,
}

impl Bench<'_> {
    /// A port for a client, as long as there are some, none twice.
    pub(crate) fn port(&mut self) -> u16 {
        let chance = u16::try_from(self.setup.chance & 0x1fff).unwrap_or_default();
        let place = self.ports.wrapping_add(chance) % COUNT;
        self.ports = self.ports.wrapping_add(1);
        FIRST + place
    }

    /// Notes that a segment leaves: its connection is the script's own from here on.
    pub(crate) fn note(&mut self, segment: &Segment) {
        let (own, to_port) = segment.ports;
        let ends = segment.between();
        let open = self.connections.entry(own).or_insert(Open {
            ends,
            to_port,
            next: segment.end(),
        });
        if is_after(segment.end(), open.next) {
            open.next = segment.end();
        }
    }

    /// A connection is over: what still comes of it gets a reset, as from any host.
    pub(crate) fn forget(&mut self, own: u16) {
        self.connections.remove(&own);
    }

    /// Resets what a check has left open, one after the other, in the order of their ports.
    pub(crate) fn hang_up(&mut self) -> Result<(), Stop> {
        let mut left: Vec<_> = self.connections.keys().copied().collect();
        left.sort_unstable();
        for (place, own) in left.into_iter().enumerate() {
            if place > 0 {
                self.pause(APART)?;
            }
            let Some(open) = self.connections.remove(&own) else {
                continue;
            };
            let reset = Segment {
                ends: (open.ends.from, open.ends.to),
                ports: (own, open.to_port),
                seq: open.next,
                ack: 0,
                flags: RST,
                window: 0,
                urgent: 0,
                options: Vec::new(),
                text: Vec::new(),
            };
            self.send(&self.packet(open.ends, &reset.bytes()))?;
        }
        Ok(())
    }

    /// The reset for a segment of no connection (RFC 9293, section 3.10.7.1), if it is one.
    pub(crate) fn refusal(&mut self, segment: &Segment) -> Option<Segment> {
        let (from, to) = segment.ends;
        let is_own = to == self.ends().from && from == self.setup.board;
        if !is_own || segment.has(RST) || self.connections.contains_key(&segment.ports.1) {
            return None;
        }
        // Whoever answers resets would be answered for ever.
        let refused = self.refused.entry(segment.ports.1).or_default();
        *refused += 1;
        if *refused > REFUSALS {
            return None;
        }
        let (flags, seq, ack) = if segment.has(ACK) {
            (RST, segment.ack, 0)
        } else {
            (RST | ACK, 0, segment.end())
        };
        Some(Segment {
            ends: (to, from),
            ports: (segment.ports.1, segment.ports.0),
            seq,
            ack,
            flags,
            window: 0,
            urgent: 0,
            options: Vec::new(),
            text: Vec::new(),
        })
    }
}
