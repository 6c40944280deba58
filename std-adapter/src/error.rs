//! What can go wrong on a desktop, each a sentence that says what to do.

use std::io;
use std::net::SocketAddr;

use greet_core::request::RequestError;
use greet_core::text::shown;

use crate::failure::lack_of_files;

/// Why something on [`std::net`] failed, and what can be done.
///
/// A sentence says all of it, the cause included, so there is no `source` behind it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system doesn't let us listen there.
    #[error("can't listen on {address}: {}{}", reason(.cause), listen_advice(*.address, .cause))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// A name is no address, or isn't known.
    #[error("can't find the address: {}{}", reason(.cause), resolve_advice(.cause))]
    Resolve {
        /// What the resolver says.
        cause: io::Error,
    },
    /// A name has no address at all.
    #[error("the name has no address; check how it is spelt")]
    NoAddress,
    /// The system lacks something.
    #[error("can't set up {what}: {}", reason(.cause))]
    Setup {
        /// What we tried.
        what: &'static str,
        /// What the system says.
        cause: io::Error,
    },
    /// Nobody answers there.
    #[error("can't connect to {address}: {}{}", reason(.cause), connect_advice(.cause))]
    Connect {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The server refused the name: the name's fault.
    #[error("{address} refused: {}", shown(.sentence))]
    Refused {
        /// The server.
        address: SocketAddr,
        /// Its sentence, as it came from the network.
        sentence: String,
    },
    /// The server didn't keep to the protocol, or the connection broke.
    #[error("no greeting from {address}: {cause}{}", received(.reply))]
    Request {
        /// The server.
        address: SocketAddr,
        /// Whose fault it is.
        cause: RequestError,
        /// What had come until then.
        reply: Vec<u8>,
    },
    /// A datagram couldn't be sent.
    #[error("can't send to {address}: {}{}", reason(.cause), send_advice(.cause))]
    Send {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
}

/// The system's sentence without its number: `address already in use`. Where files are lacking, whatever was
/// tried, also what can be done.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let sentence = text.find(" (os error").map_or(&*text, |end| &text[..end]);
    let mut chars = sentence.chars();
    let lower = chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect());
    lower + &lack_of_files(error).unwrap_or_default()
}

fn resolve_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::InvalidInput => {
            " (it is HOST:PORT, such as 127.0.0.1:8000, localhost:8000 or [::1]:8000)"
        }
        _ => "",
    }
}

fn listen_advice(address: SocketAddr, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            " (is another server running? Choose another port, or port 0 for a free one)"
        }
        io::ErrorKind::AddrNotAvailable => " (this machine has no such address)",
        io::ErrorKind::PermissionDenied if (1..1024).contains(&address.port()) => {
            " (ports below 1024 are for the administrator)"
        }
        io::ErrorKind::PermissionDenied => {
            " (does the system, a sandbox or a policy keep this port?)"
        }
        _ => "",
    }
}

fn connect_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => " (is a server running there?)",
        io::ErrorKind::TimedOut => " (is the machine up, and no firewall between?)",
        _ => "",
    }
}

fn send_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
            " (is a receiver running there?)"
        }
        _ => "",
    }
}

/// The start of what came instead of a reply, safe to show.
fn received(reply: &[u8]) -> String {
    const SHOWN: usize = 64;
    if reply.is_empty() {
        return String::new();
    }
    let start = String::from_utf8_lossy(reply.get(..SHOWN).unwrap_or(reply));
    let more = if reply.len() > SHOWN {
        ", and more"
    } else {
        ""
    };
    format!(" (it sent \"{}\"{more})", shown(&start))
}
