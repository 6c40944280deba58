//! One client after the other in one place: a socket, the name that it sends, and what comes back.
//!
//! An event loop moves it. It is not core's `Request`, which half-closes: that would be one more
//! call of the system for each greeting.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;
use std::time::Instant;

use greet_std::core::limits::GREETING;
use greet_std::core::text::shown;
use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};

/// Longer than any reply that is due.
const ROOM: usize = 64;

/// What every name starts with; a number follows.
const NAME: &str = "client ";

/// A place for one client at a time.
pub struct Client {
    wire: Option<Wire>,
    number: u64,
    name: String,
    is_asking: bool,
    sent: bool,
    reply: [u8; ROOM],
    received: usize,
    /// From when on it counts, and when it is given up.
    pub begun: Instant,
    pub due: Instant,
}

enum Wire {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

/// Whom a client asks, and how.
#[derive(Clone, Copy)]
pub enum Server {
    Tcp(SocketAddr),
    Udp(SocketAddr),
}

impl Client {
    pub fn new(now: Instant) -> Self {
        Self {
            wire: None,
            number: 0,
            name: String::new(),
            is_asking: false,
            sent: false,
            reply: [0; ROOM],
            received: 0,
            begun: now,
            due: now,
        }
    }

    /// Begins the greeting with this number. Over UDP, the socket of the one before goes on.
    ///
    /// # Errors
    ///
    /// The system has no socket or no port for it.
    pub fn begin(
        &mut self,
        server: Server,
        number: u64,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        self.number = number;
        self.name.clear();
        let _ = write!(self.name, "{NAME}{number}"); // a string takes everything
        self.is_asking = true;
        self.sent = false;
        self.received = 0;
        let both = Interest::READABLE | Interest::WRITABLE;
        match server {
            Server::Tcp(address) => {
                let mut stream = TcpStream::connect(address)?;
                registry.register(&mut stream, token, both)?;
                self.wire = Some(Wire::Tcp(stream));
            }
            Server::Udp(address) if self.wire.is_none() => {
                let any: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let mut socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                registry.register(&mut socket, token, both)?;
                self.wire = Some(Wire::Udp(socket));
            }
            Server::Udp(_) => {}
        }
        Ok(())
    }

    /// Whether it has begun, and not ended.
    pub fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// Goes as far as it can, up to the whole reply.
    ///
    /// # Errors
    ///
    /// The connection breaks, or a byte of the reply is wrong.
    pub fn go_on(&mut self) -> Poll<io::Result<()>> {
        if !self.sent {
            match self.send() {
                Err(error) if is_not_yet(&error) => return Poll::Pending,
                result => self.sent = result.map(|()| true)?,
            }
        }
        loop {
            match self.receive() {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => {}
                Err(error) if is_not_yet(&error) => return Poll::Pending,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Closes its connection. A UDP socket stays.
    pub fn end(&mut self) {
        self.is_asking = false;
        if let Some(Wire::Tcp(_)) = self.wire {
            self.wire = None;
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let name = self.name.as_bytes();
        let sent = match &mut self.wire {
            Some(Wire::Tcp(stream)) => stream.write(name),
            Some(Wire::Udp(socket)) => socket.send(name),
            None => Err(io::ErrorKind::NotConnected.into()),
        }?;
        // A socket that is new takes a few bytes as a whole.
        (sent == name.len())
            .then_some(())
            .ok_or_else(|| io::ErrorKind::WriteZero.into())
    }

    /// Takes what has come. `true`: that was the whole reply.
    fn receive(&mut self) -> io::Result<bool> {
        match &mut self.wire {
            Some(Wire::Tcp(stream)) => {
                // Without room more came than is due, which the check finds as well.
                let n = stream.read(&mut self.reply[self.received..])?;
                self.received += n;
                if n > 0 {
                    return Ok(false);
                }
            }
            Some(Wire::Udp(socket)) => {
                self.received = socket.recv(&mut self.reply)?;
                if self.is_late() {
                    return Ok(false);
                }
            }
            None => return Err(io::ErrorKind::NotConnected.into()),
        }
        self.check().map(|()| true)
    }

    /// Whether this is the answer to a message that was given up, or once more to one before.
    fn is_late(&self) -> bool {
        let reply = std::str::from_utf8(&self.reply[..self.received]).ok();
        let number = reply.and_then(|reply| reply.strip_prefix(GREETING)?.strip_prefix(NAME));
        number.is_some_and(|digits| {
            let before = digits.parse().ok().filter(|number| *number < self.number);
            before.is_some_and(|number: u64| number.to_string() == digits)
        })
    }

    /// Every byte of it.
    fn check(&self) -> io::Result<()> {
        let reply = &self.reply[..self.received];
        let rest = reply.strip_prefix(GREETING.as_bytes());
        if rest == Some(self.name.as_bytes()) {
            return Ok(());
        }
        let reply = String::from_utf8_lossy(reply);
        Err(io::Error::other(format!(
            "{} was answered with \"{}\"",
            self.name,
            shown(&reply)
        )))
    }
}

/// Not connected yet, or nothing there yet.
fn is_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
    )
}
