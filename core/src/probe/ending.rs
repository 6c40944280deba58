//! How a server ends its right replies: with FIN, or always otherwise.
//!
//! That is one fault, and the first greeting finds it. One check of each mode fails of it; the others take such
//! an end for FIN, so that they say what else is wrong. So it is with a server that takes FIN alone for the end
//! of a name: the others send it.

use super::need::Mode;

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
    pub(super) name: Ending,
    pub(super) lines: Ending,
    pub(super) mode: Mode,
    /// No name ends but with FIN.
    pub(super) needs_fin: bool,
    /// Nothing but FIN will do.
    pub(super) is_strict: bool,
}

impl Endings {
    pub(super) const UNKNOWN: Self = Self {
        name: Ending::Fin,
        lines: Ending::Fin,
        mode: Mode::Name,
        needs_fin: false,
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

    /// Whether FIN has to end a name that is otherwise complete.
    pub(super) const fn add_fin(self) -> bool {
        self.needs_fin && !self.is_strict
    }

    /// What does now.
    pub(super) const fn usual(self) -> Ending {
        self.of(self.mode)
    }
}
