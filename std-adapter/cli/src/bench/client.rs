//! One client after the other in one place: a socket, the name that it sends, and what comes back.
//!
//! An event loop moves it. It is not core's `Request`, which half-closes: that would be one more
//! call of the system for each greeting.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::task::Poll;
use std::time::{Duration, Instant};

use greet_std::core::limits::GREETING;
use greet_std::core::text::shown;
use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};

use super::fault::sentence;
use super::lines::{Came, Lines};
use super::patience::Patience;

/// Longer than any reply that is due.
const ROOM: usize = 64;

/// What every name starts with; a number follows.
const NAME: &str = "client ";

/// So many messages over UDP may wait for their answers in one place.
const MOST: usize = 64;

/// A place for one client at a time.
pub struct Client {
    wire: Option<Wire>,
    /// What may still be answered, in the order in which it was asked; over TCP one at most, but many
    /// in lines mode.
    unanswered: VecDeque<Greeting>,
    /// Whether there is no room in this place for another.
    is_asking: bool,
    /// The number of the last one asked, and its name.
    number: u64,
    name: String,
    sent: bool,
    reply: [u8; ROOM],
    received: usize,
    /// How many messages in a row were not waited for any longer.
    silences: u32,
    /// Why nothing that waits on a connection that broke will be answered.
    fault: Option<String>,
}

/// What one client asks for.
#[derive(Clone, Copy)]
pub struct Greeting {
    pub number: u64,
    /// From when on its latency counts.
    pub begun: Instant,
    pub asked: Instant,
    /// When it is given up. `None`: never.
    pub due: Option<Instant>,
}

enum Wire {
    Tcp(TcpStream),
    Lines(Box<Lines>),
    Udp(UdpSocket),
}

/// Whom a client asks, and how.
#[derive(Clone, Copy)]
pub enum Server {
    Tcp(SocketAddr),
    /// So many names at once.
    Lines(SocketAddr, NonZeroU32),
    Udp(SocketAddr),
}

impl Client {
    pub fn new() -> Self {
        Self {
            wire: None,
            unanswered: VecDeque::new(),
            is_asking: false,
            number: 0,
            name: String::new(),
            sent: false,
            reply: [0; ROOM],
            received: 0,
            silences: 0,
            fault: None,
        }
    }

