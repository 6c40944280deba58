//! A greeting over a serial line: whatever has `embedded_io`'s traits is a stream, without an adapter.
//!
//! The line is one in memory, at 115,200 bits a second of virtual time, so this runs on any machine.
//! On a board the UART's driver stands in its place. A line has no FIN: the name ends as nothing more
//! came for the settle time.
//!
//! `cargo run --example serial_line`

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use greet_core::drive::drive;
use greet_core::embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use greet_core::machine::Machine;
use greet_core::time::Instant;
use greet_core::transport::NonBlocking;

/// A byte and its start and stop bits, at 115,200 bits a second.
const BYTE: Duration = Duration::from_micros(87);

/// The board's end of a line: what has come, and what was sent.
#[derive(Default)]
struct Uart {
    received: VecDeque<u8>,
    sent: Vec<u8>,
}

/// What a driver would be.
struct Port<'a>(&'a RefCell<Uart>);

impl ErrorType for Port<'_> {
    type Error = Infallible;
}

impl ReadReady for Port<'_> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.borrow().received.is_empty())
    }
}

impl Read for Port<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let received = &mut self.0.borrow_mut().received;
        let n = buffer.len().min(received.len());
        for (to, byte) in buffer.iter_mut().zip(received.drain(..n)) {
            *to = byte;
        }
        Ok(n)
    }
}

impl WriteReady for Port<'_> {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(true)
    }
}

impl Write for Port<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().sent.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn main() {
    let uart = RefCell::new(Uart::default());
    let mut stream = NonBlocking(Port(&uart));
    let mut now = Instant::START;
    let mut exchange = Exchange::new(now, Limits::DEFAULT);

    // Somebody types, a byte at a time. On a board this is the receive interrupt.
    for byte in "World".bytes() {
        now += BYTE;
        uart.borrow_mut().received.push_back(byte);
        drive(&mut exchange, &mut stream, now);
    }
    println!(
        "after {:?}: {:?}",
        now.since(Instant::START),
        String::from_utf8_lossy(&uart.borrow().sent)
    );

    // Nothing more comes, and the moment passes at which the machine wanted to be asked again.
    while exchange.outcome().is_none() {
        now = exchange.due();
        drive(&mut exchange, &mut stream, now);
    }
    println!(
        "after {:?}: {:?}",
        now.since(Instant::START),
        String::from_utf8_lossy(&uart.borrow().sent)
    );
}
