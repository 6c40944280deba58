//! embassy's time on this board: its free-running counter is the clock, `SysTick` the alarm.

use core::cell::RefCell;
use core::task::Waker;

use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;
use firmware::board::Board;
use greet_core::time::Instant;

const _: () = assert!(TICK_HZ == 1_000_000, "a tick is a microsecond");

struct Time {
    board: Mutex<RefCell<Option<Board>>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static TIME: Time = Time {
    board: Mutex::new(RefCell::new(None)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Time begins. Before, it stands still.
pub(crate) fn begin(board: Board) {
    critical_section::with(|cs| {
        TIME.board.borrow_ref_mut(cs).replace(board);
        TIME.set_alarm(cs);
    });
}

/// Does something with the board, which time has.
pub(crate) fn with_board<T>(act: impl FnOnce(&mut Board) -> T) -> Option<T> {
    critical_section::with(|cs| TIME.board.borrow_ref_mut(cs).as_mut().map(act))
}

impl Time {
    /// Wakes whoever is due, and sets the alarm for the next. There always is one: a clock that nobody
    /// looks at for long misses that it went round.
    fn set_alarm(&self, cs: CriticalSection<'_>) {
        let mut board = self.board.borrow_ref_mut(cs);
        let Some(board) = &mut *board else {
            return;
        };
        loop {
            let now = board.now().as_micros();
            let next = self.queue.borrow_ref_mut(cs).next_expiration(now);
            if board.set_alarm(Instant::from_micros(next)) {
                return;
            }
        }
    }
}

impl Driver for Time {
    fn now(&self) -> u64 {
        with_board(|board| board.now().as_micros()).unwrap_or_default()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let is_new = self.queue.borrow_ref_mut(cs).schedule_wake(at, waker);
            if is_new {
                self.set_alarm(cs);
            }
        });
    }
}

/// The alarm.
#[exception]
fn SysTick() {
    critical_section::with(|cs| TIME.set_alarm(cs));
}
