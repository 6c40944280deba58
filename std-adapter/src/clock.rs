//! Time as core wants it: a duration since a fixed start.

use std::time::{Duration, Instant};

/// Counts from when it was made.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// How long to wait at `now` for something that is due at `due`, in a unit that no poll rounds down
/// to zero.
pub(crate) fn wait(due: Option<Duration>, now: Duration) -> Option<Duration> {
    due.map(|due| due.saturating_sub(now))
}
