//! Real time, as cables count it, and waiting for a descriptor.

use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{self, SystemTime};

use greet_core::time::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: time::Instant,
    origin: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: time::Instant::now(),
            origin: since_1970(),
        }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::at(self.start.elapsed())
    }

    /// How long after the beginning of 1970 it started.
    pub(crate) fn origin(self) -> Duration {
        self.origin
    }

    /// The moment of something that the system noted at so long after the beginning of 1970. The
    /// machine's clock may be set meanwhile, so only the age of what was noted counts.
    #[cfg(target_os = "linux")]
    pub(crate) fn noted(self, stamp: Duration) -> Instant {
        let age = since_1970().saturating_sub(stamp);
        Instant::at(self.start.elapsed().saturating_sub(age))
    }

    /// Waits until there is something to read, or until this time at the latest. A signal ends it early.
    pub(crate) fn wait(self, descriptor: BorrowedFd<'_>, until: Instant) -> io::Result<()> {
        // Longer than any wait, and not too long for any system.
        const LONGEST: Duration = Duration::from_hours(24);
        let most = until.wait(self.now()).unwrap_or(LONGEST).min(LONGEST);
        let timeout = Timespec::try_from(most).ok();
        let descriptor = descriptor.as_fd();
        let mut watched = [PollFd::new(&descriptor, PollFlags::IN)];
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
