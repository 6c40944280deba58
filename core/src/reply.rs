//! What a client recognises a reply by, be it the only one of a [`request`](crate::request) or one of
//! many of a [`pipeline`](crate::pipeline): a greeting, byte for byte, or a refusal.

use core::fmt;
use core::task::Poll;

use embedded_io::ErrorKind;

use crate::limits::{MAX_REPLY, REFUSAL};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The server's fault: the reply is neither the greeting nor a refusal. It differs from the
    /// greeting at byte `at`, counted from 0.
    WrongReply {
        /// The offset in bytes.
        at: usize,
    },
    /// The server's fault: it closed the connection after `after` bytes of the greeting.
    CutShort {
        /// How many bytes came.
        after: usize,
    },
    /// The transport's or the server's fault: the connection broke.
    Connection(ErrorKind),
    /// There was no whole reply in time.
    TimedOut,
}

impl RequestError {
    /// What is wrong with a reply that has ended, of `len` bytes of which the first `same` are the
    /// greeting's.
    pub(crate) const fn of(len: usize, same: usize) -> Self {
        if same == len {
            Self::CutShort { after: len }
        } else {
            Self::WrongReply { at: same }
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongReply { at } => write!(
                f,
                "the reply is neither the greeting nor a refusal: it differs from the greeting at byte {at}"
            ),
            Self::CutShort { after: 0 } => {
                f.write_str("the server closed the connection without a reply")
            }
            Self::CutShort { after } => {
                write!(
                    f,
                    "the server closed the connection after {after} bytes of the greeting"
                )
            }
            Self::Connection(ErrorKind::ConnectionRefused) => f.write_str("connection refused"),
            Self::Connection(ErrorKind::ConnectionReset) => {
                f.write_str("connection reset by the server")
            }
            Self::Connection(_) => f.write_str("connection lost"),
            Self::TimedOut => f.write_str("no whole reply in time"),
        }
    }
}

impl core::error::Error for RequestError {}

/// How many bytes of `reply` are those that a greeting, given in parts, has from byte `from` on.
pub(crate) fn agreement(reply: &[u8], greeting: [&[u8]; 3], from: usize) -> usize {
    let (mut rest, mut before) = (reply, from);
    for part in greeting {
        let Some(expected) = part.get(before..) else {
            before -= part.len();
            continue;
        };
        before = 0;
        let n = rest.len().min(expected.len());
        let (Some((came, behind)), Some(expected)) = (rest.split_at_checked(n), expected.get(..n))
        else {
            break;
        };
        if came != expected {
            let same = came.iter().zip(expected).take_while(|(a, b)| a == b);
            return reply.len() - rest.len() + same.count();
        }
        rest = behind;
    }
    reply.len() - rest.len()
}

/// The sentence of a refusal: what stands between `Error: ` and the line feed at the reply's end.
pub(crate) fn refusal(reply: &[u8]) -> Option<&str> {
    // Not strip_prefix, in which a program optimized for size keeps a panic.
    let (start, [sentence @ .., b'\n']) = reply.split_first_chunk::<{ REFUSAL.len() }>()? else {
        return None;
    };
    if start != REFUSAL.as_bytes() {
        return None;
    }
    core::str::from_utf8(sentence).ok()
}

/// How many bytes a refusal has that starts these. `None`: they start none. Pending: they may yet.
pub(crate) fn refusal_len(bytes: &[u8]) -> Poll<Option<usize>> {
    let start = REFUSAL.as_bytes();
    if bytes.iter().zip(start).any(|(a, b)| a != b) {
        return Poll::Ready(None);
    }
    let whole = bytes.iter().take(MAX_REPLY).position(|byte| *byte == b'\n');
    match whole {
        Some(at) => {
            let reply = bytes.get(..=at).unwrap_or_default();
            Poll::Ready(refusal(reply).map(|_| reply.len()))
        }
        None if bytes.len() < MAX_REPLY => Poll::Pending,
        None => Poll::Ready(None),
    }
}
