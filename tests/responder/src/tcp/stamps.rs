//! Timestamps (RFC 7323): what is echoed of the other's, and which segments are too old.

use std::time::Duration;

use crate::bytes::at;
use crate::fault::{Fault, Wrong};
use crate::tcp::order::Order;
use crate::tcp::segment::{ACK, SYN, Segment};

/// How much of a segment they take.
pub const LEN: u32 = 12;

/// Those of a connection on which both sides have them.
#[derive(Debug)]
pub struct Stamps {
    wrong: Wrong,
    order: Order,
    /// The other's latest (TS.Recent).
    recent: u32,
    /// What was acknowledged last (Last.ACK.sent).
    acked: u32,
}

impl Stamps {
    /// If this SYN offers them.
    pub fn new(syn: &Segment, wrong: Wrong) -> Option<Self> {
        let (recent, _) = syn.stamps?;
        Some(Self {
            wrong,
            order: Order(wrong),
            recent,
            acked: syn.seq,
        })
    }

    /// Whether a segment left before one that has come (section 5.3, R1).
    pub fn is_old(&self, segment: &Segment) -> bool {
        let value = segment.stamps.map(|(value, _)| value);
        let is_before = |value| Order(Wrong(None)).before(value, self.recent);
        value.is_some_and(is_before) && !self.wrong.is(Fault::PawsIgnored)
    }

    /// Notes that of a segment that isn't old, if it is next in its turn (section 4.3).
    pub fn note(&mut self, segment: &Segment) {
        if let Some((value, _)) = segment.stamps
            && !self.order.before(self.acked, segment.seq)
            && !self.is_old(segment)
        {
            self.recent = value;
        }
    }

    /// Gives each segment one (section 3.2).
    pub fn stamp(&mut self, segments: &mut [Segment], now: Duration) {
        let millis = now.as_millis().to_be_bytes();
        let value = u32::from_be_bytes(at(&millis, millis.len() - 4));
        for segment in segments {
            if segment.has(ACK) {
                self.acked = segment.ack;
            }
            if self.wrong.is(Fault::StampsForgotten) && !segment.has(SYN) {
                continue;
            }
            let is_echoed = segment.has(SYN) || !self.wrong.is(Fault::StampsNotEchoed);
            segment.stamps = Some((value, if is_echoed { self.recent } else { 0 }));
        }
    }
}
