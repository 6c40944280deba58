//! The names that a [`Pipeline`](super::Pipeline) has been given and that aren't answered: a ring of
//! bytes. From it they leave, and against it their replies are held.

use crate::line_feed;

/// Lines one behind the other, the first in front. What is before `sent` has left.
pub(super) struct Flight<const N: usize> {
    bytes: [u8; N],
    /// Where the first line begins.
    start: usize,
    /// Bytes of all lines, and how many of them have left.
    len: usize,
    sent: usize,
    lines: u32,
    /// How long the first line is, once that was looked at, which happens once.
    first: usize,
    /// The last line has no line feed.
    open_end: bool,
}

impl<const N: usize> Flight<N> {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; N],
        start: 0,
        len: 0,
        sent: 0,
        lines: 0,
        first: 0,
        open_end: false,
    };

    /// How many lines there are.
    pub(super) const fn lines(&self) -> u32 {
        self.lines
    }

    /// Adds a line, and says whether there was room.
    pub(super) fn push(&mut self, name: &[u8], end: &[u8]) -> bool {
        if N - self.len < name.len() + end.len() {
            return false;
        }
        for part in [name, end] {
            let at = wrapped::<N>(self.start + self.len);
            // Not copy_from_slice, in which a program optimized for size keeps a panic.
            let ends = part.len().min(N.saturating_sub(at));
            let back = part.get(ends..).unwrap_or_default();
            let front = self.bytes.get_mut(at..).unwrap_or_default();
            for (to, from) in front.iter_mut().zip(part) {
                *to = *from;
            }
            for (to, from) in self.bytes.iter_mut().zip(back) {
                *to = *from;
            }
            self.len += part.len();
        }
        self.lines += 1;
        self.open_end = end.is_empty();
        true
    }

    /// What is to leave next, in one piece.
    pub(super) fn unsent(&self) -> &[u8] {
        self.pieces(self.sent, self.len).0
    }

    /// Whether nothing is left behind [`unsent`](Self::unsent).
    pub(super) fn is_all(&self) -> bool {
        self.pieces(self.sent, self.len).1.is_empty()
    }

    pub(super) fn mark_sent(&mut self, n: usize) {
        self.sent += n.min(self.unsent().len());
    }

    /// The first line in two pieces, if all of it has left.
    pub(super) fn first(&mut self) -> Option<[&[u8]; 2]> {
        if self.first == 0 {
            let (front, back) = self.pieces(0, self.len);
            self.first = match (line_feed::find(front), line_feed::find(back)) {
                (Some(at), _) => at + 1,
                (None, Some(at)) => front.len() + at + 1,
                (None, None) => self.len,
            };
        }
        let (front, back) = self.pieces(0, self.first);
        (self.lines > 0 && self.first <= self.sent).then_some([front, back])
    }

    /// Whether the first line is the last, and has no line feed.
    pub(super) const fn is_open_end(&self) -> bool {
        self.lines == 1 && self.open_end
    }

    /// Takes the [first](Self::first) line out.
    pub(super) fn pop(&mut self) {
        self.start = wrapped::<N>(self.start + self.first);
        self.len = self.len.saturating_sub(self.first);
        self.sent = self.sent.saturating_sub(self.first);
        self.lines = self.lines.saturating_sub(1);
        self.first = 0;
    }

    /// Bytes `from..to` of the lines, before and behind the end of the ring.
    fn pieces(&self, from: usize, to: usize) -> (&[u8], &[u8]) {
        let at = wrapped::<N>(self.start + from);
        let front = (to - from).min(N - at);
        let behind = to - from - front;
        (
            self.bytes.get(at..at + front).unwrap_or_default(),
            self.bytes.get(..behind).unwrap_or_default(),
        )
    }
}

/// An offset of less than two rounds, within one.
const fn wrapped<const N: usize>(at: usize) -> usize {
    if at < N { at } else { at - N }
}
