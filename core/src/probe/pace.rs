//! How many messages may leave: a receiver answers each source a hundred times a second at most, and what it
//! holds back would look lost.

use core::time::Duration;

use super::noted::Left;
use super::session::Session;

/// So many at most leave in a second, and some are left for what is asked in between.
const MOST: u16 = 90;

/// A second, and a little more: its clock isn't ours.
const SECOND: Duration = Duration::from_millis(1_020);

/// How far apart messages are that never have to wait.
pub(super) const APART: Duration = Duration::from_micros(11_200);

impl Session<'_> {
    /// Waits until so many messages may leave at once.
    pub(super) fn make_way(&mut self, messages: u16) {
        let Left { last, count } = self.known.left;
        let Some(last) = last else { return };
        let (now, free) = (self.stack.now(), last + SECOND);
        if now < free && count.saturating_add(messages) > MOST {
            self.pause(free.since(now));
            self.known.left.count = 0;
        }
    }

    /// Counts one that leaves.
    pub(super) fn note_message(&mut self) {
        let now = self.stack.now();
        let Left { last, count } = &mut self.known.left;
        if last.is_none_or(|last| now >= last + SECOND) {
            *count = 0;
        }
        *count = count.saturating_add(1);
        *last = Some(now);
    }
}
