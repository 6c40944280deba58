//! Servers that keep a connection and answer each of its lines.

use anyhow::bail;
use greet_core::limits::{GREETING, Limits};
use greet_core::lines::Lines;
use greet_std::Server;

use super::{Peer, announce, listen};

mod epoll;
mod tokio;

/// The longest line.
const LINE: usize = 1024;

/// So much is received at once.
const ROOM: usize = 4 * LINE;

pub(super) fn serve(peer: Peer) -> anyhow::Result<()> {
    match peer {
        Peer::Epoll => epoll::serve(),
        Peer::Tokio => tokio::serve(),
        Peer::Greet => greet(),
        Peer::Blocking | Peer::Python => bail!("no such server of lines is in this program"),
    }
}

/// As the one of greetings, with one worker as its peers have.
fn greet() -> anyhow::Result<()> {
    let limits = Limits::DEFAULT.with_deadline(std::time::Duration::from_hours(1));
    let server = Server::<Lines>::serving(limits)
        .workers(std::num::NonZeroUsize::MIN)
        .max_connections(12_000)
        .bind("127.0.0.1:0")?;
    announce(server.local_addr())?;
    server.run(|_event| {})?;
    Ok(())
}

/// Answers all whole lines, and says how many bytes they are. Their text isn't looked at.
fn answer(lines: &[u8], out: &mut Vec<u8>) -> usize {
    let mut start = 0;
    for at in memchr::memchr_iter(b'\n', lines) {
        out.extend_from_slice(GREETING.as_bytes());
        out.extend_from_slice(&lines[start..=at]);
        start = at + 1;
    }
    start
}
