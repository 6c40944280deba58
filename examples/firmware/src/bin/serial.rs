//! Lines over a UART: a greet server without a network.
//!
//! The UART is what `embedded-io` makes of any: on another board its driver stands in its place, and the
//! rest stays. What happens is told on the console, which is the first UART.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::board::{self, Board, SerialPort};
use firmware::console::Console;
use greet_core::drive::drive;
use greet_core::limits::Limits;
use greet_core::lines::SerialLines;
use greet_core::machine::Machine as _;
use greet_core::transport::NonBlocking;
use static_cell::StaticCell;

/// Each byte comes alone, and an adapter may hold some back.
const SETTLE: core::time::Duration = core::time::Duration::from_millis(100);

#[entry]
fn main() -> ! {
    static LINES: StaticCell<SerialLines> = StaticCell::new();
    static CONSOLE: StaticCell<Console<1024>> = StaticCell::new();
    let Some(Ok((mut board, _))) = Board::take() else {
        board::fail("the board is in use, or incomplete")
    };
    let lines = LINES.init_with(|| SerialLines::new(Limits::DEFAULT.with_settle(SETTLE)));
    let console = CONSOLE.init_with(Console::new);
    let mut stream = NonBlocking(SerialPort::open());
    console.line(format_args!(
        "Lines server is listening on the second UART..."
    ));
    console.line(format_args!("READY"));
    loop {
        stream.0.acknowledge();
        let more = drive(lines, &mut stream, board.now());
        if let Some((_, why)) = lines.take_refusals() {
            console.line(format_args!("Refused a line: {why}"));
        }
        // While there is something to send, the loop goes on: nobody says when a byte has left.
        let is_said = console.flush(&mut board.uart);
        if is_said && !more && !lines.want().writes() {
            board.sleep_until_byte(lines.due());
        }
    }
}
