//! A client that sends line after line without waiting, and reads what comes meanwhile.
//!
//! It sends the lines of numbered clients, which all have the same length, so where it is on its way
//! is two numbers, and lines without number need no memory.

use core::task::Poll;

use super::bytes::{LINE, line_byte};
use super::session::Session;
use super::verdict::{Cause, End, Expected};
use crate::limits::GREETING;

/// How many bytes each reply has.
const REPLY: usize = GREETING.len() + LINE;

/// So many bytes are sent at once, if the stack takes them.
const AT_ONCE: usize = 512;

/// Lines of numbered clients on one connection.
pub(super) struct Pipeline {
    slot: usize,
    lines: usize,
    /// How many bytes of them were sent.
    sent: usize,
    /// How many bytes of replies came, and were right.
    came: usize,
}

impl Pipeline {
    /// So many lines for a connection.
    pub(super) fn new(slot: usize, lines: u32) -> Self {
        Self {
            slot,
            lines: usize::try_from(lines).unwrap_or(usize::MAX / REPLY),
            sent: 0,
            came: 0,
        }
    }

    /// Sends what the connection takes at once, and says whether that was something.
    pub(super) fn send(&mut self, session: &mut Session<'_>) -> bool {
        let (sent, all) = (self.sent, self.lines * LINE);
        let len = session.fill(|at| {
            let offset = sent + at;
            let byte = line_byte(number(offset / LINE), offset % LINE);
            byte.filter(|_| at < AT_ONCE && offset < all)
        });
        let bytes = session.room.get(..len).unwrap_or_default();
        if bytes.is_empty() {
            return false;
        }
        match session.stack.send(self.slot, bytes) {
            Poll::Ready(Ok(n)) => {
                self.sent += n.min(len);
                n > 0
            }
            // The replies say what became of it.
            Poll::Ready(Err(_)) | Poll::Pending => false,
        }
    }

    /// Sends and takes what goes at once, and says whether that was something.
    pub(super) fn step(&mut self, session: &mut Session<'_>) -> Result<bool, Cause> {
        let sent = self.send(session);
        Ok(self.receive(session)? || sent)
    }

    /// Goes on until all lines are sent and answered.
    pub(super) fn run(&mut self, session: &mut Session<'_>) -> Result<(), Cause> {
        let mut until = session.bound();
        while self.came < self.lines * REPLY {
            if self.step(session)? {
                until = session.bound();
            } else if session.stack.now() >= until {
                let right = self.came % REPLY;
                return Err(self.wrong(session, self.came - right, right, End::Silence));
            } else {
                session.wait(until);
            }
        }
        Ok(())
    }

    /// Takes what has come, and compares it.
    fn receive(&mut self, session: &mut Session<'_>) -> Result<bool, Cause> {
        // In the room, it stands behind the part of its reply that came before.
        let before = self.came % REPLY;
        let start = self.came - before;
        let most = session.room.len().min(self.lines * REPLY - start);
        let space = session.room.get_mut(before..most).unwrap_or_default();
        if space.is_empty() {
            return Ok(false);
        }
        let (len, end) = match session.stack.receive(self.slot, space) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => (before, End::Fin),
            Poll::Ready(Ok(n)) => ((before + n).min(most), End::Open),
            Poll::Ready(Err(kind)) => (before, End::Broken(kind)),
        };
        while let Some(byte) = session
            .room
            .get(..len)
            .and_then(|room| room.get(self.came - start))
        {
            if self.due().byte(self.came % REPLY) != Some(*byte) {
                return Err(self.wrong(session, start, len, end));
            }
            self.came += 1;
        }
        if end == End::Open {
            return Ok(true);
        }
        Err(self.wrong(session, start, len, end))
    }

    /// The reply that is on its way, or next.
    fn due(&self) -> Expected {
        Expected::Line(number(self.came / REPLY))
    }

    /// Leaves the reply that went wrong in the room, as far as it is known, for the report. Of the
    /// bytes after `start`, the room has those up to `len`, but for those of an earlier call.
    fn wrong(&self, session: &mut Session<'_>, start: usize, len: usize, end: End) -> Cause {
        let expected = self.due();
        let right = self.came % REPLY;
        let from = self.came - right - start;
        session.room.copy_within(from..len, 0);
        session.received = len - from;
        for (place, byte) in session.room.iter_mut().zip(expected.bytes().take(right)) {
            *place = byte;
        }
        Cause::Reply { expected, end }
    }
}

/// Numbers begin again after 65,535.
fn number(line: usize) -> u16 {
    u16::try_from(line % (1 << 16)).unwrap_or_default()
}
