//! A server for any number of clients under tokio, a task for each: `cargo run --example tokio_server`
//!
//! Ctrl-C stops it. `cargo run --example tcp_client` of the checkout is a client.

use std::io;

use greet_async_examples::desktop::{Clock, Socket};
use greet_core::asynch::{Timer, converse};
use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8000")).await?;
    println!("Server is listening on {}...", listener.local_addr()?);
    let clock = Clock::start();
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            accepted = listener.accept() => {
                let (stream, peer) = accepted?;
                println!("Connection from {peer}");
                tokio::spawn(serve(stream, clock));
            }
        }
    }
}

async fn serve(stream: TcpStream, clock: Clock) -> io::Result<()> {
    let mut socket = Socket::new(stream)?;
    let mut exchange = Exchange::new(clock.now(), Limits::DEFAULT);
    let outcome = converse(&mut exchange, &mut socket, &clock).await;
    println!("{outcome:?}");
    Ok(())
}
