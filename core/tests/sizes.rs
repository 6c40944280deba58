//! What one connection costs. `cargo test -p greet-core --test sizes -- --nocapture` prints it.

use core::mem::size_of;

use greet_core::client::Client;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::receiver::Receiver;
use greet_core::request::Request;
use greet_core::responder::Responder;
use greet_core::server::Server;

#[test]
fn an_exchange_is_its_buffer_and_a_few_words() {
    for (what, bytes) in [
        ("Exchange", size_of::<Exchange>()),
        ("Request", size_of::<Request<'_>>()),
        ("Client", size_of::<Client<Request<'_>>>()),
        ("Receiver", size_of::<Receiver>()),
        ("Responder<64>", size_of::<Responder<64>>()),
        ("Server<(), 1>", size_of::<Server<(), 1>>()),
        ("Server<(), 8>", size_of::<Server<(), 8>>()),
        ("exchange::Outcome", size_of::<Outcome>()),
    ] {
        println!("{what:>18} {bytes:>6} bytes");
    }
    assert!(size_of::<Exchange>() <= 1080, "{}", size_of::<Exchange>());
}

#[test]
fn a_place_costs_little_more_than_its_exchange() {
    let place = size_of::<Server<(), 8>>() - size_of::<Server<(), 7>>();
    assert!(place <= size_of::<Exchange>() + 48, "{place}");
}
