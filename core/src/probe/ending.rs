//! How a server ends its right replies: with FIN, or always otherwise.
//!
//! That is one fault, and the first greeting finds it. One check of each mode fails of it; the others take such
//! an end for FIN, so that they say what else is wrong.

use core::time::Duration;

use embedded_io::ErrorKind;

use super::Event;
use super::fact::Fact;
use super::need::Mode;
use super::session::Session;
use super::verdict::{Cause, End, Expected};
use crate::time::Instant;

/// The checks whose sentence is that FIN comes behind what is due.
pub(super) const OF_FIN: [&str; 2] = ["tcp/world", "lines/nothing"];

/// How all replies end that are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    #[default]
    Fin,
    /// With RST in place of FIN.
    Reset,
    /// They don't: the connection stays open.
    Never,
}

/// What is known of the server of each mode, and who is asked now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endings {
    name: Ending,
    lines: Ending,
    pub(super) mode: Mode,
    /// Nothing but FIN will do.
    pub(super) is_strict: bool,
}

impl Endings {
    pub(super) const UNKNOWN: Self = Self {
        name: Ending::Fin,
        lines: Ending::Fin,
        mode: Mode::Name,
        is_strict: false,
    };

    /// What counts as an end in this mode.
    pub(super) const fn of(self, mode: Mode) -> Ending {
        match mode {
            _ if self.is_strict => Ending::Fin,
            Mode::Name => self.name,
            Mode::Lines => self.lines,
        }
    }

    const fn usual(self) -> Ending {
        self.of(self.mode)
    }
}

impl Session<'_> {
    /// How a right reply ended, if that was wrong.
    pub(super) fn wrong_ending(&self, cause: Cause) -> Option<Ending> {
        match cause {
            Cause::Reply { expected, end } if expected.is(self.actual()) => match end {
                End::Broken(ErrorKind::ConnectionReset) => Some(Ending::Reset),
                End::Silence => Some(Ending::Never),
                _ => None,
            },
            _ => None,
        }
    }

    /// Keeps it for the server that was asked last, and reports it.
    pub(super) fn note_ending(&mut self, ending: Ending) {
        let mode = self.endings.mode;
        match mode {
            Mode::Name => self.endings.name = ending,
            Mode::Lines => self.endings.lines = ending,
        }
        let fact = match ending {
            Ending::Fin => return,
            Ending::Reset => Fact::EndsWithReset(mode),
            Ending::Never => Fact::NeverEnds(mode),
        };
        (self.report)(Event::Found { fact });
    }

    /// Takes at most so many bytes of a reply, or says how it ended: as if with FIN, where all that is due has
    /// come, and the server ends all that is right in this way.
    pub(super) fn take_of(
        &mut self,
        expected: Expected,
        slot: usize,
        most: usize,
        until: Instant,
    ) -> Result<(), End> {
        if !self.is_over(expected) {
            let taken = self.take(slot, most, until);
            return taken.map_err(|end| self.as_usual(expected, end));
        }
        let now = self.stack.now();
        match self.take(slot, most, now) {
            Err(End::Silence) => Err(End::Fin),
            more => more,
        }
    }

    /// Whether all has come that is due, and no end will.
    pub(super) fn is_over(&self, expected: Expected) -> bool {
        let never = self.endings.usual() == Ending::Never;
        never && !matches!(expected, Expected::Nothing) && expected.is(self.actual())
    }

    /// RST behind what is due, where that is this server's way, is as good as FIN.
    pub(super) fn as_usual(&self, expected: Expected, end: End) -> End {
        match (self.endings.usual(), end) {
            (Ending::Reset, End::Broken(ErrorKind::ConnectionReset))
                if expected.is(self.actual()) =>
            {
                End::Fin
            }
            _ => end,
        }
    }

    /// Sees that nothing more comes, where no end will. `None`: one should.
    pub(super) fn nothing_follows(&mut self, slot: usize) -> Option<End> {
        /// Whoever says more says it soon.
        const SOON: Duration = Duration::from_millis(50);
        if self.endings.usual() != Ending::Never {
            return None;
        }
        let until = self.stack.now() + SOON;
        Some(match self.take(slot, usize::MAX, until) {
            Err(End::Silence) => End::Fin,
            Err(end) => end,
            Ok(()) => End::Open,
        })
    }
}
