//! What the tasks say: whole lines on the serial line, for which nobody waits.

use core::cell::RefCell;
use core::fmt;

use critical_section::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Timer;
use firmware::console::Console;

use crate::time::with_board;

static CONSOLE: Mutex<RefCell<Console<2048>>> = Mutex::new(RefCell::new(Console::new()));
static SAID: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// Says a line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    critical_section::with(|cs| CONSOLE.borrow_ref_mut(cs).line(text));
    SAID.signal(());
}

/// Sends what was said, as fast as the line takes it.
#[embassy_executor::task]
pub(crate) async fn send() {
    /// A byte takes 87 µs.
    const SOME_BYTES: u64 = 1_000;
    loop {
        let flush = |board: &mut firmware::board::Board| {
            critical_section::with(|cs| CONSOLE.borrow_ref_mut(cs).flush(&mut board.uart))
        };
        if with_board(flush).unwrap_or_default() {
            SAID.wait().await;
        } else {
            Timer::after_micros(SOME_BYTES).await;
        }
    }
}
