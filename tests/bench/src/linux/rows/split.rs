//! Names that come in two segments: bytes that arrive after the answer must not destroy it, and no
//! connection may end in a reset.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Bar, Table, judge};
use crate::linux::peers::{Asked, Peer};
use crate::linux::server::{Cores, Server};

const NAMES: u32 = 3_000;

/// Greet may lose nothing.
const BAR: Bar = Bar::AtMost(0.0);

#[derive(Default)]
struct Count {
    /// The reply is neither of the name nor of its first piece.
    lost: u32,
    /// The reply was there, and an error after it.
    reset: u32,
}

pub(super) fn measure(table: &Table, cores: Cores, missed: &mut Vec<String>) -> anyhow::Result<()> {
    println!("Replies to {NAMES} names in two segments each:\n");
    println!("| server | lost | reset |");
    println!("|---|---|---|");
    let mut of_greet = None;
    for peer in table.peers() {
        let server = Server::start(peer, Asked::Greeting, cores)?;
        let mut count = Count::default();
        for number in 0..NAMES {
            // From `before accept` to `after close`.
            let gap = Duration::from_micros(u64::from(number % 100));
            count.add(server.address, gap)?;
        }
        println!("| {} | {} | {} |", peer.title(), count.lost, count.reset);
        if peer == Peer::Greet {
            of_greet = Some(count);
        }
    }
    println!();
    if let Some(Count { lost, reset }) = of_greet {
        let what = "replies to split names, lost or reset";
        judge(what, BAR, f64::from(lost + reset), missed);
    }
    Ok(())
}

impl Count {
    fn add(&mut self, server: SocketAddr, gap: Duration) -> anyhow::Result<()> {
        let mut client = TcpStream::connect(server)?;
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(Duration::from_secs(30)))?;
        client.write_all(b"Wor")?;
        let sent = Instant::now();
        while sent.elapsed() < gap {
            std::hint::spin_loop();
        }
        // It fails where the server has gone: the reply says whether that does harm.
        let _ = client.write_all(b"ld");
        let mut reply = Vec::new();
        let end = client.read_to_end(&mut reply);
        if reply != b"Hello, Wor" && reply != b"Hello, World" {
            self.lost += 1;
            return Ok(());
        }
        match end {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.reset += 1,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
