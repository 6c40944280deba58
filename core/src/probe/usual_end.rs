//! Takes the end that is a server's way for FIN, and finds out which one that is.

use core::time::Duration;

use embedded_io::ErrorKind;

use super::Event;
use super::ending::Ending;
use super::fact::Fact;
use super::need::Mode;
use super::session::Session;
use super::verdict::{Cause, End, Expected};
use crate::time::Instant;

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
