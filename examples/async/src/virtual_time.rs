//! Time for embassy that goes on when it is told to.
//!
//! embassy-time has a driver like this (`MockDriver`), which can't say what is due next: so time could
//! only be moved in small steps. This one can, and an hour in which nothing happens costs nothing.
//!
//! embassy has one source of time for a whole program. So whoever uses it [begins](Time::begin), and has
//! it to itself until it is dropped: tests of one program run one after the other.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;
use greet_core::time::Instant;

struct VirtualTime(Mutex<State>);

struct State {
    ticks: u64,
    queue: Queue,
}

impl VirtualTime {
    const fn new() -> Self {
        Self(Mutex::new(State {
            ticks: 0,
            queue: Queue::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driver for VirtualTime {
    fn now(&self) -> u64 {
        self.state().ticks
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        let mut state = self.state();
        if at <= state.ticks {
            waker.wake_by_ref();
        } else {
            state.queue.schedule_wake(at, waker);
        }
    }
}

embassy_time_driver::time_driver_impl!(static TIME: VirtualTime = VirtualTime::new());

static USED: Mutex<()> = Mutex::new(());

/// The program's time, for as long as one keeps it.
pub struct Time(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Time {
    /// Waits until nobody else has it, and starts at 0. Timers of before are forgotten.
    pub fn begin() -> Self {
        // A test that failed leaves nothing that the next one keeps.
        let used = USED.lock().unwrap_or_else(PoisonError::into_inner);
        *TIME.state() = State {
            ticks: 0,
            queue: Queue::new(),
        };
        Self(used)
    }

    /// Goes on to this moment, and wakes whoever waited for it. Never back.
    pub fn go_to(&self, at: Instant) {
        let mut state = TIME.state();
        let ticks = u128::from(at.as_micros()) * u128::from(TICK_HZ) / 1_000_000;
        state.ticks = state.ticks.max(u64::try_from(ticks).unwrap_or(u64::MAX));
        let now = state.ticks;
        state.queue.next_expiration(now);
    }

    /// When the next timer is due. [`NEVER`](Instant::NEVER): there is none.
    pub fn next(&self) -> Instant {
        let mut state = TIME.state();
        let now = state.ticks;
        match state.queue.next_expiration(now) {
            u64::MAX => Instant::NEVER,
            ticks => {
                let micros = (u128::from(ticks) * 1_000_000).div_ceil(u128::from(TICK_HZ));
                Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
            }
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Time").finish_non_exhaustive()
    }
}
