//! The servers that are compared, each a process of its own. A peer answers what one `receive`
//! brings, as plain servers do; only greet knows the whole protocol.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context;
use clap::ValueEnum;
use greet_core::limits::GREETING;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

mod blocking;
mod epoll;
mod greet;
mod lines;
mod tokio;
mod udp;

/// The Python server's source.
pub(crate) const PLAIN_PYTHON: &str = include_str!("peers/plain.py");

/// That of the Python server which answers lines.
pub(crate) const LINES_PYTHON: &str = include_str!("peers/lines/asyncio.py");

/// More connections than any load opens at once: a short queue would measure SYN retransmissions.
const BACKLOG: i32 = 4096;

/// Who can be asked for greetings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Edge-triggered epoll, accept4 in batches, one thread: what a textbook teaches.
    Epoll,
    /// Blocking accept, receive at once, reply and FIN in one segment; an epoll thread for
    /// stragglers. The best known.
    Blocking,
    /// tokio on one thread, a task for each connection.
    Tokio,
    /// A plain Python server, one client at a time.
    Python,
    /// greet-std.
    Greet,
}

impl Peer {
    /// As the table calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Epoll => "epoll, textbook",
            Self::Blocking => "blocking accept, tuned",
            Self::Tokio => "tokio, one thread",
            Self::Python => "plain Python",
            Self::Greet => "greet",
        }
    }

    /// As a table of what is asked calls it.
    pub(crate) const fn title_of(self, asked: Asked) -> &'static str {
        match (self, asked) {
            (Self::Python, Asked::Lines) => "Python, asyncio",
            _ => self.title(),
        }
    }

    /// Whether it can keep thousands of connections.
    pub(crate) const fn keeps_many(self, asked: Asked) -> bool {
        !matches!((self, asked), (Self::Python, Asked::Greeting)) && self.answers(asked)
    }

    /// Whether there is such a server.
    pub(crate) const fn answers(self, asked: Asked) -> bool {
        !matches!((self, asked), (Self::Blocking, Asked::Lines))
    }
}

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A greeting a connection.
    Greeting,
    /// Many over one connection, a name a line.
    Lines,
}

/// Serves greetings until the process is killed.
pub(crate) fn serve(peer: Peer, asked: Asked) -> anyhow::Result<()> {
    raise_descriptor_limit()?;
    if asked == Asked::Lines {
        return lines::serve(peer);
    }
    match peer {
        Peer::Epoll => epoll::serve(),
        Peer::Blocking => blocking::serve(),
        Peer::Tokio => tokio::serve(),
        Peer::Greet => greet::serve(),
        Peer::Python => anyhow::bail!("the Python peer is started with python3"),
    }
}

/// Shows messages on stdout until stdin ends.
pub(crate) fn show() -> anyhow::Result<()> {
    udp::println()
}

/// Lets this process open as many descriptors as it may.
pub(crate) fn raise_descriptor_limit() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).context("can't raise the limit of descriptors")
}

fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Tells the driver the port.
fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "listening on port {}", address.port())?;
    out.flush()
}

/// Returns when the driver is gone, or wants an end.
fn wait_for_end() {
    let mut rest = Vec::new();
    let _ = io::stdin().read_to_end(&mut rest);
}

/// A buffer that starts with `Hello, `; the name is received behind it.
struct Reply {
    bytes: [u8; Self::SIZE],
}

impl Reply {
    const SIZE: usize = GREETING.len() + 1024;

    fn new() -> Self {
        let mut bytes = [0; Self::SIZE];
        bytes[..GREETING.len()].copy_from_slice(GREETING.as_bytes());
        Self { bytes }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[GREETING.len()..]
    }

    fn with_name_of(&self, len: usize) -> &[u8] {
        &self.bytes[..GREETING.len() + len]
    }
}
