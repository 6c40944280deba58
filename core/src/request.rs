//! The client's side of one greeting over TCP: from connect to the checked reply, without I/O.
//!
//! The mirror of [`exchange`](crate::exchange). A driver such as
//! [`client::Client`](crate::client::Client) carries bytes between a [`Request`] and a connection.
//! What counts as a good reply is decided here and nowhere else.

use core::fmt;
use core::time::Duration;

use embedded_io::ErrorKind;

use crate::buffer;
use crate::limits::{GREETING, REFUSAL};
use crate::text::Text;

/// The client's side of one greeting: sends a name and FIN, and takes the reply up to FIN.
///
/// No call panics, whatever its arguments and in whatever order calls come; a call that doesn't fit
/// the status is ignored.
///
/// ```
/// use core::time::Duration;
/// use greet_core::request::{Answer, Request};
/// use greet_core::text::Text;
///
/// let now = Duration::ZERO;
/// let name = Text::new("World").unwrap();
/// let mut request = Request::new(name, now, Duration::from_secs(5));
/// assert_eq!(request.transmit(), b"World");
/// request.transmitted(5);
/// request.finished();
///
/// request.space()[..12].copy_from_slice(b"Hello, World"); // what a socket would do
/// request.received(12);
/// request.received_fin();
/// assert_eq!(request.answer(), Some(Ok(Answer::Greeted)));
/// ```
pub struct Request<'a> {
    name: Text<'a>,
    sent: usize,
    reply: [u8; buffer::SIZE],
    received: usize,
    state: State,
    deadline: Duration,
}

/// What a [`Request`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Status {
    /// For [`transmit`](Request::transmit) to leave. Bytes that come meanwhile are welcome.
    Sending,
    /// For FIN to be sent after the name.
    Finishing,
    /// For the reply, up to FIN.
    Receiving,
    /// For nothing: there is an [`answer`](Request::answer).
    Done,
}

/// What the server answered, when it kept to the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Answer<'a> {
    /// `Hello, ` and the name, byte for byte; [`Request::reply`] has it.
    Greeted,
    /// The server refused, in this sentence (without `Error: ` and the line feed).
    ///
    /// It comes from the network: show it through [`shown`](crate::text::shown).
    Refused(&'a str),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The server's fault: the reply is neither the greeting nor a refusal. It differs from the
    /// greeting at byte `at`, counted from 0.
    WrongReply {
        /// The offset in bytes.
        at: usize,
    },
    /// The server's fault: it closed the connection after `after` bytes of the greeting.
    CutShort {
        /// How many bytes came.
        after: usize,
    },
    /// The transport's or the server's fault: the connection broke.
    Connection(ErrorKind),
    /// There was no whole reply in time.
    TimedOut,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Sending,
    Finishing,
    Receiving,
    Done(Result<(), RequestError>),
}

impl<'a> Request<'a> {
    /// Starts a request at `now` that must be answered within `timeout`.
    pub const fn new(name: Text<'a>, now: Duration, timeout: Duration) -> Self {
        Self {
            name,
            sent: 0,
            reply: [0; buffer::SIZE],
            received: 0,
            state: State::Sending,
            deadline: now.saturating_add(timeout),
        }
    }

    /// What is left to send of the name; nothing, if the name is empty. FIN follows it.
    pub fn transmit(&self) -> &[u8] {
        self.name.as_bytes().get(self.sent..).unwrap_or_default()
    }

    /// The first `n` bytes of [`transmit`](Self::transmit) have left. More than it had count as all
    /// of it.
    pub fn transmitted(&mut self, n: usize) {
        if self.state == State::Sending {
            self.sent = self.sent.saturating_add(n).min(self.name.as_bytes().len());
            if self.sent == self.name.as_bytes().len() {
                self.state = State::Finishing;
            }
        }
    }

    /// FIN was sent after the name.
    pub fn finished(&mut self) {
        if self.state == State::Finishing {
            self.state = State::Receiving;
        }
    }

