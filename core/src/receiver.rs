//! A polled receiver of messages over UDP: each datagram is one message, or is reported as none.

use core::fmt;
use core::net::SocketAddr;
use core::task::Poll;
use core::time::Duration;

use embedded_io::ErrorKind;

use crate::buffer::Buffer;
use crate::error::{Refusal, TextError};
use crate::limits::MAX_TEXT;
use crate::text::Text;
use crate::time::Instant;
use crate::transport::{Datagram, Datagrams};

/// How long after a failure the socket is asked again: datagrams may be waiting behind it.
pub const RETRY: Duration = Duration::from_millis(100);

/// Takes messages from one UDP socket.
///
/// All memory is in here, about 1 KiB.
pub struct Receiver {
    pub(crate) buffer: Buffer,
    pub(crate) tally: Tally,
}

/// What came in one datagram. `E` is the transport's error.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a, E = ErrorKind> {
    /// A message.
    Message {
        /// The sender's address, which UDP lets anybody forge.
        from: SocketAddr,
        /// The message; its `Display` is safe to print.
        text: Text<'a>,
    },
    /// A datagram that is no message.
    Refused {
        /// The sender's address, which UDP lets anybody forge.
        from: SocketAddr,
        /// The sender's fault.
        why: Refusal,
    },
    /// The transport failed. It is asked again after [`RETRY`], or in the next poll if that comes
    /// first.
    Failed {
        /// What the transport says.
        error: &'a E,
    },
}

impl<'a, E> Event<'a, E> {
    /// The event of a datagram that came from `from`.
    pub(crate) fn new(from: SocketAddr, text: Result<Text<'a>, TextError>) -> Self {
        match text {
            Ok(text) => Self::Message { from, text },
            Err(why) => Self::Refused {
                from,
                why: Refusal::Message(why),
            },
        }
    }
}

/// How many datagrams of which kind have come, and what a
/// [`Responder`](crate::responder::Responder) did about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Tally {
    /// Good messages.
    pub messages: u64,
    /// Datagrams of more than 1024 bytes.
    pub too_long: u64,
    /// Datagrams that are not UTF-8.
    pub not_utf8: u64,
    /// Datagrams that the stack dropped before they were seen: [`Datagrams::lost`].
    pub lost: u64,
    /// Replies that left.
    pub replies: u64,
    /// Replies that didn't leave, as their source had had its share for this second.
    pub limited: u64,
    /// Replies that didn't leave, as the socket had no room or no way for them.
    pub unsent: u64,
}

impl Receiver {
    /// So many datagrams are taken in one poll at most, that a flood leaves time for other work.
    pub const BATCH: usize = 64;

    /// A receiver that has seen nothing.
    pub const fn new() -> Self {
        Self {
            buffer: Buffer::EMPTY,
            tally: Tally {
                messages: 0,
                too_long: 0,
                not_utf8: 0,
                lost: 0,
                replies: 0,
                limited: 0,
                unsent: 0,
            },
        }
    }

    /// Takes what has come, up to [`BATCH`](Self::BATCH) datagrams, and reports it.
    ///
    /// Returns when to call again: at once if more may be waiting, a little later after a failure,
    /// or only when the socket may be ready ([`NEVER`](Instant::NEVER)).
    pub fn poll<D: Datagrams>(
        &mut self,
        socket: &mut D,
        now: Instant,
        mut report: impl FnMut(Event<'_, D::Error>),
    ) -> Instant {
        for _ in 0..Self::BATCH {
            match self.take(socket) {
                Poll::Ready(Ok(datagram)) => {
                    report(Event::new(datagram.from, self.read(datagram.len)));
                }
                Poll::Ready(Err(error)) => {
                    report(Event::Failed { error: &error });
                    return now + RETRY;
                }
                Poll::Pending => return Instant::NEVER,
            }
        }
        now
    }

    /// What has come so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Takes one datagram into the buffer.
    pub(crate) fn take<D: Datagrams>(
        &mut self,
        socket: &mut D,
    ) -> Poll<Result<Datagram, D::Error>> {
        let taken = socket.receive_from(self.buffer.space(0));
        if !matches!(taken, Poll::Ready(Ok(_))) {
            // It may be a system call: not one for each datagram of a flood.
            let lost = socket.lost();
            if lost > 0 {
                self.tally.lost = lost; // where it never is, none of this takes flash
            }
        }
        taken
    }

    /// Reads the datagram in the buffer, which had `len` bytes, also if the buffer has not.
    pub(crate) fn read(&mut self, len: usize) -> Result<Text<'_>, TextError> {
        let text = if len > MAX_TEXT {
            Err(TextError::TooLong)
        } else {
            Text::from_bytes(self.buffer.text(0, len))
        };
        let counter = match text {
            Ok(_) => &mut self.tally.messages,
            Err(TextError::TooLong) => &mut self.tally.too_long,
            Err(TextError::NotUtf8 { .. }) => &mut self.tally.not_utf8,
        };
        *counter = counter.wrapping_add(1);
        text
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Receiver");
        shown.field("tally", &self.tally).finish_non_exhaustive()
    }
}
