//! A TCP client: sends a name and shows the greeting.
//!
//! `cargo run --example tcp_client [ADDRESS]`

use std::error::Error;

use greet_core::text::Text;
use greet_std::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8000");
    let greeting = Client::new().greet(address, Text::new("World")?)?;
    println!("Received: {greeting}");
    Ok(())
}
