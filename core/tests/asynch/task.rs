//! A task that is polled by hand and counts who wakes it.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

pub(crate) struct Task {
    wakes: Arc<Wakes>,
    waker: Waker,
    seen: usize,
    pub(crate) polls: usize,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    pub(crate) fn new() -> Self {
        let wakes = Arc::<Wakes>::default();
        Self {
            waker: Arc::clone(&wakes).into(),
            wakes,
            seen: 0,
            polls: 0,
        }
    }

    /// How often it was woken so far.
    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }

    /// Whether it was woken since it was polled last.
    pub(crate) fn is_woken(&self) -> bool {
        self.wakes() > self.seen
    }

    pub(crate) fn poll<F: Future>(&mut self, future: Pin<&mut F>) -> Poll<F::Output> {
        self.seen = self.wakes();
        self.polls += 1;
        future.poll(&mut Context::from_waker(&self.waker))
    }
}
