//! Time as core wants it, and waits until something is due.

use std::io;
use std::thread;
use std::time::{self, Duration};

use greet_core::time::Instant;
use mio::{Events, Poll};

/// Counts from when it was made.
#[derive(Clone, Copy, Debug)]
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

/// Waits at `now` until something is ready, or due at `due`. A signal ends the wait early, without an
/// event.
///
/// # Errors
///
/// The system can't wait for these sockets any more.
pub(crate) fn wait_for(
    poll: &mut Poll,
    events: &mut Events,
    due: Instant,
    now: Instant,
) -> io::Result<()> {
    /// So that a system whose waits are always interrupted, as some sandboxes' are, leaves the
    /// processor to others. Nobody notices it once.
    const INTERRUPTED: Duration = Duration::from_millis(1);
    match poll.poll(events, wait(due, now)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            thread::sleep(INTERRUPTED);
            Ok(())
        }
        done => done,
    }
}
