//! The register map, in the data sheet's names, and the trait through which registers are reached.
//!
//! [`chip`](crate::chip) alone gives these numbers a meaning.

/// A way to the chip's registers: [`Mmio`](crate::Mmio) on a board, a model of the chip in a test.
pub trait Registers {
    /// Reads a register. That of a FIFO takes its next word out.
    fn read(&self, register: Register) -> u32;

    /// Writes a register.
    fn write(&mut self, register: Register, value: u32);
}

/// A register's place: its offset from the chip's base address, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(u8);

impl Register {
    /// The offset in bytes, a multiple of 4 below [`Mmio::SIZE`](crate::Mmio::SIZE).
    #[must_use]
    pub const fn offset(self) -> usize {
        self.0 as usize
    }
}

/// Data of received frames.
pub const RX_DATA_FIFO: Register = Register(0x00);
/// Commands and data of frames to be sent.
pub const TX_DATA_FIFO: Register = Register(0x20);
/// One word for each received frame.
pub const RX_STATUS_FIFO: Register = Register(0x40);
/// One word for each frame that was sent.
pub const TX_STATUS_FIFO: Register = Register(0x48);
/// Which chip it is, and its revision.
pub const ID_REV: Register = Register(0x50);
/// The interrupt pin.
pub const IRQ_CFG: Register = Register(0x54);
/// What has happened; a one that is written clears it.
pub const INT_STS: Register = Register(0x58);
/// What of [`INT_STS`] raises the interrupt.
pub const INT_EN: Register = Register(0x5c);
/// Always 0x87654321.
pub const BYTE_TEST: Register = Register(0x64);
/// At which levels the FIFOs set their bits in [`INT_STS`].
pub const FIFO_INT: Register = Register(0x68);
/// How received data is aligned.
pub const RX_CFG: Register = Register(0x6c);
/// Switches the transmitter on.
pub const TX_CFG: Register = Register(0x70);
/// Soft reset, and the sizes of the FIFOs.
pub const HW_CFG: Register = Register(0x74);
/// How full the receive FIFOs are.
pub const RX_FIFO_INF: Register = Register(0x7c);
/// How full the transmit FIFOs are.
pub const TX_FIFO_INF: Register = Register(0x80);
/// Power management.
pub const PMT_CTRL: Register = Register(0x84);
/// Pins, among them those of the LEDs.
pub const GPIO_CFG: Register = Register(0x88);
/// Counts at 25 MHz, for ever.
pub const FREE_RUN: Register = Register(0x9c);
/// Frames lost as the FIFO was full; reading clears it.
pub const RX_DROP: Register = Register(0xa0);
/// Starts an access to a register of the MAC.
pub const MAC_CSR_CMD: Register = Register(0xa4);
/// The value that such an access reads or writes.
pub const MAC_CSR_DATA: Register = Register(0xa8);
/// Automatic flow control.
pub const AFC_CFG: Register = Register(0xac);
/// The EEPROM that holds the hardware address.
pub const E2P_CMD: Register = Register(0xb0);

/// What [`BYTE_TEST`] reads.
pub const BYTE_TEST_PATTERN: u32 = 0x8765_4321;
/// [`ID_REV`] without the revision.
pub const ID_LAN9118: u32 = 0x0118;

/// [`IRQ_CFG`]: the pin is in use,
pub const IRQ_EN: u32 = 1 << 8;
/// active high,
pub const IRQ_POL: u32 = 1 << 4;
/// and push-pull.
pub const IRQ_TYPE: u32 = 1 << 0;

/// [`INT_STS`]: the PHY has something to say.
pub const PHY_INT: u32 = 1 << 18;
/// [`INT_STS`]: the transmit data FIFO has more room than its level.
pub const TDFA: u32 = 1 << 9;
/// [`INT_STS`]: more received frames wait than the level of the receive status FIFO.
pub const RSFL: u32 = 1 << 3;

