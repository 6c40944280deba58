//! A TCP server: greets everybody who connects, many at once.
//!
//! `cargo run --example tcp_server [ADDRESS]`

use std::error::Error;

use greet_core::server::Event;
use greet_std::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let server = Server::bind(address.as_deref().unwrap_or("127.0.0.1:8000"))?;
    let port = server.local_addr().port();
    println!("Server is listening on port {port}...");
    server.run(|event| {
        if let Event::Connected { peer } = event {
            println!("Connection from {peer}");
        }
    })?;
    Ok(())
}
