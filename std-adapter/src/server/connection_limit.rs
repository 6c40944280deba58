//! The limit of connections: acceptors wait here when the server is full, or lacks file
//! descriptors.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::failure::Episode;

/// Counts the connections that are held.
pub(super) struct ConnectionLimit {
    state: Mutex<State>,
    /// A place is free.
    vacant: Condvar,
    /// A connection was closed, so that there may be descriptors again.
    relieved: Condvar,
}

struct State {
    free: usize,
    /// So many acceptors have a place for the next client.
    ready: usize,
    /// None has, and one of the others finds out whether somebody waits.
    watched: bool,
    call: Call,
    /// So many acceptors wait for either, so that nobody is woken in vain: a system call each time.
    takers: usize,
    starving: usize,
    /// The server stops at once: nobody waits any more.
    closed: bool,
    starvation: Episode,
}

/// Whether a client should give its place to another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Nobody,
    /// All places are taken, and somebody waits.
    Somebody,
    /// An event loop sees to it.
    Answered,
}

impl ConnectionLimit {
    /// How long an acceptor that lacks a resource waits before it asks again, if no place is given
    /// back: others in this process or on this machine may have had it.
    const RETRY: Duration = Duration::from_millis(100);

    pub(super) fn new(places: usize) -> Self {
        let state = State {
            free: places,
            ready: 0,
            watched: false,
            call: Call::Nobody,
            takers: 0,
            starving: 0,
            closed: false,
            starvation: Episode::default(),
        };
        Self {
            state: Mutex::new(state),
            vacant: Condvar::new(),
            relieved: Condvar::new(),
        }
    }

    /// Takes a place for the next client, once there is one. `false`: the server stops at once.
    ///
    /// While all are taken, one acceptor asks `is_awaited`, which waits until a client comes, and
    /// then has `call` wake the event loops, so that somebody gives way.
    pub(super) fn take(&self, is_awaited: impl Fn() -> bool, call: impl Fn()) -> bool {
        let mut state = self.lock();
        while state.is_full() {
            if state.ready > 0 || state.watched {
                state = self.wait(state, |state| state.ready > 0 || state.watched);
                continue;
            }
            state.watched = true;
            drop(state);
            let awaited = is_awaited();
            state = self.lock();
            if awaited && state.is_full() {
                state.call = Call::Somebody;
                drop(state);
                call();
                state = self.wait(self.lock(), |state| state.call != Call::Nobody);
            } else {
                state = self.wait(state, |_| true);
            }
            state.watched = false;
        }
        if state.closed {
            return false;
        }
        state.free -= 1;
        state.ready += 1;
        if state.call != Call::Nobody {
            state.call = Call::Nobody;
            self.vacant.notify_all(); // who had called looks anew
        }
        true
    }

    /// A client has taken the place of an acceptor along.
    pub(super) fn hand_on(&self) {
        self.lock().ready -= 1;
    }

    /// Gives the place of an acceptor back.
    pub(super) fn give_up(&self) {
        self.hand_on();
        self.give_back();
    }

    /// Whether somebody should give way.
    pub(super) fn is_called(&self) -> bool {
        self.lock().call == Call::Somebody
    }

    /// Takes it upon an event loop that somebody gives way. `false`: another has done so.
    pub(super) fn answer(&self) -> bool {
        let mut state = self.lock();
        let called = state.call == Call::Somebody;
        if called {
            state.call = Call::Answered;
        }
        called
    }

    /// Who was to give way hasn't left yet.
    pub(super) fn call_again(&self) {
        let mut state = self.lock();
        if state.call == Call::Answered {
            state.call = Call::Somebody;
        }
    }

    /// Gives the place of a client back.
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

    /// Waits a little, as a resource is missing or the system forbids to accept. The first to notice
    /// reports it.
    ///
    /// Where it is a place among the open files, and somebody waits, `call` has the event loops end
    /// somebody, as where all places are taken.
    pub(super) fn starve(&self, clock: Clock, call: Option<impl FnOnce()>, report: impl FnOnce()) {
        let mut state = self.lock();
        if state.starvation.begins(clock.now()) {
            drop(state);
            report();
            state = self.lock();
        }
        if state.closed {
            return;
        }
        state.starving += 1;
        let calls = call.is_some();
        if let Some(call) = call {
            state.call = Call::Somebody;
            drop(state);
            call();
            state = self.lock();
        }
        // Whether something changed or time is over: the caller asks the system again.
        state = self
            .relieved
            .wait_timeout(state, Self::RETRY)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        if calls {
            state.call = Call::Nobody;
        }
        state.starving -= 1;
        state.starvation.goes_on(clock.now());
    }

    /// Makes nobody wait any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.vacant.notify_all();
        self.relieved.notify_all();
    }

    /// Waits as long as all places are taken, and this holds.
    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        still: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        state.takers += 1;
        let mut state = self
            .vacant
            .wait_while(state, |state| state.is_full() && still(state))
            .unwrap_or_else(PoisonError::into_inner);
        state.takers -= 1;
        state
    }

    /// No code panics while it holds the lock; a number is never half written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether an acceptor has to wait for a place.
    const fn is_full(&self) -> bool {
        self.free == 0 && !self.closed
    }
}
