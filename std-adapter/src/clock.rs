//! Time as core wants it: a duration since a fixed start.

use std::time::{Duration, Instant};

/// Counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// How long to wait at `now` for something that is due at `due`.
///
/// Never more than a day, as some systems refuse to wait for longer than they can count (kevent on
/// macOS: 10^8 s). Who waits looks at the time again in any case.
pub(crate) fn wait(due: Option<Duration>, now: Duration) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    due.map(|due| due.saturating_sub(now).min(LONGEST))
}
