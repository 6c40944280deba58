//! What the data sheet says: reset, MAC and PHY, FIFOs, interrupts.
//!
//! [`device`](crate::device) gives it smoltcp's shape. No frame is looked into here.

use core::fmt;

use crate::registers::{
    AFC_CFG, AFC_LEVELS, AUTO_NEGOTIATION, BYTE_TEST, BYTE_TEST_PATTERN, CSR_BUSY, E2P_CMD,
    EPC_BUSY, FDPX, FIFO_INT, FREE_RUN, FULL_10, FULL_100, GPIO_CFG, HALF_10, HALF_100, HW_CFG,
    ID_LAN9118, ID_REV, INT_EN, INT_STS, IRQ_CFG, IRQ_EN, IRQ_POL, IRQ_TYPE, LEDS, LINK_CHANGES,
    LINK_STATUS, MAC_CSR_CMD, MAC_CSR_DATA, MCPAS, MII_BUSY, MII_WRITE, Mac, PHY_ADDRESS, PHY_INT,
    PMT_CTRL, Phy, R_NOT_W, READY, RSFL, RX_CFG, RX_DATA_FIFO, RX_DROP, RX_ERROR, RX_FIFO_INF,
    RX_STATUS_FIFO, RXEN, Registers, SELECTOR, SF, SRST, TDFA, TX_CFG, TX_DATA_FIFO, TX_ERROR,
    TX_FIF_SZ_5, TX_FIFO_INF, TX_ON, TX_STATUS_FIFO, TXEN, WHOLE_FRAME,
};

/// The longest Ethernet frame, in bytes: header and 1500 bytes, without the check sequence.
pub const MAX_FRAME: usize = 14 + 1500;

/// A frame's room: the longest frame and its check sequence, in whole words.
pub(crate) const ROOM: usize = (MAX_FRAME + FCS).next_multiple_of(WORD);

/// The shortest frame that has a header.
const MIN_FRAME: usize = 14;
/// The frame check sequence, which the chip appends and verifies, but also hands over.
const FCS: usize = 4;
const WORD: usize = 4;
/// What a frame takes in the transmit FIFO beside itself: two commands, and the rest of a word.
const TX_OVERHEAD: usize = 3 * WORD;
/// [`FIFO_INT`]: tell of room for the longest frame (in units of 64 bytes), and of any received
/// frame.
const FIFO_LEVELS: u32 = 24 << 24;
const _: () = assert!(MAX_FRAME + TX_OVERHEAD <= 24 * 64);
/// How often a bit is read that the chip should change, which takes it 100 ms at most. A read takes
/// it 165 ns at least.
const PATIENCE: u32 = 1_000_000;

/// Why there is no chip to talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// `BYTE_TEST` doesn't read as it should: nothing is there, or the bus is not 32 bits wide and
    /// little-endian.
    NotThere {
        /// What it read.
        byte_test: u32,
    },
    /// Another chip is there.
    OtherChip {
        /// What its `ID_REV` reads.
        id_rev: u32,
    },
    /// It is there, but didn't become ready in time.
    NotReady,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere { byte_test } => {
                write!(
                    f,
                    "no LAN9118 at this address: BYTE_TEST reads {byte_test:#010x}"
                )
            }
            Self::OtherChip { id_rev } => write!(f, "no LAN9118: ID_REV reads {id_rev:#010x}"),
            Self::NotReady => f.write_str("the LAN9118 doesn't become ready"),
        }
    }
}

impl core::error::Error for Error {}

/// The link to the other end of the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// There is none.
    Down,
    /// Either end may send, but one at a time.
    HalfDuplex,
    /// Both ends may send.
    FullDuplex,
}

/// Frames that were lost on this side of the cable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Came with an error, too short, or too long.
    pub bad: u32,
    /// Came while the receive FIFO was full.
    pub overrun: u32,
    /// Never left.
    pub unsent: u32,
}

/// The chip, awake and at work.
#[derive(Debug)]
pub struct Chip<R> {
    registers: R,
    losses: Losses,
    /// A sender waits for room in the FIFO.
    starved: bool,
    enabled: bool,
}

impl<R: Registers> Chip<R> {
    /// Resets the chip and starts it, with this hardware address, or with the one from its EEPROM.
    ///
    /// # Errors
    ///
    /// An [`Error`] says what is wrong with the chip.
    pub fn new(registers: R, address: Option<[u8; 6]>) -> Result<Self, Error> {
        let mut chip = Self {
            registers,
            losses: Losses::default(),
            starved: false,
            enabled: false,
        };
        chip.identify()?;
        chip.reset()?;
        if let Some(address) = address {
            let [low @ .., _, _] = address;
            let [.., fifth, sixth] = address;
            chip.write_mac(Mac::AddrL, u32::from_le_bytes(low))?;
            chip.write_mac(Mac::AddrH, u32::from_le_bytes([fifth, sixth, 0, 0]))?;
        }
        chip.start_phy()?;
        chip.start_mac()?;
        Ok(chip)
    }

