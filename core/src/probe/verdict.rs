//! How a check can end, and what came instead of what should.
//!
//! Reports read these types. What they look like there is the caller's business.

use core::time::Duration;

use embedded_io::ErrorKind;

use super::bytes::{Repeat, byte_of, client_byte, len_of, line_byte};
use super::sample::Sample;
use crate::limits::GREETING;

/// How a check ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The sentence held.
    Passed,
    /// It held, but not all datagrams were answered, as UDP allows.
    PassedWithLoss {
        /// How many were sent.
        sent: u16,
        /// How many were answered.
        answered: u16,
    },
    /// It didn't. What that means, the check's [level](super::Level) says: a fault, worse than it
    /// should be, or only to be noted.
    Failed(Failure),
    /// It was tried, again and again, and something else got in the way: this.
    Inconclusive(&'static str),
    /// It wasn't tried, for this reason.
    Skipped(&'static str),
}

/// What a body hands back.
pub(super) type Done = Result<Verdict, Failure>;

/// What went wrong.
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
    /// No connection, as no way leads to the server: a sentence that says what to do.
    NoRoute(&'static str),
    /// The tester's own machine lacks something: no fault of the server's. A check that ends so is
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
    /// The server's deadline came before its time.
    Early {
        /// The deadline that the server's sentence says.
        due: Duration,
        /// After which time it came.
        took: Duration,
    },
    /// It came long after its time, twice.
    Overdue {
        /// The deadline that the server's sentence says.
        due: Duration,
        /// After which time it came.
        took: Duration,
    },
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
    /// It hasn't: the connection is still there.
    Open,
}

/// What was due.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// `Hello, ` and these bytes.
    Greeting(&'static [Repeat]),
    /// `Hello, ` and the name of a numbered client: `client 00042`.
    Client(u16),
    /// The same with a line feed, in lines mode.
    Line(u16),
    /// `Hello, ` and text made from a seed.
    Sample(Sample),
    /// These bytes.
    Refusal(&'static str),
    /// A refusal after a deadline of any length.
    Late,
    /// Nothing, after all replies.
    Nothing,
}

/// The refusal after a deadline, before and behind its number.
const LATE: (&str, &str) = ("Error: no name within ", " s\n");

/// The deadline that a refusal says: seconds in decimals, to the millisecond.
pub(super) fn deadline_in(refusal: &[u8]) -> Option<Duration> {
    let number = refusal.strip_prefix(LATE.0.as_bytes())?;
    let number = number.strip_suffix(LATE.1.as_bytes())?;
    let mut parts = number.splitn(2, |byte| *byte == b'.');
    let (seconds, decimals) = (parts.next()?, parts.next());
    let value = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |value, digit| {
            let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
            value.checked_mul(10)?.checked_add(digit)
        })
    };
    let millis = match decimals {
        None => 0,
        Some(digits) => {
            let scale = [100, 10, 1].get(digits.len().checked_sub(1)?)?;
            value(digits)? * scale
        }
    };
    if seconds.is_empty() {
        return None;
    }
    Some(Duration::from_secs(value(seconds)?.into()) + Duration::from_millis(millis.into()))
}

impl Expected {
    /// Byte `at` of it.
    pub fn byte(self, at: usize) -> Option<u8> {
        match self {
            Self::Refusal(sentence) => sentence.as_bytes().get(at).copied(),
            Self::Late => LATE.0.as_bytes().get(at).copied(),
            Self::Nothing => None,
            Self::Greeting(_) | Self::Client(_) | Self::Line(_) | Self::Sample(_) => {
                match GREETING.as_bytes().get(at) {
                    Some(byte) => Some(*byte),
                    None => self.name_byte(at - GREETING.len()),
                }
            }
        }
    }

    /// Its bytes. For [`Late`](Self::Late) those before the number.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        (0..).map_while(move |at| self.byte(at))
    }

    /// Whether this is what was due.
    pub fn is(self, actual: &[u8]) -> bool {
        if let Self::Late = self {
            return deadline_in(actual).is_some();
        }
        self.bytes().eq(actual.iter().copied())
    }

    /// Byte `at` of the name that a greeting has.
    pub(super) fn name_byte(self, at: usize) -> Option<u8> {
        match self {
            Self::Greeting(pieces) => byte_of(pieces, at),
            Self::Client(number) => client_byte(number, at),
            Self::Line(number) => line_byte(number, at),
            Self::Sample(sample) => sample.byte(at),
            Self::Refusal(_) | Self::Late | Self::Nothing => None,
        }
    }
}

impl Expected {
    /// How many bytes of text it greets, where that may be any number.
    pub fn text_len(self) -> Option<u16> {
        match self {
            Self::Greeting(pieces) => u16::try_from(len_of(pieces)).ok(),
            Self::Sample(sample) => Some(sample.len()),
            _ => None,
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

/// Says what was going on when something went wrong.
pub(super) trait During<T> {
    fn during(self, during: &'static str) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Cause> {
    fn during(self, during: &'static str) -> Result<T, Failure> {
        self.map_err(|cause| Failure { during, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_seconds_in_decimals() {
        for (refusal, millis) in [
            ("Error: no name within 10 s\n", Some(10_000)),
            ("Error: no name within 0.25 s\n", Some(250)),
            ("Error: no name within 1.5 s\n", Some(1_500)),
            ("Error: no name within 0.001 s\n", Some(1)),
            ("Error: no name within  s\n", None),
            ("Error: no name within .5 s\n", None),
            ("Error: no name within 1. s\n", None),
            ("Error: no name within 1.2345 s\n", None),
            ("Error: no name within 1.2.3 s\n", None),
            ("Error: no name within 99999999999 s\n", None),
            ("Error: no name within 10 s", None),
        ] {
            let due = millis.map(Duration::from_millis);
            assert_eq!(deadline_in(refusal.as_bytes()), due, "{refusal}");
        }
    }
}
