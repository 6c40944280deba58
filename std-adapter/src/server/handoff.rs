//! Where an acceptor leaves a client for the event loop of its worker.
//!
//! The acceptor itself has the client watched, so the loop isn't woken for it: it hears of the client
//! when bytes come, as if it had registered the client itself. Only a client who is due before the
//! loop would look at the time again is worth a wake-up.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use greet_core::machine::Service;
use greet_core::time::Instant;
use mio::{Registry, Token, Waker};

use super::slow_connection::SlowConnection;

/// Between an acceptor and an event loop.
pub(super) struct Handoff<M: Service> {
    registry: Registry,
    waker: Arc<Waker>,
    state: Mutex<State<M>>,
}

struct State<M: Service> {
    arrivals: Arrivals<M>,
    keys: Keys,
    /// When the loop wakes, whether anybody wakes it or not.
    wakes_at: Instant,
    closed: bool,
}

/// Clients and their keys. The key is also the token under which a client is watched.
pub(super) type Arrivals<M> = Vec<(usize, SlowConnection<M>)>;

/// Small numbers that nobody has.
#[derive(Default)]
struct Keys {
    next: usize,
    returned: Vec<usize>,
}

impl<M: Service> Handoff<M> {
    pub(super) fn new(registry: Registry, waker: Arc<Waker>) -> Self {
        let state = State {
            arrivals: Vec::new(),
            keys: Keys::default(),
            wakes_at: Instant::START, // it isn't asleep yet
            closed: false,
        };
        Self {
            registry,
            waker,
            state: Mutex::new(state),
        }
    }

    /// Has a client watched, and leaves it for the loop.
    ///
    /// # Errors
    ///
    /// The system can't watch it. It is handed back.
    pub(super) fn put(
        &self,
        mut connection: SlowConnection<M>,
    ) -> Result<(), (SlowConnection<M>, io::Error)> {
        let due = connection.timer;
        // Both under one lock: the loop never hears of a client whom it can't find here.
        let mut state = self.lock();
        let key = state.keys.take();
        if let Err(error) = connection.watch(&self.registry, Token(key)) {
            state.keys.returned.push(key);
            return Err((connection, error));
        }
        state.arrivals.push((key, connection));
        let oversleeps = due < state.wakes_at;
        if oversleeps {
            state.wakes_at = due; // the next one need not wake it again
        }
        drop(state);
        if oversleeps {
            self.wake();
        }
        Ok(())
    }

    /// Nobody else comes.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake();
    }

    /// Takes who has come, and the keys back of those who have gone. `false`: nobody else comes.
    pub(super) fn take(&self, arrivals: &mut Arrivals<M>, gone: &mut Vec<usize>) -> bool {
        let mut state = self.lock();
        mem::swap(&mut state.arrivals, arrivals);
        state.keys.returned.append(gone);
        !state.closed
    }

    /// The loop will sleep until then at the latest, unless there is somebody already: it gets back
    /// until when it may.
    pub(super) fn sleep_until(&self, wakes_at: Instant) -> Instant {
        let mut state = self.lock();
        state.wakes_at = if state.arrivals.is_empty() && !state.closed {
            wakes_at
        } else {
            Instant::START
        };
        state.wakes_at
    }

    /// Has the loop look for who has come.
    pub(super) fn wake(&self) {
        // It fails only where the loop is gone, which ends the server.
        let _ = self.waker.wake();
    }

    /// No code panics while it holds the lock and the state is half changed.
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn take(&mut self) -> usize {
        self.returned.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }
}
