//! What a probe notes as it goes on: which messages have left, and what was looked into.

use crate::time::Instant;

/// Messages that have left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    pub(super) last: Option<Instant>,
    /// How many, none of them a second after the one before.
    pub(super) count: u16,
}

/// What is to be done once a greeting has stood still for so long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nudge {
    pub(super) at: Instant,
    pub(super) sends: bool,
    /// When that was, if the greeting wasn't over before.
    pub(super) passed: Option<Instant>,
}

/// What was looked into: over TCP, and over UDP.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Searched {
    pub(super) lengths: [bool; 2],
    pub(super) bytes: [bool; 2],
    /// What was found of lengths: the longest that passes.
    pub(super) longest: [Option<u16>; 2],
}
