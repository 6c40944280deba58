//! A transport without a network: byte pipes with limited room, a backlog, and a mailbox.
//!
//! It is harsher than a network is on most days: it can hand bytes over in any pieces, has little
//! room for replies, and destroys what is on its way when a connection is closed with unread
//! bytes, as RST does. No clock is in here; the [lab] passes virtual time.

mod datagrams;
pub mod lab;
mod listener;
mod stream;

pub use datagrams::Mailbox;
pub use listener::Backlog;
pub use stream::{Cut, End, Wire, pair};

use embedded_io::ErrorKind;

/// What went wrong on a pipe or was injected by a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub ErrorKind);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Fault {}

impl embedded_io::Error for Fault {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}
