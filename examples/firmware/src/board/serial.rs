//! The board's second UART, both ways, as `embedded-io` has it.

use core::convert::Infallible;

use cortex_m::peripheral::NVIC;
use greet_core::embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

use super::{Register, SERIAL_INTERRUPT, Uart};

/// The second serial line.
pub struct SerialPort {
    line: Uart,
    interrupts: Register,
}

impl SerialPort {
    const BASE: usize = 0x4000_5000;
    /// In its state: a byte has come.
    const CAME: u32 = 1 << 1;
    /// In its control: transmitter and receiver are on, and a byte that comes interrupts.
    const BOTH_WAYS: u32 = Uart::TRANSMIT | (1 << 1) | (1 << 3);
    /// Among its interrupts: a byte has come.
    const RECEIVED: u32 = 1 << 1;

    /// Switches it on. Its receiver holds one byte: whoever doesn't look in time loses the next.
    pub fn open() -> Self {
        // SAFETY: a register of this board's second UART. Two values of this type take each other's
        // bytes, but do no harm.
        let interrupts = unsafe { Register::at(Self::BASE + 0xc) };
        Self {
            line: Uart::at(Self::BASE, Self::BOTH_WAYS),
            interrupts,
        }
    }

    /// Forgets the interrupt. Call it before looking for what has come.
    pub fn acknowledge(&mut self) {
        self.interrupts.write(Self::RECEIVED);
        NVIC::unpend(SERIAL_INTERRUPT);
    }

    fn has_byte(&self) -> bool {
        self.line.state.read() & Self::CAME != 0
    }
}

impl ErrorType for SerialPort {
    type Error = Infallible;
}

impl ReadReady for SerialPort {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.has_byte())
    }
}

impl Read for SerialPort {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut n = 0;
        for place in buffer {
            // The first is waited for.
            while !self.has_byte() {
                if n > 0 {
                    return Ok(n);
                }
            }
            *place = self.line.byte.read().to_le_bytes()[0];
            n += 1;
        }
        Ok(n)
    }
}

impl WriteReady for SerialPort {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.line.has_room())
    }
}

impl Write for SerialPort {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some((first, rest)) = bytes.split_first() else {
            return Ok(0);
        };
        while !self.line.send(*first) {}
        Ok(1 + rest
            .iter()
            .take_while(|byte| self.line.send(**byte))
            .count())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while !self.line.has_room() {}
        Ok(())
    }
}
