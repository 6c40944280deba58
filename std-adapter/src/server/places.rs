//! The limit of connections: acceptors wait here when the server is full, or lacks file
//! descriptors.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts the connections that are held.
pub(super) struct Places {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: usize,
    /// The server stops at once: nobody waits any more.
    closed: bool,
    /// Somebody has reported that resources are missing, and nobody has been accepted since.
    starved: bool,
}

impl Places {
    /// How long an acceptor that lacks a resource waits before it asks again, if no place is given
    /// back: others in this process or on this machine may have had it.
    const RETRY: Duration = Duration::from_millis(100);

    pub(super) fn new(places: usize) -> Self {
        let state = State {
            free: places,
            closed: false,
            starved: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Takes a place, once there is one. `false`: the server stops at once.
    pub(super) fn take(&self) -> bool {
        let full = |state: &mut State| state.free == 0 && !state.closed;
        let mut state = self
            .changed
            .wait_while(self.lock(), full)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return false;
        }
        state.free -= 1;
        true
    }

    /// Gives a place back.
    pub(super) fn give_back(&self) {
        self.lock().free += 1;
        self.changed.notify_one();
    }

    /// Waits a little, as a resource is missing. The first to notice reports it.
    pub(super) fn starve(&self, report: impl FnOnce()) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.starved, true) {
            drop(state);
            report();
            state = self.lock();
        }
        if !state.closed {
            // Whether something changed or time is over: the caller asks the system again.
            let _ = self.changed.wait_timeout(state, Self::RETRY);
        }
    }

    /// Notes that there are resources again.
    pub(super) fn recover(&self) {
        self.lock().starved = false;
    }

    /// Makes nobody wait any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// No code panics while it holds the lock; a number is never half written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
