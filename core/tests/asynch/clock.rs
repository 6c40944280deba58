//! A clock that is moved by hand, and says who waits for it.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};

use greet_core::asynch::Timer;
use greet_core::time::Instant;

pub(crate) struct Clock {
    now: Cell<Instant>,
    waiting: RefCell<Vec<(u32, Instant, Waker)>>,
    /// Which moments were waited for, each as often as a wait for it began.
    pub(crate) set: RefCell<Vec<Instant>>,
    numbers: Cell<u32>,
    /// It is early by so many microseconds: a timer that doesn't keep its promise.
    pub(crate) early: Cell<u64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            now: Cell::new(Instant::START),
            waiting: RefCell::default(),
            set: RefCell::default(),
            numbers: Cell::new(0),
            early: Cell::new(0),
        }
    }

    /// When the next is due of those who wait.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.borrow().iter().map(|(_, at, _)| *at).min()
    }

    /// Goes on to a moment, and wakes whoever waited for it.
    pub(crate) fn go_to(&self, now: Instant) {
        self.now.set(now);
        for (_, at, waker) in self.waiting.borrow().iter() {
            if *at <= now {
                waker.wake_by_ref();
            }
        }
    }

    /// Goes on to what is due next. `false`: nobody waits.
    pub(crate) fn go_on(&self) -> bool {
        self.next().inspect(|next| self.go_to(*next)).is_some()
    }
}

impl Timer for Clock {
    fn now(&self) -> Instant {
        self.now.get()
    }

    async fn until(&self, at: Instant) {
        assert_ne!(at, Instant::NEVER, "nobody waits for that");
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        self.set.borrow_mut().push(at);
        let at = Instant::from_micros(at.as_micros() - self.early.get());
        let _waits = Waits(self, number);
        poll_fn(|context| {
            let mut waiting = self.waiting.borrow_mut();
            waiting.retain(|(other, _, _)| *other != number);
            if self.now.get() >= at {
                return Poll::Ready(());
            }
            waiting.push((number, at, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// A wait that is dropped is over.
struct Waits<'c>(&'c Clock, u32);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.borrow_mut();
        waiting.retain(|(number, _, _)| *number != self.1);
    }
}
