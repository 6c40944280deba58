//! What a check is, and how it can end: an id, a sentence of the protocol, and what to do.
//!
//! Reports read these types; [`table`](super::table) lists them. No transport may enter.

use core::time::Duration;

use embedded_io::ErrorKind;

use super::lab::LabError;
use super::vectors::{Message, Vector};
use crate::limits::GREETING;

/// One thing that a server must do.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// A group and a name: `tcp/split-character`.
    pub id: &'static str,
    /// The sentence of the protocol that it checks.
    pub requirement: &'static str,
    /// Whether a server that fails it breaks the protocol.
    pub level: Level,
    /// What it does.
    pub act: Act,
}

impl Check {
    pub(super) const fn new(
        id: &'static str,
        level: Level,
        requirement: &'static str,
        act: Act,
    ) -> Self {
        Self {
            id,
            requirement,
            level,
            act,
        }
    }
}

impl Act {
    pub(super) const fn is_udp(&self) -> bool {
        matches!(self, Self::Message(_) | Self::Burst)
    }
}

/// How much a requirement counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A server that fails breaks the protocol.
    Must,
    /// A server that fails is worse than others.
    Should,
}

/// What a check does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Act {
    /// Sends the pieces of a case, and compares the answer.
    Vector(Vector),
    /// Sends one datagram, and compares the answer.
    Message(Message),
    /// Sends a long name one byte a segment from its 560th byte on.
    Bytewise,
    /// Takes the longest reply one byte at a time.
    SlowReader,
    /// Takes the longest reply through a tiny window.
    TightReader,
    /// Sends FIN at this moment.
    HalfClose(Moment),
    /// Connects and closes.
    Leave,
    /// Sends RST at this moment.
    Reset(Moment),
    /// Greets beside a client that says nothing.
    Silent,
    /// Many clients connect, then all speak.
    AtOnce,
    /// As many silent clients as asked, and one more that speaks.
    OneMore,
    /// One client after the other.
    InARow,
    /// Compares latency alone with that beside silent clients.
    Latency,
    /// Greets beside handshakes that never end.
    HalfOpen,
    /// Says nothing until the deadline.
    Late,
    /// Many datagrams at once.
    Burst,
}

/// A moment in a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before any byte of the name.
    Before,
    /// Inside the name, or in the same segment.
    During,
    /// After the name.
    After,
}

/// Bytes, so many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run(pub &'static [u8], pub u16);

/// How a check ended.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// The server did what it must.
    Passed,
    /// It did, but not all datagrams were answered, as UDP allows.
    PassedWithLoss {
        /// How many were sent.
        sent: u16,
        /// How many were answered.
        answered: u16,
    },
    /// It didn't.
    Failed(Failure),
    /// Nothing was checked, for this reason.
    Skipped(&'static str),
}

/// What a server did wrong.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// What was going on: `the greeting beside a silent client`.
    pub during: &'static str,
    /// What came of it.
    pub cause: Cause,
}

/// What came instead of what should.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// No connection: it was refused, or broke before it was there.
    Refused(ErrorKind),
    /// The prober's own machine lacks something: no fault of the server's. A check that ends so is
    /// skipped.
    Lacks(&'static str),
    /// No connection in time.
    Unreachable,
    /// Another reply than was due, or another end of it.
    Reply {
        /// What was due, before FIN.
        expected: Expected,
        /// How it ended.
        end: End,
    },
    /// Too many datagrams went unanswered.
    Lost {
        /// How many were sent.
        sent: u16,
        /// How many were answered.
        answered: u16,
    },
    /// Greetings took too long beside others.
    Slow {
        /// The median of a client that is alone.
        alone: Duration,
        /// The median of one among others.
        beside: Duration,
    },
}

impl From<LabError> for Cause {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Refused(kind) => Self::Refused(kind),
            LabError::Lacks(reason) => Self::Lacks(reason),
        }
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        match failure.cause {
            Cause::Lacks(reason) => Self::Skipped(reason),
            _ => Self::Failed(failure),
        }
    }
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With FIN, or with the end of a datagram.
    Fin,
    /// The connection broke.
    Broken(ErrorKind),
    /// Nothing more came in time.
    Silence,
    /// More came than any reply has.
    Flood,
}

/// What was due.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// `Hello, ` and these bytes.
    Greeting(&'static [Run]),
    /// `Hello, ` and the name of a numbered client: `client 00042`.
    Client(u16),
    /// These bytes.
    Refusal(&'static str),
    /// A refusal after a deadline of any length.
    Late,
}

impl Expected {
    /// Byte `at` of it.
    pub fn byte(self, at: usize) -> Option<u8> {
        match self {
            Self::Refusal(sentence) => sentence.as_bytes().get(at).copied(),
            Self::Late => LATE.0.as_bytes().get(at).copied(),
            Self::Greeting(_) | Self::Client(_) => match GREETING.as_bytes().get(at) {
                Some(byte) => Some(*byte),
                None => self.name_byte(at - GREETING.len()),
            },
        }
    }

    /// Its bytes. For [`Late`](Self::Late) those before the number.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        (0..).map_while(move |at| self.byte(at))
    }

    /// Whether this is what was due.
    pub fn is(self, actual: &[u8]) -> bool {
        if let Self::Late = self {
            let number = actual.strip_prefix(LATE.0.as_bytes());
            let number = number.and_then(|rest| rest.strip_suffix(LATE.1.as_bytes()));
            return number.is_some_and(|number| {
                !number.is_empty() && number.iter().all(|b| b.is_ascii_digit() || *b == b'.')
            });
        }
        self.bytes().eq(actual.iter().copied())
    }

    /// Byte `at` of the name that a greeting has.
    pub(super) fn name_byte(self, at: usize) -> Option<u8> {
        match self {
            Self::Greeting(runs) => byte_of(runs, at),
            Self::Client(number) => client_byte(number, at),
            Self::Refusal(_) | Self::Late => None,
        }
    }
}

/// The refusal after a deadline, before and behind its number.
const LATE: (&str, &str) = ("Error: no name within ", " s\n");

/// Byte `at` of some runs.
pub(super) fn byte_of(runs: &[Run], mut at: usize) -> Option<u8> {
    for Run(bytes, times) in runs {
        let len = bytes.len() * usize::from(*times);
        if at < len {
            return bytes.get(at % bytes.len()).copied();
        }
        at -= len;
    }
    None
}

fn client_byte(number: u16, at: usize) -> Option<u8> {
    const START: &[u8] = b"client ";
    if let Some(byte) = START.get(at) {
        return Some(*byte);
    }
    let divisor = [10_000, 1_000, 100, 10, 1].get(at - START.len())?;
    u8::try_from(number / divisor % 10)
        .ok()
        .map(|digit| b'0' + digit)
}
