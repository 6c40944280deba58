//! A silent client that waits for the server's deadline while others are asked.

use core::task::Poll;

use super::stack::Tester;
use super::verdict::End;
use crate::time::Instant;

/// The client, and what it was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silent {
    pub(super) slot: usize,
    /// When it began to connect.
    pub(super) since: Instant,
    came: [u8; 40],
    len: usize,
    /// How its connection ended, and when.
    pub(super) ended: Option<(End, Instant)>,
}

impl Silent {
    pub(super) const fn new(slot: usize, since: Instant) -> Self {
        Self {
            slot,
            since,
            came: [0; 40],
            len: 0,
            ended: None,
        }
    }

    /// What it was told.
    pub(super) fn told(&self) -> &[u8] {
        self.came.get(..self.len).unwrap_or_default()
    }

    /// Takes what has come.
    pub(super) fn hear(&mut self, stack: &mut dyn Tester) {
        while self.ended.is_none() {
            let space = self.came.get_mut(self.len..).unwrap_or_default();
            let end = if space.is_empty() {
                End::Flood
            } else {
                match stack.receive(self.slot, space) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(0)) => End::Fin,
                    Poll::Ready(Ok(n)) => {
                        self.len = self.len.saturating_add(n).min(self.came.len());
                        continue;
                    }
                    Poll::Ready(Err(kind)) => End::Broken(kind),
                }
            };
            self.ended = Some((end, stack.now()));
        }
    }
}
