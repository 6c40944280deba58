//! The one buffer of a greeting: text is received behind `Hello, `, so that the reply is already
//! there.
//!
//! ```text
//!  0      7                                              1031 1032
//!  | Hello, | text: up to 1024 bytes, received in place ... |+1|
//! ```
//!
//! The spare byte tells text of exactly 1024 bytes from longer text. Offsets out of range give
//! empty slices; nothing here panics.

use crate::error::Refusal;
use crate::limits::{GREETING, MAX_REPLY, MAX_TEXT};

/// Room for the longest greeting and the byte that makes it too long.
pub(crate) const SIZE: usize = MAX_REPLY + 1;

pub(crate) struct Buffer([u8; SIZE]);

impl Buffer {
    /// Zeros, which cost a small board no flash. It greets once it is [restored](Self::restore).
    pub(crate) const EMPTY: Self = Self([0; SIZE]);

    pub(crate) const fn new() -> Self {
        let mut bytes = [0; SIZE];
        let (start, _) = bytes.split_at_mut(GREETING.len());
        start.copy_from_slice(GREETING.as_bytes());
        Self(bytes)
    }

    /// Makes it start with `Hello, ` again, after [`refuse`](Self::refuse) or
    /// [`scratch`](Self::scratch).
    pub(crate) fn restore(&mut self) {
        if let (Some(start), Some(greeting)) = (
            self.0.first_chunk_mut(),
            GREETING.as_bytes().first_chunk::<{ GREETING.len() }>(),
        ) {
            *start = *greeting;
        }
    }

    /// Where the bytes after the first `len` bytes of text go; one more than text may have.
    pub(crate) fn space(&mut self, len: usize) -> &mut [u8] {
        self.0.get_mut(GREETING.len() + len..).unwrap_or_default()
    }

    /// Bytes `from..to` of the text, but never the spare one.
    pub(crate) fn text(&self, from: usize, to: usize) -> &[u8] {
        let (from, to) = (GREETING.len() + from, GREETING.len() + to.min(MAX_TEXT));
        self.0.get(from..to).unwrap_or_default()
    }

    /// Bytes `from..to` of the reply.
    pub(crate) fn reply(&self, from: usize, to: usize) -> &[u8] {
        self.0.get(from..to).unwrap_or_default()
    }

    /// Puts a refusal in the place of the greeting, and returns its length.
    pub(crate) fn refuse(&mut self, why: Refusal) -> usize {
        why.reply(&mut self.0)
    }

    /// Room for bytes that nobody will look at, at most `limit`.
    pub(crate) fn scratch(&mut self, limit: u32) -> &mut [u8] {
        let room = usize::try_from(limit).unwrap_or(SIZE).min(SIZE);
        self.0.get_mut(..room).unwrap_or_default()
    }
}
