//! How a [`Pipeline`](super::Pipeline) ends, and why it takes no name.

use core::fmt;

use crate::request::RequestError;

/// How many names were answered, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// Names whose whole greeting came, byte for byte.
    pub answered: u64,
    /// How it ended.
    pub end: End,
}

/// How a conversation in lines mode ended, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum End {
    /// Every name was answered, and the server closed the connection after that.
    Answered,
    /// The server refused the [line](Outcome::line);
    /// [`Pipeline::refusal`](super::Pipeline::refusal) has its sentence.
    Refused,
    /// The server closed the connection though there might have been more names; all that were given
    /// are answered. One that waits for no name longer than its deadline does.
    Closed,
    /// The [line](Outcome::line) got no right reply, or none.
    Failed(RequestError),
}

impl Outcome {
    /// The number of the line that a refusal or a failure is about, counted from 1: that behind the
    /// last that was answered.
    pub const fn line(self) -> u64 {
        self.answered.saturating_add(1)
    }
}

/// Why a name isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum QueueError {
    /// There is no room before others are answered: try again then.
    Full,
    /// It holds a line feed, which would make two names of it.
    LineFeed,
    /// With its line feed it has more than [`MAX_TEXT`](crate::limits::MAX_TEXT) bytes.
    TooLong,
    /// It is empty: without a line feed that is no name.
    Empty,
    /// There are to be no more names, or the conversation has ended.
    Ended,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many names wait for their answers",
            Self::LineFeed => "a name with a line feed can't be sent as a line",
            Self::TooLong => "a line is longer than 1024 bytes, its line feed included",
            Self::Empty => "an empty name can't be sent without a line feed",
            Self::Ended => "no more names are sent",
        })
    }
}

impl core::error::Error for QueueError {}