    /// The hardware address.
    ///
    /// # Errors
    ///
    /// [`Error::NotReady`]
    pub fn address(&mut self) -> Result<[u8; 6], Error> {
        let low = self.read_mac(Mac::AddrL)?.to_le_bytes();
        let high = self.read_mac(Mac::AddrH)?.to_le_bytes();
        Ok([low[0], low[1], low[2], low[3], high[0], high[1]])
    }

    /// Raises the interrupt (active high, push-pull) for received frames, for room to send where
    /// there was none, and for changes of the link.
    pub fn enable_interrupts(&mut self) {
        self.enabled = true;
        self.registers.write(INT_STS, u32::MAX);
        self.watch();
        self.registers.write(IRQ_CFG, IRQ_EN | IRQ_POL | IRQ_TYPE);
    }

    /// Lets go of the interrupt, and follows changes of the link.
    ///
    /// Call it *before* frames are moved, not after: then a frame that comes while others are moved
    /// raises the interrupt again.
    pub fn acknowledge(&mut self) {
        self.starved = false;
        self.watch();
        let what = self.registers.read(INT_STS);
        if what & PHY_INT != 0 {
            // A chip that doesn't answer now will be asked at the next interrupt.
            let _ = self.follow_link();
        }
        self.registers.write(INT_STS, what);
    }

    /// The link as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::NotReady`]
    pub fn link(&mut self) -> Result<Link, Error> {
        self.read_phy(Phy::Bsr)?; // this bit keeps the memory of a break until it is read
        if self.read_phy(Phy::Bsr)? & LINK_STATUS == 0 {
            return Ok(Link::Down);
        }
        let both = self.read_phy(Phy::Anar)? & self.read_phy(Phy::Anlpar)?;
        // IEEE 802.3, annex 28B.3: the first that both have.
        let full = both & FULL_100 != 0 || (both & HALF_100 == 0 && both & FULL_10 != 0);
        Ok(if full {
            Link::FullDuplex
        } else {
            Link::HalfDuplex
        })
    }

    /// What was lost so far.
    pub fn losses(&mut self) -> Losses {
        let overrun = self.registers.read(RX_DROP);
        self.losses.overrun = self.losses.overrun.wrapping_add(overrun);
        self.losses
    }

    /// A counter at 25 MHz that wraps after 171 seconds.
    pub fn free_run(&self) -> u32 {
        self.registers.read(FREE_RUN)
    }

    /// Takes the next good frame into `frame`, and returns its length without the check sequence.
    pub(crate) fn receive(&mut self, frame: &mut [u8; ROOM]) -> Option<usize> {
        while (self.registers.read(RX_FIFO_INF) >> 16) & 0xff != 0 {
            let status = self.registers.read(RX_STATUS_FIFO);
            let len = ((status >> 16) & 0x3fff) as usize;
            // All its words are read, also those of a bad frame: RX_FFWD in RX_DP_CTRL would skip
            // them, but only four or more.
            let mut room = frame.chunks_exact_mut(WORD);
            for _ in 0..len.div_ceil(WORD) {
                let word = self.registers.read(RX_DATA_FIFO);
                if let Some(room) = room.next() {
                    room.copy_from_slice(&word.to_le_bytes());
                }
            }
            let good = MIN_FRAME + FCS..=MAX_FRAME + FCS;
            if status & RX_ERROR == 0 && good.contains(&len) {
                return Some(len - FCS);
            }
            self.losses.bad = self.losses.bad.wrapping_add(1);
        }
        None
    }

    /// Whether the longest frame can be sent. If not, there will be an interrupt when it can.
    pub(crate) fn can_send(&mut self) -> bool {
        let free = self.registers.read(TX_FIFO_INF) & 0xffff;
        if free as usize >= MAX_FRAME + TX_OVERHEAD {
            return true;
        }
        self.starved = true;
        self.watch();
        false
    }

