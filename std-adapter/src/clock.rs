//! Time as core wants it, and how long to wait in the system.

use std::time::{self, Duration};

use greet_core::time::Instant;

/// Counts from when it was made.
#[derive(Clone, Copy)]
pub(crate) struct Clock(time::Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(time::Instant::now())
    }

    pub(crate) fn now(self) -> Instant {
        Instant::at(self.0.elapsed())
    }
}

/// How long to wait at `now` for something that is due at `due`.
///
/// Never more than a day, as some systems refuse to wait for longer than they can count (kevent on
/// macOS: 10^8 s). Who waits looks at the time again in any case.
pub(crate) fn wait(due: Instant, now: Instant) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    due.wait(now).map(|span| span.min(LONGEST))
}
