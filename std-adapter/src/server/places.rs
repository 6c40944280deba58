//! The limit of connections: acceptors wait here when the server is full, or lacks file
//! descriptors.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use greet_core::time::Instant;

use crate::clock::Clock;

/// Counts the connections that are held.
pub(super) struct Places {
    state: Mutex<State>,
    /// A place is free.
    vacant: Condvar,
    /// A connection was closed, so that there may be descriptors again.
    relieved: Condvar,
}

struct State {
    free: usize,
    /// So many acceptors wait for either, so that nobody is woken in vain: a system call each time.
    takers: usize,
    starving: usize,
    /// The server stops at once: nobody waits any more.
    closed: bool,
    /// When resources were missing last.
    starved: Option<Instant>,
}

impl Places {
    /// How long an acceptor that lacks a resource waits before it asks again, if no place is given
    /// back: others in this process or on this machine may have had it.
    const RETRY: Duration = Duration::from_millis(100);

    /// So long there must be no lack, before the next one is news. Otherwise a server at its limit
    /// would report each client who takes the last descriptor.
    const EPISODE: Duration = Duration::from_secs(1);

    pub(super) fn new(places: usize) -> Self {
        let state = State {
            free: places,
            takers: 0,
            starving: 0,
            closed: false,
            starved: None,
        };
        Self {
            state: Mutex::new(state),
            vacant: Condvar::new(),
            relieved: Condvar::new(),
        }
    }

    /// Takes a place, once there is one. `false`: the server stops at once.
    pub(super) fn take(&self) -> bool {
        let full = |state: &mut State| state.free == 0 && !state.closed;
        let mut state = self.lock();
        state.takers += 1;
        let mut state = self
            .vacant
            .wait_while(state, full)
            .unwrap_or_else(PoisonError::into_inner);
        state.takers -= 1;
        if state.closed {
            return false;
        }
        state.free -= 1;
        true
    }

    /// Gives a place back.
    pub(super) fn give_back(&self) {
        let mut state = self.lock();
        state.free += 1;
        let (takers, starving) = (state.takers, state.starving);
        drop(state);
        if takers > 0 {
            self.vacant.notify_one();
        }
        if starving > 0 {
            self.relieved.notify_one();
        }
    }

    /// Waits a little, as a resource is missing. The first to notice reports it.
    pub(super) fn starve(&self, clock: Clock, report: impl FnOnce()) {
        let mut state = self.lock();
        let now = clock.now();
        let last = state.starved.replace(now);
        if last.is_none_or(|last| now.since(last) >= Self::EPISODE) {
            drop(state);
            report();
            state = self.lock();
        }
        if !state.closed {
            state.starving += 1;
            // Whether something changed or time is over: the caller asks the system again.
            state = self
                .relieved
                .wait_timeout(state, Self::RETRY)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.starving -= 1;
            state.starved = Some(clock.now());
        }
    }

    /// Makes nobody wait any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.vacant.notify_all();
        self.relieved.notify_all();
    }

    /// No code panics while it holds the lock; a number is never half written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
