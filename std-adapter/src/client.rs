//! A client: connects, sends a name, and takes the whole reply.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use greet_core::machine::Machine;
use greet_core::request::{Answer, Request};
use greet_core::text::{Text, shown};
use greet_core::time::Instant;

use crate::clock::Clock;
use crate::conversation::{Conversation, Ongoing};
use crate::error::Error;
use crate::kept_open::KeptOpen;

/// Asks servers for greetings, one connection each.
///
/// ```no_run
/// use std::time::Duration;
/// use greet_core::text::Text;
/// use greet_std::Client;
///
/// let client = Client::new().timeout(Duration::from_secs(1));
/// println!("Received: {}", client.greet("127.0.0.1:8000", Text::new("World")?)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Client {
    timeout: Duration,
    half_closes: bool,
}

/// What a server answered: `Hello, ` and the name, byte for byte.
///
/// Its [`Display`](fmt::Display) is safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    text: String,
    from: SocketAddr,
}

impl Greeting {
    /// The text as it crossed the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The server's address.
    pub const fn from(&self) -> SocketAddr {
        self.from
    }
}

impl fmt::Display for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown(&self.text).fmt(f)
    }
}

impl Client {
    /// A client that waits for 5 seconds.
    pub const fn new() -> Self {
        Self {
            timeout: Request::TIMEOUT,
            half_closes: true,
        }
    }

    /// How long connecting, sending and receiving may take, all together.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether FIN follows the name, as it does by default, in the same segment if the system allows
    /// it.
    ///
    /// Some stacks know no half-close: there FIN ends the connection, and no reply comes. `false` lets
    /// quiet end the name, and closes when the reply has come. The empty name has no other end than FIN.
    #[must_use]
    pub const fn half_close(mut self, half_closes: bool) -> Self {
        self.half_closes = half_closes;
        self
    }

    /// Sends `name` to the first address of `to` that accepts, and returns the greeting.
    ///
    /// A server that had to give its place to somebody else before the name came is asked once more.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] has the server's sentence; the others say why there is no answer.
    pub fn greet(&self, to: impl ToSocketAddrs, name: Text<'_>) -> Result<Greeting, Error> {
        let clock = Clock::start();
        let addresses = resolve(to)?;
        let ask = || {
            let request = Request::new(name, Instant::START + self.timeout);
            if self.half_closes || name.as_bytes().is_empty() {
                self.converse_at(clock, &addresses, request)
            } else {
                let ended = self.converse_at(clock, &addresses, KeptOpen(request))?;
                Ok(Conversation {
                    machine: ended.machine.0,
                    outcome: ended.outcome,
                    server: ended.server,
                })
            }
        };
        let mut ended = ask()?;
        if let Some(Ok(answer)) = ended.machine.answer()
            && answer.is_crowded_out()
        {
            ended = ask()?;
        }
        let (request, address) = (ended.machine, ended.server);
        if let Err(cause) = ended.outcome {
            let reply = request.reply().to_vec();
            return Err(Error::Request {
                address,
                cause,
                reply,
            });
        }
        if let Some(Ok(Answer::Refused(sentence))) = request.answer() {
            let sentence = sentence.to_owned();
            return Err(Error::Refused { address, sentence });
        }
        // The bytes equal `Hello, ` and a name that is UTF-8.
        let text = String::from_utf8_lossy(request.reply()).into_owned();
        Ok(Greeting {
            text,
            from: address,
        })
    }

    /// Has one conversation, of any protocol, with the first address of `to` that accepts.
    ///
    /// For the machine, it is [`Instant::START`] when this is called. How long the conversation may
    /// take is in its own hands; connecting has the [timeout](Self::timeout).
    ///
    /// ```
    /// use std::time::Duration;
    /// use greet_core::request::{Answer, Request};
    /// use greet_core::text::Text;
    /// use greet_core::time::Instant;
    /// use greet_std::{Client, Server};
    ///
    /// let server = Server::bind("127.0.0.1:0")?;
    /// let (address, handle) = (server.local_addr(), server.handle());
    /// let running = std::thread::spawn(move || server.run(|_event| {}));
    ///
    /// let deadline = Instant::START + Duration::from_secs(30);
    /// let request = Request::new(Text::new("World")?, deadline);
    /// let conversation = Client::new().converse(address, request)?;
    /// assert_eq!(conversation.outcome, Ok(()));
    /// assert_eq!(conversation.machine.reply(), b"Hello, World");
    ///
    /// handle.stop();
    /// # running.join().expect("the server doesn't panic")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Nobody accepts, or the system lacks something. How a conversation goes is its outcome.
    pub fn converse<M: Machine>(
        &self,
        to: impl ToSocketAddrs,
        machine: M,
    ) -> Result<Conversation<M>, Error> {
        let clock = Clock::start();
        self.converse_at(clock, &resolve(to)?, machine)
    }

    /// Starts a conversation, of any protocol, with the first address of `to` that accepts, and leaves
    /// it to the caller to go on: for a machine that is to be reached meanwhile.
    ///
    /// For the machine, it is [`Instant::START`] when this is called. [`Ongoing`] has an example.
    ///
    /// # Errors
    ///
    /// As [`converse`](Self::converse).
    pub fn start<M: Machine>(
        &self,
        to: impl ToSocketAddrs,
        machine: M,
    ) -> Result<Ongoing<M>, Error> {
        let clock = Clock::start();
        let (stream, server) = self.connect(&resolve(to)?, clock)?;
        Ongoing::new(machine, stream, server, clock)
    }

    fn converse_at<M: Machine>(
        &self,
        clock: Clock,
        addresses: &[SocketAddr],
        machine: M,
    ) -> Result<Conversation<M>, Error> {
        let (stream, server) = self.connect(addresses, clock)?;
        Ongoing::new(machine, stream, server, clock)?.finish()
    }

    /// Tries every address. Each gets an equal share of what is left of the timeout, so that one
    /// which never answers doesn't take the time of the others.
    fn connect(
        &self,
        addresses: &[SocketAddr],
        clock: Clock,
    ) -> Result<(TcpStream, SocketAddr), Error> {
        let mut last = Error::NoAddress;
        for (address, untried) in addresses.iter().copied().zip((1..=addresses.len()).rev()) {
            let left = (Instant::START + self.timeout).since(clock.now());
            let share = left / u32::try_from(untried).unwrap_or(u32::MAX);
            let connected = if share.is_zero() {
                Err(io::ErrorKind::TimedOut.into())
            } else {
                TcpStream::connect_timeout(&address, share)
            };
            match connected {
                Ok(stream) => return Ok((stream, address)),
                Err(cause) => last = Error::Connect { address, cause },
            }
        }
        Err(last)
    }
}

fn resolve(to: impl ToSocketAddrs) -> Result<Vec<SocketAddr>, Error> {
    to.to_socket_addrs()
        .map(Iterator::collect)
        .map_err(|cause| Error::Resolve { cause })
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}
