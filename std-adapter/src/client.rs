//! A client: connects, sends a name, and takes the whole reply.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::task::Poll;
use std::time::Duration;

use greet_core::client;
use greet_core::request::Answer;
use greet_core::text::{Text, shown};
use mio::{Events, Interest, Token};

use crate::clock::{Clock, wait_for};
use crate::error::Error;
use crate::stream::Stream;

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
            timeout: client::Client::TIMEOUT,
        }
    }

    /// How long connecting, sending and receiving may take, all together.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends `name` to the first address of `to` that accepts, and returns the greeting.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] has the server's sentence; the others say why there is no answer.
    pub fn greet(&self, to: impl ToSocketAddrs, name: Text<'_>) -> Result<Greeting, Error> {
        let clock = Clock::start();
        let (stream, address) = self.connect(to, clock)?;
        let setup = |cause| Error::Setup {
            what: "a connection that doesn't block",
            cause,
        };
        stream.set_nonblocking(true).map_err(setup)?;
        let mut stream = Stream::from_non_blocking(mio::net::TcpStream::from_std(stream));

        let mut poll = mio::Poll::new().map_err(setup)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(stream.get_mut(), Token(0), interest)
            .map_err(setup)?;
        let mut events = Events::with_capacity(1);

        let mut client = client::Client::new(name, Duration::ZERO, self.timeout);
        let answer = loop {
            let now = clock.now();
            if let Poll::Ready(answer) = client.poll(&mut stream, now) {
                break answer.map(|answer| match answer {
                    Answer::Greeted => None,
                    Answer::Refused(sentence) => Some(sentence.to_owned()),
                });
            }
            wait_for(&mut poll, &mut events, client.next_poll(), now).map_err(setup)?;
        };
        let reply = || client.reply().to_vec();
        match answer {
            Ok(Some(sentence)) => Err(Error::Refused { address, sentence }),
            Err(cause) => Err(Error::Request {
                address,
                cause,
                reply: reply(),
            }),
            Ok(None) => {
                // The bytes equal `Hello, ` and a name that is UTF-8.
                let text = String::from_utf8_lossy(client.reply()).into_owned();
                Ok(Greeting {
                    text,
                    from: address,
                })
            }
        }
    }

    /// Tries every address. Each gets an equal share of what is left of the timeout, so that one
    /// which never answers doesn't take the time of the others.
    fn connect(
        &self,
        to: impl ToSocketAddrs,
        clock: Clock,
    ) -> Result<(TcpStream, SocketAddr), Error> {
        let addresses: Vec<SocketAddr> = to
            .to_socket_addrs()
            .map_err(|cause| Error::Resolve { cause })?
            .collect();
        let mut last = Error::NoAddress;
        for (address, untried) in addresses.iter().copied().zip((1..=addresses.len()).rev()) {
            let left = self.timeout.saturating_sub(clock.now());
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

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}
