//! A console of whole lines that never waits for the serial line.
//!
//! The images write lines into its memory; their loop sends on what the line takes. At 115,200 baud
//! a message of 1024 bytes takes 90 ms, for which no client is to wait.

use core::fmt::{self, Write};

use crate::board::Uart;

/// Lines on their way to the serial line. Lines that don't fit are lost as a whole, and counted.
pub struct Console<const BYTES: usize> {
    waiting: heapless::Deque<u8, BYTES>,
    lost: u32,
}

impl<const BYTES: usize> Console<BYTES> {
    /// A console with nothing to say.
    pub const fn new() -> Self {
        Self {
            waiting: heapless::Deque::new(),
            lost: 0,
        }
    }

    /// Writes one line.
    pub fn line(&mut self, text: fmt::Arguments<'_>) {
        let lost = self.lost;
        if lost > 0 && self.whole(format_args!("({lost} lines lost)")) {
            self.lost = 0;
        }
        if self.lost > 0 || !self.whole(text) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Sends what the serial line takes now. Returns whether that was all.
    pub fn flush(&mut self, uart: &mut Uart) -> bool {
        while let Some(byte) = self.waiting.front() {
            if !uart.send(*byte) {
                return false;
            }
            self.waiting.pop_front();
        }
        true
    }

    fn whole(&mut self, text: fmt::Arguments<'_>) -> bool {
        let before = self.waiting.len();
        let fits = write!(self, "{text}\r\n").is_ok();
        if !fits {
            while self.waiting.len() > before {
                self.waiting.pop_back();
            }
        }
        fits
    }
}

impl<const BYTES: usize> Default for Console<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize> Write for Console<BYTES> {
    #[inline(never)]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes()
            .try_for_each(|byte| self.waiting.push_back(byte))
            .map_err(|_| fmt::Error)
    }
}
