//! A polled client: one machine over one [`Stream`].
//!
//! Connecting is the transport's business; a stream that is still at it is merely not ready.

use core::task::Poll;

use crate::drive::drive;
use crate::machine::{Machine, Want};
use crate::time::Instant;
use crate::transport::Stream;

/// Has one conversation with a server, such as a [`Request`](crate::request::Request).
#[derive(Debug)]
pub struct Client<M> {
    machine: M,
    /// The last poll left something to do.
    more: bool,
    /// What the machine wanted when nothing more could be done.
    wanted: Want,
}

impl<M: Machine> Client<M> {
    /// A client whose side of the conversation is this machine.
    pub const fn new(machine: M) -> Self {
        Self {
            machine,
            more: true,
            wanted: Want::Done,
        }
    }

    /// Does all that can be done at `now`: sends, receives, and returns the outcome once it is
    /// there.
    ///
    /// Call it again whenever the stream may be ready, and when it is [due](Self::due) at the
    /// latest. After the outcome, it returns the same again and leaves the stream alone.
    pub fn poll<S: Stream>(&mut self, stream: &mut S, now: Instant) -> Poll<M::Outcome> {
        if self.machine.outcome().is_none() {
            self.more = drive(&mut self.machine, stream, now);
            self.wanted = self.machine.want();
        }
        match self.machine.outcome() {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }

    /// When to call [`poll`](Self::poll) at the latest. [`NEVER`](Instant::NEVER): there is an
    /// outcome.
    #[must_use]
    pub fn due(&self) -> Instant {
        if self.more || self.wanted != self.machine.want() {
            Instant::START
        } else {
            self.machine.due()
        }
    }

    /// The machine: that of a greeting has the answer.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, to be given what it is to send, or to be rid of what came: as a
    /// [`Pipeline`](crate::pipeline::Pipeline) is, between two polls. If it wants something else after
    /// that, a poll is [due](Self::due).
    pub const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The machine, to be kept.
    pub fn into_machine(self) -> M {
        self.machine
    }
}
