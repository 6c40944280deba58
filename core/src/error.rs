//! What can go wrong, sorted by whose fault it is.
//!
//! | type | whose fault |
//! |---|---|
//! | [`Refusal`], [`TextError`] | the peer's: what it sent is no name and no message |
//! | [`Abandonment`] | the peer's or the transport's: the answer never left |
//! | [`RequestError`](crate::request::RequestError) | the server's, the transport's, or time's, as a client sees it |
//!
//! What a transport itself reports stays its own error, which [`embedded_io::Error`] classifies.

use core::fmt;

use embedded_io::ErrorKind;

use crate::limits::{MAX_TEXT, REFUSAL};
use crate::sentence::Sentence;

/// Why bytes are no [`Text`](crate::text::Text).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TextError {
    /// There are more than [`MAX_TEXT`] of them.
    TooLong,
    /// They aren't UTF-8: byte `at`, counted from 0, starts something that is no character.
    NotUtf8 {
        /// The offset in bytes.
        at: u16,
    },
}

impl TextError {
    #[expect(clippy::cast_possible_truncation, reason = "at most 1024")]
    pub(crate) const fn not_utf8(at: usize) -> Self {
        Self::NotUtf8 { at: at as u16 }
    }

    fn write_to(self, sentence: &mut Sentence) {
        match self {
            Self::TooLong => {
                const { assert!(MAX_TEXT == 1024, "the sentence names it") };
                sentence.push("longer than 1024 bytes");
            }
            Self::NotUtf8 { at } => {
                sentence.push("not UTF-8 at byte ");
                sentence.push_number(at.into());
            }
        }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sentence = Sentence::default();
        self.write_to(&mut sentence);
        f.write_str(sentence.as_str())
    }
}

impl core::error::Error for TextError {}

/// Why a server refuses what a client sent: the client's fault.
///
/// [`Display`](fmt::Display) is the sentence that crosses the wire between `Error: ` and the line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// What came over TCP is no name.
    Name(TextError),
    /// What came over UDP is no message.
    Message(TextError),
    /// No complete name came in time.
    Late {
        /// The time that the client had, in milliseconds.
        within_ms: u32,
    },
}

impl Refusal {
    /// Writes the answer as it crosses the wire, `Error: ` and the line feed included, to the start of
    /// `room`, and says how long it is.
    pub(crate) fn reply(self, room: &mut [u8]) -> usize {
        let mut sentence = Sentence::default();
        sentence.push(REFUSAL);
        self.write_to(&mut sentence);
        sentence.push("\n");
        for (to, from) in room.iter_mut().zip(sentence.as_str().bytes()) {
            *to = from;
        }
        sentence.as_str().len()
    }

    fn write_to(self, sentence: &mut Sentence) {
        match self {
            Self::Name(error) => {
                sentence.push("name is ");
                error.write_to(sentence);
            }
            Self::Message(error) => {
                sentence.push("message is ");
                error.write_to(sentence);
            }
            Self::Late { within_ms } => {
                sentence.push("no name within ");
                sentence.push_number(within_ms / 1000);
                sentence.push_fraction(within_ms % 1000);
                sentence.push(" s");
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sentence = Sentence::default();
        self.write_to(&mut sentence);
        f.write_str(sentence.as_str())
    }
}

impl core::error::Error for Refusal {}

/// Why an answer never left: the peer went away, or didn't read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Abandonment {
    /// The connection broke, most often because the peer reset it.
    Connection(ErrorKind),
    /// The peer hadn't taken its answer by the deadline.
    Unread,
}

impl fmt::Display for Abandonment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection(ErrorKind::ConnectionReset) => "connection reset by the peer",
            Self::Connection(ErrorKind::BrokenPipe | ErrorKind::NotConnected) => {
                "connection closed by the peer"
            }
            Self::Connection(ErrorKind::TimedOut) => "the peer vanished",
            // A server that stops at once does so, and a system that gives up.
            Self::Connection(ErrorKind::ConnectionAborted) => "connection ended on this side",
            Self::Connection(_) => "connection lost",
            Self::Unread => "the answer wasn't read by the deadline",
        })
    }
}

impl core::error::Error for Abandonment {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn refusals_read_as_the_protocol_spells_them() {
        let late = |within_ms| Refusal::Late { within_ms };
        for (refusal, expected) in [
            (
                Refusal::Name(TextError::TooLong),
                "Error: name is longer than 1024 bytes\n",
            ),
            (
                Refusal::Name(TextError::NotUtf8 { at: 0 }),
                "Error: name is not UTF-8 at byte 0\n",
            ),
            (
                Refusal::Message(TextError::NotUtf8 { at: 1023 }),
                "Error: message is not UTF-8 at byte 1023\n",
            ),
            (late(10_000), "Error: no name within 10 s\n"),
            (late(500), "Error: no name within 0.5 s\n"),
            (late(1_050), "Error: no name within 1.05 s\n"),
            (late(7), "Error: no name within 0.007 s\n"),
        ] {
            let mut room = [0; 64];
            let len = refusal.reply(&mut room);
            assert_eq!(&room[..len], expected.as_bytes());
            assert_eq!(std::format!("Error: {refusal}\n"), expected);
        }
    }

    #[test]
    fn the_longest_sentence_fits() {
        let late = Refusal::Late {
            within_ms: 4_294_966_789,
        };
        assert_eq!(late.to_string(), "no name within 4294966.789 s");
    }
}
