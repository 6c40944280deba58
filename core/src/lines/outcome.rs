//! How [`Lines`](super::Lines) end, and how often in which way.

use core::ops::Add;

use crate::error::{Abandonment, Refusal};

/// How [`Lines`](super::Lines) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// How many names were greeted: answers whose last byte has left.
    pub greeted: u32,
    /// How it ended.
    pub end: End,
}

/// How a connection in lines mode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum End {
    /// The client had no more names, and has all answers.
    Finished,
    /// The client was silent for the whole deadline, and has all answers.
    Idle,
    /// The server stopped, and the client has the answers to all lines that it had begun by then.
    Stopped,
    /// A line was refused, after the answers to those before it.
    Refused(Refusal),
    /// Answers never left.
    Abandoned(Abandonment),
}

/// How many names were greeted, and how connections ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Tally {
    /// Names that were greeted.
    pub greeted: u64,
    /// Connections that ended with all names greeted: there were no more, none came, or the server
    /// stopped.
    pub finished: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// Clients that went away, or didn't take their answers.
    pub abandoned: u64,
}

impl Tally {
    pub(super) const NONE: Self = Self {
        greeted: 0,
        finished: 0,
        refused: 0,
        abandoned: 0,
    };

    pub(super) fn count(&mut self, outcome: Outcome) {
        self.greeted = self.greeted.wrapping_add(outcome.greeted.into());
        let counter = match outcome.end {
            End::Finished | End::Idle | End::Stopped => &mut self.finished,
            End::Refused(_) => &mut self.refused,
            End::Abandoned(_) => &mut self.abandoned,
        };
        *counter = counter.wrapping_add(1);
    }
}

/// Two workers' tallies as one.
impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            greeted: self.greeted.saturating_add(other.greeted),
            finished: self.finished.saturating_add(other.finished),
            refused: self.refused.saturating_add(other.refused),
            abandoned: self.abandoned.saturating_add(other.abandoned),
        }
    }
}
