//! One machine over three kinds of network: sockets of the operating system, smoltcp over a
//! loopback, and smoltcp across a link that loses a tenth of all packets, each way.
//!
//! `cargo run --example kv_everywhere`

use std::error::Error;
use std::time::Duration;

use greet_core::time::Instant;
use greet_examples::kv::batch::Batch;
use greet_examples::kv::over;
use greet_examples::kv::store::Store;
use smoltcp_sim::{Link, Probability};

/// All of it at once, without waiting for a reply.
const REQUESTS: &[u8] = b"SET planet Earth\nGET planet\nDEL planet\nGET planet\n";

fn main() -> Result<(), Box<dyn Error>> {
    let deadline = Instant::START + Duration::from_mins(1);
    let lossy = Link::new()
        .latency(Duration::from_millis(20))
        .loss(Probability::percent(10));
    for network in ["sockets", "loopback", "losses"] {
        let store = Store::new();
        let mut room = [0; 1024];
        let clients = vec![Batch::new(REQUESTS, &mut room, deadline)];
        let clients = match network {
            "sockets" => over::desktop(&store, clients)?,
            "loopback" => over::loopback(&store, clients)?,
            _ => over::network(&store, clients, lossy.clone(), 1)?,
        };
        for client in clients {
            let replies = String::from_utf8_lossy(client.replies());
            let replies: Vec<_> = replies.lines().collect();
            println!("{network}: {}", replies.join(", "));
        }
    }
    Ok(())
}
