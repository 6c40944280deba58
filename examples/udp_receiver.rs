//! A UDP receiver: shows every message that comes.
//!
//! `cargo run --example udp_receiver [ADDRESS]`

use std::error::Error;

use greet_core::receiver::Event;
use greet_std::Receiver;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let receiver = Receiver::bind(address.as_deref().unwrap_or("127.0.0.1:8001"))?;
    let port = receiver.local_addr().port();
    println!("Receiver is listening on UDP port {port}...");
    receiver.run(|event| match event {
        Event::Message { from, text } => println!("Received message: {text} from {from}"),
        Event::Refused { from, why } => eprintln!("Refused a datagram from {from}: {why}"),
        _ => {}
    })?;
    Ok(())
}
