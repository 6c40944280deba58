//! Which frames make a verdict: checks mark them, so that evidence begins with them, however many there were.

use super::Bench;
use super::watch::Oddity;

/// Of a frame that was answered, or that came by itself.
const LOOKED_AT: &str = "looked at last";

/// Of a frame of its own behind which nothing came.
const UNANSWERED: &str = "nothing that was due came after this";

impl Bench<'_> {
    /// Marks a frame that makes the verdict, if the check doesn't pass.
    pub(crate) fn mark(&mut self, number: u64, words: impl Into<String>) {
        self.recording.mark(number, words.into());
    }

    /// The verdict falls at this, unless something else is marked or looked at later.
    pub(crate) fn looked_at(&mut self, number: u64) {
        self.recording.point(number, LOOKED_AT);
    }

    /// The same of a frame of its own that wasn't answered.
    pub(crate) fn not_answered(&mut self, number: u64) {
        self.recording.point(number, UNANSWERED);
    }

    /// The same of something that must not have come.
    pub(crate) fn forbidden(&mut self, number: u64) {
        self.recording.point(number, "this must not come");
    }

    /// The number of the frame that it has sent last.
    pub(crate) fn last_sent(&self) -> u64 {
        self.recording.last_own()
    }

    /// Marks the frame that it has sent last: the board doesn't do what it did before.
    pub(crate) fn mark_last_sent(&mut self) {
        self.mark(self.last_sent(), UNANSWERED);
    }

    /// Shows the frames of checks before that were odd in this way.
    pub(crate) fn exhibit(&mut self, oddity: Oddity) {
        for odd in self.watch.odd.iter().filter(|odd| odd.oddity == oddity) {
            self.recording.exhibit(odd.time, &odd.frame, oddity.words());
        }
    }
}
