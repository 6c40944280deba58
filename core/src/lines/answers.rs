//! Answers on their way: those to many lines leave in one piece.

use crate::error::Refusal;
use crate::limits::{GREETING, MAX_REPLY};
use crate::shift;

/// Room for two of the longest answers, or for many short ones.
const GREETINGS: usize = 2 * MAX_REPLY;

/// Room behind them for a refusal, so that it never has to wait for room.
const OUTPUT: usize = GREETINGS + 64;

pub(super) struct Answers {
    /// Bytes of answers, and how many of them have left.
    len: u16,
    sent: u16,
    /// The last answer is a greeting without a line feed.
    open_end: bool,
    /// The last answer is a refusal.
    refused: bool,
    /// Greetings that were given or are on their way.
    greeted: u32,
    bytes: [u8; OUTPUT],
}

impl Answers {
    pub(super) const EMPTY: Self = Self {
        len: 0,
        sent: 0,
        open_end: false,
        refused: false,
        greeted: 0,
        bytes: [0; OUTPUT],
    };

    /// Nothing is on its way, and so many were greeted before.
    pub(super) fn clear(&mut self, greeted: u32) {
        self.len = 0;
        self.sent = 0;
        self.open_end = false;
        self.refused = false;
        self.greeted = greeted;
    }

    /// Whether nothing is on its way.
    pub(super) const fn is_empty(&self) -> bool {
        self.sent == self.len
    }

    pub(super) fn unsent(&self) -> &[u8] {
        self.bytes
            .get(self.sent.into()..self.len.into())
            .unwrap_or_default()
    }

    /// Whether the last answer is a refusal: there is no room behind it.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether the last answer is a greeting without a line feed.
    pub(super) const fn is_open_end(&self) -> bool {
        self.open_end
    }

    /// Greetings that were given or are on their way.
    pub(super) const fn greeted(&self) -> u32 {
        self.greeted
    }

    /// Greets a line or the last name, if there is room for that, and says so.
    #[inline]
    pub(super) fn greet(&mut self, name: &[u8]) -> bool {
        let len = GREETING.len() + name.len();
        // Once half of the room has come free: so a byte is moved once at most.
        if GREETINGS - usize::from(self.len) < len && usize::from(self.sent) >= GREETINGS / 2 {
            let unsent = usize::from(self.sent)..self.len.into();
            let answers = self.bytes.get_mut(..unsent.end).unwrap_or_default();
            shift::to_front(answers, unsent.start);
            self.len -= self.sent;
            self.sent = 0;
        }
        let greetings = self.bytes.get_mut(self.len.into()..GREETINGS);
        let Some((hello, rest)) = greetings.and_then(<[u8]>::split_first_chunk_mut) else {
            return false;
        };
        let Some(to) = rest.get_mut(..name.len()) else {
            return false;
        };
        *hello = HELLO;
        // Not copy_from_slice, in which a program optimized for size keeps a panic.
        for (to, from) in to.iter_mut().zip(name) {
            *to = *from;
        }
        self.len += short(len);
        self.greeted = self.greeted.saturating_add(1);
        self.open_end = !name.ends_with(b"\n");
        true
    }

    /// Puts a refusal behind the greetings.
    pub(super) fn refuse(&mut self, why: Refusal) {
        let room = self.bytes.get_mut(self.len.into()..);
        self.len += short(why.reply(room.unwrap_or_default()));
        self.refused = true;
    }

    /// So many bytes have left. Whether with them the last byte of an answer has.
    #[inline]
    pub(super) fn mark_sent(&mut self, n: usize) -> bool {
        let before = usize::from(self.sent);
        self.sent += short(n.min((self.len - self.sent).into()));
        if self.sent == self.len {
            self.len = 0;
            self.sent = 0;
            return true;
        }
        let left = self.bytes.get(before..self.sent.into());
        left.is_some_and(|left| left.contains(&b'\n'))
    }

    /// Greetings that have left to their last byte.
    pub(super) fn given(&self) -> u32 {
        if self.is_empty() {
            return self.greeted;
        }
        // What hasn't left ends in a refusal, if there is one, or in a name without line feed.
        let ends = self.unsent().split(|byte| *byte == b'\n').count() - 1;
        let unsent = ends.saturating_sub(usize::from(self.refused)) + usize::from(self.open_end);
        self.greeted
            .saturating_sub(u32::try_from(unsent).unwrap_or(u32::MAX))
    }
}

const HELLO: [u8; GREETING.len()] = {
    let mut hello = [0; GREETING.len()];
    hello.copy_from_slice(GREETING.as_bytes());
    hello
};

/// A length within the buffer.
#[expect(clippy::cast_possible_truncation, reason = "at most 2126")]
const fn short(len: usize) -> u16 {
    len as u16
}
