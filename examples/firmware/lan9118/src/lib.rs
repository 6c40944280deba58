//! A driver for the SMSC LAN9118, a 10/100 Ethernet controller on a 32-bit bus, without heap.
//!
//! [`Lan9118`] is a [`smoltcp::phy::Device`]. It moves whole frames between the chip's FIFOs and
//! two buffers, one each way; the chip's DMA counters and wake-up frames are not used.
//! Names of registers and bits are those of the data sheet (Microchip DS00002266).
//!
//! | module | what lives there |
//! |---|---|
//! | [`registers`] | the register map, and the trait through which registers are reached |
//! | [`mmio`] | registers in memory: the only unsafe code |
//! | [`chip`] | what the data sheet says: reset, MAC and PHY, FIFOs, interrupts |
//! | [`device`] | what smoltcp wants |
//! | `embassy` | what embassy-net wants, with the feature of that name |
//!
//! ```no_run
//! use lan9118::{Buffers, Lan9118, Mmio};
//!
//! // SAFETY: on this board the chip is mapped here, and nothing else drives it.
//! let registers = unsafe { Mmio::new(0x4020_0000) };
//! let mut buffers = Buffers::new();
//! let mut device = Lan9118::new(registers, &mut buffers, None)?;
//! device.enable_interrupts();
//! # Ok::<(), lan9118::Error>(())
//! ```

#![no_std]
#![deny(unsafe_code)]

pub mod chip;
pub mod device;
#[cfg(feature = "embassy")]
pub mod embassy;
pub mod mmio;
pub mod registers;

pub use chip::{Chip, Error, Link, Losses};
pub use device::{Buffers, Lan9118};
#[cfg(feature = "embassy")]
pub use embassy::Card;
pub use mmio::Mmio;
pub use registers::Registers;
