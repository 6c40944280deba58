//! The chip's registers where a bus maps them. The only unsafe code of the driver.

#![expect(
    unsafe_code,
    reason = "a register is a place in memory that Rust knows nothing of"
)]

use crate::registers::{Register, Registers};

/// Registers in memory, from a base address on.
///
/// On a bus that is faster than the chip, some reads must not follow some writes too closely (data
/// sheet, section 6.1.2). Here that is left to the bus controller's wait states; a board that has
/// none implements [`Registers`] itself, and reads `BYTE_TEST` after each write.
#[derive(Debug)]
pub struct Mmio {
    base: *mut u32,
}

impl Mmio {
    /// How many bytes of memory the chip takes.
    pub const SIZE: usize = 0x100;

    /// The registers of the chip at address `base`.
    ///
    /// # Safety
    ///
    /// `base` is a multiple of 4, the chip and nothing else is mapped at `base..base + SIZE`, 32
    /// bits wide and little-endian, and as long as this value lives nothing else touches it.
    #[must_use]
    pub const unsafe fn new(base: usize) -> Self {
        Self {
            base: core::ptr::with_exposed_provenance_mut(base),
        }
    }

    const fn pointer(&self, register: Register) -> *mut u32 {
        self.base.wrapping_byte_add(register.offset())
    }
}

impl Registers for Mmio {
    fn read(&self, register: Register) -> u32 {
        // SAFETY: every `Register` is a multiple of 4 below `SIZE`, so by the promise made to `new`
        // this is one of the chip's registers. Reading one has effects on the chip alone.
        unsafe { self.pointer(register).read_volatile() }
    }

    fn write(&mut self, register: Register, value: u32) {
        // SAFETY: as above; and the chip reaches no memory on its own.
        unsafe { self.pointer(register).write_volatile(value) }
    }
}