    /// Sends a frame that [`can_send`](Self::can_send) has found room for.
    pub(crate) fn send(&mut self, frame: &[u8]) {
        while (self.registers.read(TX_FIFO_INF) >> 16) & 0xff != 0 {
            if self.registers.read(TX_STATUS_FIFO) & TX_ERROR != 0 {
                self.losses.unsent = self.losses.unsent.wrapping_add(1);
            }
        }
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX) & 0x7ff;
        self.registers.write(TX_DATA_FIFO, WHOLE_FRAME | len);
        self.registers.write(TX_DATA_FIFO, len);
        let (words, rest) = frame.as_chunks::<WORD>();
        for word in words {
            self.registers
                .write(TX_DATA_FIFO, u32::from_le_bytes(*word));
        }
        if let [first, rest @ ..] = rest {
            let second = rest.first().copied().unwrap_or_default();
            let third = rest.get(1).copied().unwrap_or_default();
            let word = u32::from_le_bytes([*first, second, third, 0]);
            self.registers.write(TX_DATA_FIFO, word);
        }
    }

    fn identify(&mut self) -> Result<(), Error> {
        let awake = self.wait(|registers| registers.read(PMT_CTRL) & READY != 0);
        let byte_test = self.registers.read(BYTE_TEST);
        if byte_test != BYTE_TEST_PATTERN {
            return Err(Error::NotThere { byte_test });
        }
        let id_rev = self.registers.read(ID_REV);
        if id_rev >> 16 != ID_LAN9118 {
            return Err(Error::OtherChip { id_rev });
        }
        awake
    }

    fn reset(&mut self) -> Result<(), Error> {
        self.registers.write(HW_CFG, SRST);
        self.wait(|registers| registers.read(HW_CFG) & SRST == 0)?;
        self.wait(|registers| registers.read(E2P_CMD) & EPC_BUSY == 0)?;
        self.registers.write(HW_CFG, SF | TX_FIF_SZ_5);
        self.registers.write(AFC_CFG, AFC_LEVELS);
        self.registers.write(GPIO_CFG, LEDS);
        self.registers.write(INT_EN, 0);
        self.registers.write(FIFO_INT, FIFO_LEVELS);
        self.registers.write(RX_CFG, 0);
        Ok(())
    }

    fn start_phy(&mut self) -> Result<(), Error> {
        let offer = FULL_100 | HALF_100 | FULL_10 | HALF_10 | SELECTOR;
        self.write_phy(Phy::Anar, offer)?;
        self.write_phy(Phy::InterruptMask, LINK_CHANGES)?;
        self.write_phy(Phy::Bcr, AUTO_NEGOTIATION)
    }

    fn start_mac(&mut self) -> Result<(), Error> {
        self.follow_link()?;
        self.registers.write(TX_CFG, TX_ON);
        Ok(())
    }

    /// Sets the MAC's duplex to what the PHY has negotiated, after its interrupt was cleared.
    fn follow_link(&mut self) -> Result<(), Error> {
        self.read_phy(Phy::InterruptSource)?;
        let duplex = match self.link()? {
            Link::FullDuplex => FDPX,
            Link::HalfDuplex | Link::Down => 0,
        };
        self.write_mac(Mac::Cr, duplex | MCPAS | TXEN | RXEN)
    }

    fn watch(&mut self) {
        let room = if self.starved { TDFA } else { 0 };
        if self.enabled {
            self.registers.write(INT_EN, RSFL | PHY_INT | room);
        }
    }

    fn read_mac(&mut self, register: Mac) -> Result<u32, Error> {
        let command = CSR_BUSY | R_NOT_W | register as u32;
        self.registers.write(MAC_CSR_CMD, command);
        self.wait_for_mac()?;
        Ok(self.registers.read(MAC_CSR_DATA))
    }

    fn write_mac(&mut self, register: Mac, value: u32) -> Result<(), Error> {
        self.registers.write(MAC_CSR_DATA, value);
        self.registers
            .write(MAC_CSR_CMD, CSR_BUSY | register as u32);
        self.wait_for_mac()
    }

    fn wait_for_mac(&mut self) -> Result<(), Error> {
        self.wait(|registers| registers.read(MAC_CSR_CMD) & CSR_BUSY == 0)
    }

    fn read_phy(&mut self, register: Phy) -> Result<u32, Error> {
        self.start_mii(register, 0)?;
        Ok(self.read_mac(Mac::MiiData)? & 0xffff)
    }

    fn write_phy(&mut self, register: Phy, value: u32) -> Result<(), Error> {
        self.write_mac(Mac::MiiData, value)?;
        self.start_mii(register, MII_WRITE)
    }

    fn start_mii(&mut self, register: Phy, direction: u32) -> Result<(), Error> {
        let command = PHY_ADDRESS | ((register as u32) << 6) | direction | MII_BUSY;
        self.write_mac(Mac::MiiAcc, command)?;
        for _ in 0..PATIENCE {
            if self.read_mac(Mac::MiiAcc)? & MII_BUSY == 0 {
                return Ok(());
            }
        }
        Err(Error::NotReady)
    }

    fn wait(&mut self, ready: impl Fn(&R) -> bool) -> Result<(), Error> {
        (0..PATIENCE)
            .any(|_| ready(&self.registers))
            .then_some(())
            .ok_or(Error::NotReady)
    }
}
