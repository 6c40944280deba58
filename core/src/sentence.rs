//! Sentences of errors, put together without `core::fmt`.
//!
//! An [`error`](crate::error) writes one for its display, and for the reply to a client.

/// One short sentence, without `core::fmt`, whose machinery costs a small board kilobytes of flash.
#[derive(Default)]
pub(crate) struct Sentence(heapless::String<64>);

impl Sentence {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The longest sentence has 41 bytes, so nothing is ever left out.
    #[inline(never)]
    pub(crate) fn push(&mut self, part: &str) {
        let _ = self.0.push_str(part);
    }

    /// 32 bits, as a division of 64 is a subroutine on a small board.
    pub(crate) fn push_number(&mut self, number: u32) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        let _ = self
            .0
            .push(char::from_digit(number % 10, 10).unwrap_or_default());
    }

    /// The part behind the decimal point, if there is one, without zeros at its end.
    pub(crate) fn push_fraction(&mut self, millis: u32) {
        if millis == 0 {
            return;
        }
        self.push(".");
        let mut rest = millis % 1000;
        while rest > 0 {
            self.push_number(rest / 100); // one digit
            rest = rest % 100 * 10;
        }
    }
}
