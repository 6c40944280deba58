//! A UDP sender: sends one message.
//!
//! `cargo run --example udp_sender [ADDRESS]`

use std::error::Error;

use greet_core::text::Text;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8001");
    greet_std::send(address, Text::new("Hello, UDP!")?)?;
    Ok(())
}