/// [`TX_CFG`]: the transmitter is on.
pub const TX_ON: u32 = 1 << 1;
/// [`HW_CFG`]: soft reset; reads 1 until it is done.
pub const SRST: u32 = 1 << 0;
/// [`HW_CFG`]: a frame is sent once it is there as a whole. The data sheet wants it set.
pub const SF: u32 = 1 << 20;
/// [`HW_CFG`]: 5 KiB for transmission, the default; the rest of 16 KiB is for reception.
pub const TX_FIF_SZ_5: u32 = 5 << 16;
/// [`PMT_CTRL`]: awake, and ready to be talked to.
pub const READY: u32 = 1 << 0;
/// [`GPIO_CFG`]: the LED pins drive LEDs.
pub const LEDS: u32 = 0x7007_0000;
/// [`AFC_CFG`]: pause frames at the levels that go with [`TX_FIF_SZ_5`].
pub const AFC_LEVELS: u32 = 0x006e_3740;
/// [`E2P_CMD`]: the EEPROM controller is at work.
pub const EPC_BUSY: u32 = 1 << 31;

/// [`MAC_CSR_CMD`]: goes; reads 1 until it is done.
pub const CSR_BUSY: u32 = 1 << 31;
/// [`MAC_CSR_CMD`]: a read.
pub const R_NOT_W: u32 = 1 << 30;

/// The MAC's registers, reached through [`MAC_CSR_CMD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mac {
    /// Control.
    Cr = 1,
    /// The hardware address, bytes 4 and 5.
    AddrH = 2,
    /// The hardware address, bytes 0 to 3.
    AddrL = 3,
    /// Starts an access to a register of the PHY.
    MiiAcc = 6,
    /// The value that such an access reads or writes.
    MiiData = 7,
}

/// [`Mac::Cr`]: full duplex.
pub const FDPX: u32 = 1 << 20;
/// [`Mac::Cr`]: all multicast frames are received.
pub const MCPAS: u32 = 1 << 19;
/// [`Mac::Cr`]: the transmitter is on.
pub const TXEN: u32 = 1 << 3;
/// [`Mac::Cr`]: the receiver is on.
pub const RXEN: u32 = 1 << 2;

/// [`Mac::MiiAcc`]: the PHY inside the chip has address 1.
pub const PHY_ADDRESS: u32 = 1 << 11;
/// [`Mac::MiiAcc`]: a write.
pub const MII_WRITE: u32 = 1 << 1;
/// [`Mac::MiiAcc`]: goes; reads 1 until it is done.
pub const MII_BUSY: u32 = 1 << 0;

/// The PHY's registers, reached through [`Mac::MiiAcc`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phy {
    /// Basic control.
    Bcr = 0,
    /// Basic status.
    Bsr = 1,
    /// What we offer in auto-negotiation.
    Anar = 4,
    /// What the link partner offers.
    Anlpar = 5,
    /// What has happened; reading clears it.
    InterruptSource = 29,
    /// What of it sets [`PHY_INT`].
    InterruptMask = 30,
}

/// [`Phy::Bcr`]: negotiate speed and duplex, now.
pub const AUTO_NEGOTIATION: u32 = (1 << 12) | (1 << 9);
/// [`Phy::Bsr`]: there is a link.
pub const LINK_STATUS: u32 = 1 << 2;
/// [`Phy::Anar`], [`Phy::Anlpar`]: 100 Mbit/s, full duplex.
pub const FULL_100: u32 = 1 << 8;
/// [`Phy::Anar`], [`Phy::Anlpar`]: 100 Mbit/s, half duplex.
pub const HALF_100: u32 = 1 << 7;
/// [`Phy::Anar`], [`Phy::Anlpar`]: 10 Mbit/s, full duplex.
pub const FULL_10: u32 = 1 << 6;
/// [`Phy::Anar`], [`Phy::Anlpar`]: 10 Mbit/s, half duplex.
pub const HALF_10: u32 = 1 << 5;
/// [`Phy::Anar`]: the standard that the offer belongs to, IEEE 802.3.
pub const SELECTOR: u32 = 1 << 0;
/// [`Phy::InterruptMask`]: negotiation is complete, or the link is down.
pub const LINK_CHANGES: u32 = (1 << 6) | (1 << 4);

/// A word of [`RX_STATUS_FIFO`]: something was wrong with the frame.
pub const RX_ERROR: u32 = 1 << 15;
/// A word of [`TX_STATUS_FIFO`]: the frame was not sent.
pub const TX_ERROR: u32 = 1 << 15;
/// The first command word of a frame: this buffer is its first and its last.
pub const WHOLE_FRAME: u32 = (1 << 13) | (1 << 12);
