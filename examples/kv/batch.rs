//! The client's side of one connection, as a [`Machine`]: requests out, all at once, and their
//! replies in.

use greet_core::embedded_io::ErrorKind;
use greet_core::machine::{Machine, Want};
use greet_core::time::Instant;

/// Sends lines and FIN, and takes replies up to FIN. They must leave a byte of their room free.
#[derive(Debug)]
pub struct Batch<'a> {
    requests: &'a [u8],
    closed: bool,
    room: &'a mut [u8],
    len: usize,
    deadline: Instant,
    outcome: Option<Result<(), ErrorKind>>,
}

impl<'a> Batch<'a> {
    /// Requests whose replies must all have come by `deadline`.
    pub const fn new(requests: &'a [u8], room: &'a mut [u8], deadline: Instant) -> Self {
        Self {
            requests,
            closed: false,
            room,
            len: 0,
            deadline,
            outcome: None,
        }
    }

    /// What has come so far.
    pub fn replies(&self) -> &[u8] {
        &self.room[..self.len]
    }

    fn end(&mut self, outcome: Result<(), ErrorKind>) {
        self.outcome.get_or_insert(outcome);
    }
}

impl Machine for Batch<'_> {
    type Outcome = Result<(), ErrorKind>;

    fn want(&self) -> Want {
        match (self.outcome, self.closed) {
            (Some(_), _) => Want::Done,
            (None, true) => Want::Read,
            // Replies are taken while requests leave: else both sides would wait for each other.
            (None, false) => Want::Both,
        }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.room[self.len..]
    }

    fn received(&mut self, n: usize, _now: Instant) {
        self.len += n.min(self.room.len() - self.len);
        if self.len == self.room.len() {
            self.end(Err(ErrorKind::OutOfMemory));
        }
    }

    /// A server that leaves before it has all requests hasn't answered them.
    fn received_fin(&mut self, _now: Instant) {
        self.end(if self.closed {
            Ok(())
        } else {
            Err(ErrorKind::BrokenPipe)
        });
    }

    fn transmit(&self) -> &[u8] {
        self.requests
    }

    fn fin_follows(&self) -> bool {
        !self.closed
    }

    fn transmitted(&mut self, n: usize, _now: Instant) {
        self.requests = self.requests.get(n..).unwrap_or_default();
    }

    fn finished(&mut self, _now: Instant) {
        self.closed = self.requests.is_empty();
    }

    fn lost(&mut self, kind: ErrorKind) {
        self.end(Err(kind));
    }

    fn due(&self) -> Instant {
        self.outcome.map_or(self.deadline, |_| Instant::NEVER)
    }

    fn timeout(&mut self, now: Instant) {
        if now >= self.deadline {
            self.end(Err(ErrorKind::TimedOut));
        }
    }

    fn outcome(&self) -> Option<Self::Outcome> {
        self.outcome
    }
}
