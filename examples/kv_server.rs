//! A key-value store for many clients at once: a protocol that isn't greeting, on the desktop's
//! server as it is.
//!
//! `cargo run --example kv_server [ADDRESS]`, and in another terminal
//! `printf 'SET a 1\nGET a\n' | nc -N 127.0.0.1 8002`

use std::error::Error;

use greet_core::server::Event;
use greet_examples::kv::session::Session;
use greet_examples::kv::store::Store;
use greet_std::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::new();
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8002");
    let server = Server::<Session<'_>>::serving(&store).bind(address)?;
    let port = server.local_addr().port();
    println!("Server is listening on port {port}...");
    server.run(|event| {
        if let Event::Connected { peer } = event {
            println!("Connection from {peer}");
        }
    })?;
    Ok(())
}