    /// Where the next bytes from the server go. Empty: don't read.
    pub fn space(&mut self) -> &mut [u8] {
        match self.state {
            State::Done(_) => &mut [],
            _ => self.reply.get_mut(self.received..).unwrap_or_default(),
        }
    }

    /// `n` bytes have come into [`space`](Self::space). More than it had room for count as that
    /// many.
    pub fn received(&mut self, n: usize) {
        if matches!(self.state, State::Done(_)) {
            return;
        }
        self.received = self.received.saturating_add(n).min(self.reply.len());
        if self.received == self.reply.len() {
            self.judge(); // longer than any reply
        }
    }

    /// FIN has come: the reply is complete.
    pub fn received_fin(&mut self) {
        if !matches!(self.state, State::Done(_)) {
            self.judge();
        }
    }

    /// The connection broke, and this is how the transport classifies it.
    pub fn connection_lost(&mut self, kind: ErrorKind) {
        self.end(Err(RequestError::Connection(kind)));
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest. `None`: never,
    /// as it is done.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        match self.state {
            State::Done(_) => None,
            _ => Some(self.deadline),
        }
    }

    /// Gives up if it is too late at `now`. Read what is waiting first: bytes that came in time
    /// count.
    pub fn handle_timeout(&mut self, now: Duration) {
        if now >= self.deadline {
            self.end(Err(RequestError::TimedOut));
        }
    }

    /// What it waits for.
    pub fn status(&self) -> Status {
        match self.state {
            State::Sending => Status::Sending,
            State::Finishing => Status::Finishing,
            State::Receiving => Status::Receiving,
            State::Done(_) => Status::Done,
        }
    }

    /// The bytes received so far, whatever they are.
    pub fn reply(&self) -> &[u8] {
        self.reply.get(..self.received).unwrap_or_default()
    }

    /// The outcome, once the status is [`Status::Done`].
    pub fn answer(&self) -> Option<Result<Answer<'_>, RequestError>> {
        let State::Done(end) = self.state else {
            return None;
        };
        Some(end.map(|()| match refusal(self.reply()) {
            Some(sentence) => Answer::Refused(sentence),
            None => Answer::Greeted,
        }))
    }

    fn judge(&mut self) {
        let expected = || GREETING.bytes().chain(self.name.as_bytes().iter().copied());
        let reply = || self.reply().iter().copied();
        self.state = State::Done(
            if reply().eq(expected()) || refusal(self.reply()).is_some() {
                Ok(())
            } else {
                let at = reply()
                    .zip(expected())
                    .take_while(|(got, want)| got == want)
                    .count();
                Err(if at == self.received {
                    RequestError::CutShort { after: at }
                } else {
                    RequestError::WrongReply { at }
                })
            },
        );
    }

    fn end(&mut self, result: Result<(), RequestError>) {
        if !matches!(self.state, State::Done(_)) {
            self.state = State::Done(result);
        }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("name", &self.name)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongReply { at } => write!(
                f,
                "the reply is neither the greeting nor a refusal: it differs from the greeting at byte {at}"
            ),
            Self::CutShort { after: 0 } => {
                f.write_str("the server closed the connection without a reply")
            }
            Self::CutShort { after } => {
                write!(
                    f,
                    "the server closed the connection after {after} bytes of the greeting"
                )
            }
            Self::Connection(ErrorKind::ConnectionRefused) => f.write_str("connection refused"),
            Self::Connection(ErrorKind::ConnectionReset) => {
                f.write_str("connection reset by the server")
            }
            Self::Connection(_) => f.write_str("connection lost"),
            Self::TimedOut => f.write_str("no whole reply in time"),
        }
    }
}

impl core::error::Error for RequestError {}

/// The sentence of a refusal: what stands between `Error: ` and the line feed at the reply's end.
fn refusal(reply: &[u8]) -> Option<&str> {
    // Not strip_prefix, in which a program optimized for size keeps a panic.
    let (start, [sentence @ .., b'\n']) = reply.split_first_chunk::<{ REFUSAL.len() }>()? else {
        return None;
    };
    if start != REFUSAL.as_bytes() {
        return None;
    }
    core::str::from_utf8(sentence).ok()
}
