//! A model of the chip, as far as the driver uses it: FIFOs, the MAC's and the PHY's registers.

#![allow(dead_code, reason = "each test uses what it needs")]
#![expect(clippy::cast_possible_truncation, reason = "frames are short")]

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use lan9118::Registers;
use lan9118::registers::{
    BYTE_TEST, BYTE_TEST_PATTERN, CSR_BUSY, HW_CFG, ID_REV, INT_EN, INT_STS, IRQ_CFG, IRQ_EN,
    LINK_STATUS, MAC_CSR_CMD, MAC_CSR_DATA, MII_BUSY, MII_WRITE, Mac, PHY_INT, PMT_CTRL, Phy,
    R_NOT_W, READY, RSFL, RX_DATA_FIFO, RX_FIFO_INF, RX_STATUS_FIFO, Register, SRST, TX_DATA_FIFO,
    TX_FIFO_INF, TX_STATUS_FIFO,
};

pub(crate) const EEPROM_ADDRESS: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

/// A handle on the model: the driver has one, the test another.
#[derive(Clone, Default)]
pub(crate) struct Chip(Rc<State>);

struct State {
    registers: RefCell<HashMap<usize, u32>>,
    mac: RefCell<HashMap<u32, u32>>,
    phy: RefCell<HashMap<u32, u32>>,
    rx_data: RefCell<VecDeque<u32>>,
    rx_status: RefCell<VecDeque<u32>>,
    tx_words: RefCell<Vec<u32>>,
    tx_status: RefCell<VecDeque<u32>>,
    sent: RefCell<Vec<Vec<u8>>>,
    room: Cell<u32>,
    resets: Cell<u32>,
    fail_next: Cell<bool>,
    phy_hangs: Cell<bool>,
}

impl Default for State {
    fn default() -> Self {
        let registers = [
            (BYTE_TEST, BYTE_TEST_PATTERN),
            (ID_REV, 0x0118_0001),
            (PMT_CTRL, READY),
        ];
        let phy = [(Phy::Bsr, 0x7809 | LINK_STATUS), (Phy::Anlpar, 0x0de1)];
        let mac = [(Mac::AddrL, 0x1200_5452), (Mac::AddrH, 0x5634)];
        Self {
            registers: RefCell::new(registers.map(|(r, v)| (r.offset(), v)).into()),
            mac: RefCell::new(mac.map(|(r, v)| (r as u32, v)).into()),
            phy: RefCell::new(phy.map(|(r, v)| (r as u32, v)).into()),
            rx_data: RefCell::default(),
            rx_status: RefCell::default(),
            tx_words: RefCell::default(),
            tx_status: RefCell::default(),
            sent: RefCell::default(),
            room: Cell::new(4608),
            resets: Cell::default(),
            fail_next: Cell::default(),
            phy_hangs: Cell::default(),
        }
    }
}

impl Chip {
    /// What the driver wrote to a register last.
    pub(crate) fn register(&self, register: Register) -> u32 {
        let registers = self.0.registers.borrow();
        registers.get(&register.offset()).copied().unwrap_or(0)
    }

    pub(crate) fn set(&self, register: Register, value: u32) {
        let mut registers = self.0.registers.borrow_mut();
        registers.insert(register.offset(), value);
    }

    pub(crate) fn mac(&self, register: Mac) -> u32 {
        self.0.mac.borrow()[&(register as u32)]
    }

    pub(crate) fn phy(&self, register: Phy) -> u32 {
        self.0.phy.borrow()[&(register as u32)]
    }

    pub(crate) fn set_phy(&self, register: Phy, value: u32) {
        self.0.phy.borrow_mut().insert(register as u32, value);
    }

    pub(crate) fn hang_phy(&self) {
        self.0.phy_hangs.set(true);
    }

    /// A frame comes in over the wire, with these bits set in its status.
    pub(crate) fn deliver(&self, frame: &[u8], status: u32) {
        let whole = [frame, &[0xfc; 4]].concat(); // the check sequence
        let mut data = self.0.rx_data.borrow_mut();
        for word in whole.chunks(4) {
            let mut bytes = [0xee; 4];
            bytes[..word.len()].copy_from_slice(word);
            data.push_back(u32::from_le_bytes(bytes));
        }
        let mut statuses = self.0.rx_status.borrow_mut();
        statuses.push_back(((whole.len() as u32) << 16) | status);
        self.set(INT_STS, self.register(INT_STS) | RSFL);
    }

