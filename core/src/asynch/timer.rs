//! Time for tasks, and the loop of all of them: a step whenever the task is woken, and when it is
//! due.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Poll, Waker};

use crate::time::Instant;

/// A clock, and a way to wait for what it will show.
///
/// embedded-hal's `DelayNs` waits, but can't say what time it is.
#[expect(async_fn_in_trait, reason = "whether it is Send is up to the executor")]
pub trait Timer {
    /// What time it is. It doesn't run backwards.
    fn now(&self) -> Instant;

    /// Waits until it is so late: not ready before [`now`](Self::now) says so, and ready soon after.
    ///
    /// It is polled whenever the task is woken, and dropped once another moment counts. Never asked
    /// to wait for [`NEVER`](Instant::NEVER).
    async fn until(&self, at: Instant);
}

impl<T: Timer + ?Sized> Timer for &T {
    fn now(&self) -> Instant {
        T::now(self)
    }

    async fn until(&self, at: Instant) {
        T::until(self, at).await;
    }
}

/// What a step came to.
pub(super) enum Next<T> {
    /// There is nothing more to do.
    Done(T),
    /// The next step follows when the task is woken, and at this moment at the latest. If it is now or
    /// has passed, others have their turn first.
    At(Instant),
}

/// Takes a step, and another whenever the task is woken or a step is due, until one is the last.
///
/// A step is told the time, and leaves the waker with whatever it waits for.
pub(super) async fn steps<T, C: Timer>(
    timer: &C,
    mut step: impl FnMut(&Waker, Instant) -> Next<T>,
) -> T {
    let mut due = Instant::NEVER;
    // It was polled, and hasn't taken a step since.
    let mut woken = true;
    loop {
        let at = due;
        // Kept as long as the same moment counts: most timers cost more to set than to look at.
        let mut time = pin!(timer.until(at));
        let mut spent = false;
        let ended = poll_fn(|context| {
            let waker = context.waker();
            loop {
                if woken {
                    let now = timer.now();
                    due = match step(waker, now) {
                        Next::Done(value) => return Poll::Ready(Some(value)),
                        Next::At(next) if next <= now => {
                            waker.wake_by_ref();
                            return Poll::Pending;
                        }
                        Next::At(next) => next,
                    };
                    if due != at || spent {
                        woken = false;
                        return Poll::Ready(None);
                    }
                }
                woken = true;
                if at == Instant::NEVER || time.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                if timer.now() < at {
                    // It owes better. At least nobody is kept from his turn by it.
                    spent = true;
                    waker.wake_by_ref();
                    return Poll::Pending;
                }
            }
        })
        .await;
        if let Some(value) = ended {
            return value;
        }
    }
}
