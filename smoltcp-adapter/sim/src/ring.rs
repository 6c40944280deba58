//! The frames that a host has given to its card and that haven't left yet.
//!
//! A real card has room for so many frames, and a stack waits while they are on their way out. So
//! has one here, or a program that sends whenever it can would do so for ever, in no time at all.

use alloc::collections::VecDeque;

use crate::clock::Nanos;

/// So many frames wait before a stack has to. As many more may be answers to frames that came.
pub(crate) const FRAMES: usize = 256;

/// How long a card is busy with a byte, whatever its links carry: 1 Gbit/s.
const BYTE: Nanos = 8;

#[derive(Default)]
pub(crate) struct Ring {
    /// When each of the frames leaves, the first one first. Those that have left are taken out when
    /// it matters.
    leave: VecDeque<Nanos>,
    /// When the card is done with all of them.
    free_at: Nanos,
}

impl Ring {
    /// Whether fewer than `most` frames wait at `now`.
    pub(crate) fn has_room(&mut self, most: usize, now: Nanos) -> bool {
        if self.leave.len() >= most {
            let left = self.leave.partition_point(|leaves| *leaves <= now);
            self.leave.drain(..left);
        }
        self.leave.len() < most
    }

    /// A frame of `len` bytes came at `now`, and its link has all of it at the time `taken`.
    pub(crate) fn push(&mut self, len: usize, now: Nanos, taken: Nanos) {
        let busy = BYTE.saturating_mul(len as u64);
        self.free_at = self.free_at.max(now).saturating_add(busy);
        let leaves = taken.max(self.free_at);
        if self.leave.back().is_none_or(|last| *last <= leaves) {
            self.leave.push_back(leaves);
        } else {
            // Links differ, and some drop what others take.
            let place = self.leave.partition_point(|other| *other <= leaves);
            self.leave.insert(place, leaves);
        }
    }

    /// When the next one leaves after `now`.
    pub(crate) fn next(&self, now: Nanos) -> Option<Nanos> {
        let left = self.leave.partition_point(|leaves| *leaves <= now);
        self.leave.get(left).copied()
    }
}
