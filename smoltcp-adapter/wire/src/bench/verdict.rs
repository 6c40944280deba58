//! How a check with raw frames ends.

use core::fmt;

use crate::error::Error;

use super::Bench;

/// How a check ended; the sentence says what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The sentence held.
    Passed,
    /// It didn't. What that means, the check's level says.
    Failed(String),
    /// What a MUST asks for held, but not what a SHOULD does.
    Worse(String),
    /// It held, and there is something to know.
    Noted(String),
    /// It was tried again and again, and something else got in the way.
    Inconclusive(String),
    /// It wasn't tried.
    Skipped(&'static str),
}

impl Verdict {
    /// Passed, unless there is something to say against it.
    pub(crate) fn unless(against: Option<String>) -> Self {
        against.map_or(Self::Passed, Self::Failed)
    }
}

/// Why nothing more can be checked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stop {
    /// The cable carries nothing any more.
    Cable(Error),
    /// Somebody wants it to end.
    Interrupted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cable(error) => error.fmt(f),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Stop {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Cable(error) => error.source(),
            Self::Interrupted => None,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Cable(error)
    }
}

/// What a check with raw frames does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Body {
    pub(crate) run: fn(&mut Bench<'_>) -> Done,
    /// What it needs.
    pub wants: &'static [Wants],
    /// What a cross means, and where to look.
    pub meaning: &'static str,
}

impl Body {
    pub(crate) const fn new(
        run: fn(&mut Bench<'_>) -> Done,
        wants: &'static [Wants],
        meaning: &'static str,
    ) -> Self {
        Self {
            run,
            wants,
            meaning,
        }
    }
}

/// What a check needs beside a board that answers ARP or neighbor discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wants {
    /// Nothing: it finds out itself whether the board answers.
    Nobody,
    /// That echoes are answered.
    Echo,
    /// A receiver of this protocol at its port of UDP, with answers.
    Datagrams,
    /// A server of this protocol at its port of TCP. Afterwards an honest client is greeted.
    Server,
    /// Lines mode at a port of its own.
    Lines,
    /// Minutes, which only a patient run takes.
    Patience,
    /// That echoes are answered over IPv6.
    Echo6,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Nobody else on the cable, as it uses addresses that it wasn't given.
    Alone,
}

/// What a body hands back.
pub(crate) type Done = Result<Verdict, Stop>;