    /// Begins a greeting. Over UDP and in lines mode, the socket of the one before goes on; a line
    /// leaves with the next [`go_on`](Self::go_on).
    ///
    /// # Errors
    ///
    /// The system has no socket or no port for it: it hasn't begun.
    pub fn begin(
        &mut self,
        server: Server,
        greeting: Greeting,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
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
            Server::Lines(address, depth) if self.wire.is_none() => {
                let lines = Lines::connect(address, depth, registry, token)?;
                self.wire = Some(Wire::Lines(Box::new(lines)));
            }
            Server::Lines(..) | Server::Udp(_) => {}
        }
        self.number = greeting.number;
        self.name.clear();
        let _ = write!(self.name, "{NAME}{}", greeting.number); // a string takes everything
        if let Some(Wire::Lines(lines)) = &mut self.wire {
            lines.queue(&self.name)?;
        }
        self.unanswered.push_back(greeting);
        self.is_asking = match server {
            Server::Lines(_, depth) => self.unanswered.len() >= depth.get() as usize,
            Server::Tcp(_) | Server::Udp(_) => true,
        };
        self.sent = false;
        self.received = 0;
        Ok(())
    }

    /// Whether there is no room in this place for another greeting.
    pub fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// Whether somebody in this place asks: over UDP, somebody whose last message is still waited for.
    pub fn is_busy(&self) -> bool {
        match self.wire {
            Some(Wire::Lines(_)) => !self.is_done(),
            _ => self.is_asking,
        }
    }

    /// Whether all that it asked has ended.
    pub fn is_done(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Goes as far as it can, up to the next whole reply. Over UDP that may be the one to an
    /// earlier message.
    ///
    /// # Errors
    ///
    /// The connection breaks, or a byte of the reply is wrong. The last greeting has failed by it.
    pub fn go_on(&mut self) -> Poll<io::Result<Greeting>> {
        if self.fault.is_some() {
            return self
                .next_failure()
                .map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
        }
        if self.wire.is_none() {
            return Poll::Pending;
        }
        match self.exchange() {
            Ok(Some(greeting)) => Poll::Ready(Ok(greeting)),
            Ok(None) => Poll::Pending,
            // A server may end a connection on which it owes nothing.
            Err(_) if matches!(self.wire, Some(Wire::Lines(_))) && self.is_done() => {
                self.rest();
                Poll::Pending
            }
            Err(error) if matches!(self.wire, Some(Wire::Lines(_))) => {
                self.fault = Some(sentence(&error));
                self.next_failure();
                Poll::Ready(Err(error))
            }
            Err(error) => {
                if self.is_asking {
                    self.unanswered.pop_back();
                }
                self.rest();
                Poll::Ready(Err(error))
            }
        }
    }

    /// Gives up one of those that waited on a connection that broke. `None`: there are no more, and
    /// the next connection may begin.
    fn next_failure(&mut self) -> Option<io::Error> {
        let fault = self.fault.as_ref()?;
        let error = io::Error::other(fault.clone());
        let was_there = self.unanswered.pop_front().is_some();
        self.is_asking = false;
        if self.unanswered.is_empty() {
            self.fault = None;
            self.rest();
        }
        was_there.then_some(error)
    }

    /// A greeting that nobody answered in time, if there is one.
    pub fn give_up(&mut self, now: Instant) -> Option<Greeting> {
        let greeting = *self.unanswered.front()?;
        if greeting.due.is_none_or(|due| now < due) {
            return None;
        }
        if let Some(Wire::Lines(_)) = self.wire {
            // Nothing that comes later on it can be counted.
            self.fault = Some(sentence(&io::ErrorKind::TimedOut.into()));
        }
        self.unanswered.pop_front();
        if self.unanswered.is_empty() {
            self.fault = None;
            self.rest();
        }
        Some(greeting)
    }

    /// Waits no longer for the answer to its last message before it asks for more, if that has
    /// taken too long; when it comes, it is taken all the same. Over TCP it waits.
    pub fn move_on(&mut self, now: Instant, patience: &Patience) {
        let is_udp = matches!(self.wire, Some(Wire::Udp(_)));
        if is_udp
            && self.is_asking
            && self.sent
            && self.unanswered.len() < MOST
            && let Some(last) = self.unanswered.back()
            && now.saturating_duration_since(last.asked) >= patience.wait(self.silences)
        {
            self.silences = self.silences.saturating_add(1);
            self.is_asking = false;
        }
    }

    /// Its place is free. A UDP socket stays; a connection is closed, and one in lines mode is as well
    /// if this is called.
    fn rest(&mut self) {
        self.is_asking = false;
        if let Some(Wire::Tcp(_) | Wire::Lines(_)) = self.wire {
            self.wire = None;
        }
    }

    /// `None`: not now.
    fn exchange(&mut self) -> io::Result<Option<Greeting>> {
        if let Some(Wire::Lines(lines)) = &mut self.wire {
            return match lines.go_on() {
                Poll::Ready(came) => Ok(match came? {
                    Came::Reply => {
                        self.is_asking = false;
                        self.unanswered.pop_front()
                    }
                    Came::End => {
                        self.rest();
                        None
                    }
                }),
                Poll::Pending => Ok(None),
            };
        }
        if self.is_asking && !self.sent {
            match self.send() {
                Err(error) if is_not_yet(&error) => return Ok(None),
                result => self.sent = result.map(|()| true)?,
            }
        }
        loop {
            match self.receive() {
                Ok(Some(greeting)) => return Ok(Some(greeting)),
                Ok(None) => {}
                Err(error) if is_not_yet(&error) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let name = self.name.as_bytes();
        let sent = match &mut self.wire {
            Some(Wire::Tcp(stream)) => stream.write(name),
            Some(Wire::Udp(socket)) => socket.send(name),
            Some(Wire::Lines(_)) | None => Err(io::ErrorKind::NotConnected.into()),
        }?;
        // A socket that is new takes a few bytes as a whole.
        (sent == name.len())
            .then_some(())
            .ok_or_else(|| io::ErrorKind::WriteZero.into())
    }

    /// Takes what has come, and says which greeting that has answered.
    fn receive(&mut self) -> io::Result<Option<Greeting>> {
        match &mut self.wire {
            Some(Wire::Tcp(stream)) => {
                // Without room more came than is due, which the check finds as well.
                let n = stream.read(&mut self.reply[self.received..])?;
                self.received += n;
                if n > 0 {
                    return Ok(None);
                }
                self.check()?;
                self.rest();
                Ok(self.unanswered.pop_front())
            }
            Some(Wire::Udp(socket)) => {
                self.received = socket.recv(&mut self.reply)?;
                self.answered()
            }
            Some(Wire::Lines(_)) | None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Which message was answered by the datagram that came. `None`: one that was given up, or one
    /// that was answered before.
    fn answered(&mut self) -> io::Result<Option<Greeting>> {
        let Some(number) = self.number_in_reply().filter(|n| *n <= self.number) else {
            return self.check().map(|()| None);
        };
        let is = |greeting: &Greeting| greeting.number == number;
        let Some(at) = self.unanswered.iter().position(is) else {
            return Ok(None);
        };
        self.silences = 0;
        if number == self.number {
            self.is_asking = false;
        }
        Ok(self.unanswered.remove(at))
    }

    /// The number of the client whom the reply greets, byte for byte.
    fn number_in_reply(&self) -> Option<u64> {
        let reply = std::str::from_utf8(&self.reply[..self.received]).ok()?;
        let digits = reply.strip_prefix(GREETING)?.strip_prefix(NAME)?;
        let number: u64 = digits.parse().ok()?;
        (number.to_string() == digits).then_some(number)
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

impl Greeting {
    /// How long it took.
    pub fn latency(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }
}

/// Not connected yet, or nothing there yet.
fn is_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
    )
}
