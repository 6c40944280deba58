//! The chip as embassy-net wants it: as smoltcp does, and whoever waits for a frame is woken.

use core::fmt;
use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;

use crate::chip::MAX_FRAME;
use crate::device::{Lan9118, TxToken};
use crate::registers::Registers;

/// A chip whose interrupt wakes a task.
///
/// The board's handler of that interrupt masks it and wakes the waker, which all have in a `static`; from
/// then on the chip is asked, and once it has nothing more the interrupt is let come again.
pub struct Card<'b, R> {
    chip: Lan9118<'b, R>,
    waker: &'b AtomicWaker,
    unmask: fn(),
}

impl<'b, R: Registers> Card<'b, R> {
    /// A chip, the waker that its interrupt wakes, and what lets that interrupt come again.
    ///
    /// The chip's interrupts must be [enabled](Lan9118::enable_interrupts).
    pub fn new(chip: Lan9118<'b, R>, waker: &'b AtomicWaker, unmask: fn()) -> Self {
        Self {
            chip,
            waker,
            unmask,
        }
    }

    /// Has this task woken by what happens from now on.
    fn expect(&mut self, context: &Context<'_>) {
        self.waker.register(context.waker());
        self.chip.acknowledge();
        (self.unmask)();
    }
}

impl<R: Registers> Driver for Card<'_, R> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, R>
    where
        Self: 'a;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_, R>)> {
        // What came before it could be seen is found by the second look.
        let len = match self.chip.next_frame() {
            None => {
                self.expect(context);
                self.chip.next_frame()?
            }
            Some(len) => len,
        };
        let (frame, sender) = self.chip.tokens(len);
        Some((RxToken(frame), sender))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<TxToken<'_, R>> {
        if !self.chip.can_send() {
            self.expect(context);
        }
        self.chip.can_send().then(|| self.chip.tokens(0).1)
    }

    /// Always up: what is sent while the cable is out is lost, as on any wire.
    fn link_state(&mut self, _context: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.chip.address())
    }
}

impl<R> fmt::Debug for Card<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").finish_non_exhaustive()
    }
}

/// A frame that has come.
#[derive(Debug)]
pub struct RxToken<'a>(&'a mut [u8]);

impl embassy_net_driver::RxToken for RxToken<'_> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, f: F) -> T {
        f(self.0)
    }
}

impl<R: Registers> embassy_net_driver::TxToken for TxToken<'_, R> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, len: usize, f: F) -> T {
        smoltcp::phy::TxToken::consume(self, len, f)
    }
}