    /// The frames that went out since the last call.
    pub(crate) fn sent(&self) -> Vec<Vec<u8>> {
        assert!(self.0.tx_words.borrow().is_empty(), "a frame is cut short");
        self.0.sent.take()
    }

    pub(crate) fn waiting_statuses(&self) -> usize {
        self.0.tx_status.borrow().len()
    }

    pub(crate) fn fail_next_transmission(&self) {
        self.0.fail_next.set(true);
    }

    pub(crate) fn leave_room(&self, bytes: u32) {
        self.0.room.set(bytes);
    }

    pub(crate) fn resets(&self) -> u32 {
        self.0.resets.get()
    }

    /// Whether the interrupt is raised.
    pub(crate) fn interrupt(&self) -> bool {
        let wanted = self.register(INT_STS) & self.register(INT_EN) != 0;
        wanted && self.register(IRQ_CFG) & IRQ_EN != 0
    }

    fn push_tx(&self, word: u32) {
        let mut words = self.0.tx_words.borrow_mut();
        words.push(word);
        let [a, b, data @ ..] = &words[..] else {
            return;
        };
        assert_eq!(
            a & !0x7ff,
            0x3000,
            "the first and the last buffer of a frame"
        );
        assert_eq!(a & 0x7ff, b & 0x7ff, "one buffer is one frame");
        let len = (b & 0x7ff) as usize;
        if data.len() == len.div_ceil(4) {
            let mut frame: Vec<u8> = data.iter().flat_map(|word| word.to_le_bytes()).collect();
            assert!(frame[len..].iter().all(|byte| *byte == 0));
            frame.truncate(len);
            self.0.sent.borrow_mut().push(frame);
            let status = u32::from(self.0.fail_next.take()) << 15;
            self.0.tx_status.borrow_mut().push_back(status);
            words.clear();
        }
    }

    fn command_mac(&self, command: u32) {
        let register = command & 0xff;
        let mut mac = self.0.mac.borrow_mut();
        if command & R_NOT_W != 0 {
            let value = mac.get(&register).copied().unwrap_or(0);
            self.set(MAC_CSR_DATA, value);
        } else {
            mac.insert(register, self.register(MAC_CSR_DATA));
        }
        if register == Mac::MiiAcc as u32 && command & R_NOT_W == 0 {
            let access = mac[&register];
            assert_eq!((access >> 11) & 0x1f, 1, "the PHY inside");
            let (register, mut phy) = ((access >> 6) & 0x1f, self.0.phy.borrow_mut());
            if access & MII_WRITE != 0 {
                phy.insert(register, mac[&(Mac::MiiData as u32)]);
            } else {
                let value = phy.get(&register).copied().unwrap_or(0);
                mac.insert(Mac::MiiData as u32, value);
                if register == Phy::InterruptSource as u32 {
                    self.set(INT_STS, self.register(INT_STS) & !PHY_INT);
                }
            }
            if !self.0.phy_hangs.get() {
                mac.insert(Mac::MiiAcc as u32, access & !MII_BUSY);
            }
        }
    }
}

impl Registers for Chip {
    fn read(&self, register: Register) -> u32 {
        let length = |fifo: &RefCell<VecDeque<u32>>| (fifo.borrow().len() as u32) << 16;
        let pop = |fifo: &RefCell<VecDeque<u32>>| fifo.borrow_mut().pop_front();
        match register {
            RX_DATA_FIFO => pop(&self.0.rx_data).expect("a frame's words, no more"),
            RX_STATUS_FIFO => pop(&self.0.rx_status).expect("a status"),
            TX_STATUS_FIFO => pop(&self.0.tx_status).expect("a status"),
            RX_FIFO_INF => length(&self.0.rx_status),
            TX_FIFO_INF => length(&self.0.tx_status) | self.0.room.get(),
            _ => self.register(register),
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        match register {
            TX_DATA_FIFO => self.push_tx(value),
            INT_STS => self.set(INT_STS, self.register(INT_STS) & !value),
            HW_CFG if value & SRST != 0 => self.0.resets.set(self.0.resets.get() + 1),
            MAC_CSR_CMD => {
                assert_ne!(value & CSR_BUSY, 0, "without it, nothing happens");
                self.command_mac(value);
            }
            _ => self.set(register, value),
        }
    }
}
