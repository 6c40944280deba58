//! The chip as a device of smoltcp: a token for each frame, a buffer each way.

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::chip::{Chip, Error, Link, Losses, MAX_FRAME, ROOM};
use crate::registers::Registers;

/// The memory of a [`Lan9118`], about 3 KiB: one frame each way. A `static` can hold it.
#[derive(Debug)]
pub struct Buffers {
    received: [u8; ROOM],
    to_send: [u8; MAX_FRAME],
}

impl Buffers {
    /// Zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            received: [0; ROOM],
            to_send: [0; MAX_FRAME],
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

/// A LAN9118, ready to carry frames.
///
/// smoltcp's [`Device`] trait has no errors: a frame that can't be sent or received is lost, as on
/// any wire, and counted in [`losses`](Self::losses).
#[derive(Debug)]
pub struct Lan9118<'b, R> {
    chip: Chip<R>,
    address: [u8; 6],
    buffers: &'b mut Buffers,
}

impl<'b, R: Registers> Lan9118<'b, R> {
    /// Resets the chip and starts it, with this hardware address, or with the one from its EEPROM.
    ///
    /// # Errors
    ///
    /// An [`Error`] says what is wrong with the chip.
    pub fn new(
        registers: R,
        buffers: &'b mut Buffers,
        address: Option<[u8; 6]>,
    ) -> Result<Self, Error> {
        let mut chip = Chip::new(registers, address)?;
        Ok(Self {
            address: chip.address()?,
            chip,
            buffers,
        })
    }

    /// The hardware address. All zeros or all ones: the chip has no EEPROM, and none was given.
    pub fn address(&self) -> [u8; 6] {
        self.address
    }

    /// See [`Chip::enable_interrupts`].
    pub fn enable_interrupts(&mut self) {
        self.chip.enable_interrupts();
    }

    /// See [`Chip::acknowledge`].
    pub fn acknowledge(&mut self) {
        self.chip.acknowledge();
    }

    /// See [`Chip::link`].
    ///
    /// # Errors
    ///
    /// [`Error::NotReady`]
    pub fn link(&mut self) -> Result<Link, Error> {
        self.chip.link()
    }

    /// See [`Chip::losses`].
    pub fn losses(&mut self) -> Losses {
        self.chip.losses()
    }

    /// See [`Chip::free_run`].
    pub fn free_run(&self) -> u32 {
        self.chip.free_run()
    }

    /// Whether there is room for a frame in the chip.
    #[cfg(feature = "embassy")]
    pub(crate) fn can_send(&mut self) -> bool {
        self.chip.can_send()
    }

    /// Takes the next frame, and returns its length.
    pub(crate) fn next_frame(&mut self) -> Option<usize> {
        // Without room for an answer, the frame had better wait in the chip.
        if !self.chip.can_send() {
            return None;
        }
        self.chip.receive(&mut self.buffers.received)
    }

    /// A frame of this length that was taken, and room for another in the chip.
    pub(crate) fn tokens(&mut self, len: usize) -> (&mut [u8], TxToken<'_, R>) {
        (
            self.buffers.received.get_mut(..len).unwrap_or_default(),
            TxToken::new(&mut self.chip, &mut self.buffers.to_send),
        )
    }
}

impl<R: Registers> Device for Lan9118<'_, R> {
    type RxToken<'a>
        = RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, R>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_, R>)> {
        let len = self.next_frame()?;
        let (frame, sender) = self.tokens(len);
        Some((RxToken { frame }, sender))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_, R>> {
        self.chip
            .can_send()
            .then(|| TxToken::new(&mut self.chip, &mut self.buffers.to_send))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

/// A frame that has come.
#[derive(Debug)]
pub struct RxToken<'a> {
    frame: &'a [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        f(self.frame)
    }
}

/// Room for a frame in the chip.
#[derive(Debug)]
pub struct TxToken<'a, R> {
    chip: &'a mut Chip<R>,
    buffer: &'a mut [u8; MAX_FRAME],
}

impl<'a, R> TxToken<'a, R> {
    fn new(chip: &'a mut Chip<R>, buffer: &'a mut [u8; MAX_FRAME]) -> Self {
        Self { chip, buffer }
    }
}

impl<R: Registers> phy::TxToken for TxToken<'_, R> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, len: usize, f: F) -> T {
        // smoltcp keeps to the MTU that it is told.
        let frame = self.buffer.get_mut(..len).unwrap_or_default();
        let result = f(frame);
        self.chip.send(frame);
        result
    }
}
