//! The client's side of one greeting over TCP: from connect to the checked reply, without I/O.
//!
//! The mirror of [`exchange`](crate::exchange). A driver such as
//! [`client::Client`](crate::client::Client) carries bytes between a [`Request`] and a connection.
//! What counts as a good reply is decided here and nowhere else.

use core::fmt;
use core::time::Duration;

use embedded_io::ErrorKind;

use crate::buffer;
use crate::limits::GREETING;
use crate::machine::{Machine, Want};
use crate::reply::refusal;
use crate::text::Text;
use crate::time::Instant;

pub use crate::reply::RequestError;

/// The client's side of one greeting: sends a name and FIN, and takes the reply up to FIN.
///
/// Its calls are those of [`Machine`].
///
/// ```
/// use core::time::Duration;
/// use greet_core::machine::Machine;
/// use greet_core::request::{Answer, Request};
/// use greet_core::text::Text;
/// use greet_core::time::Instant;
///
/// let now = Instant::START;
/// let name = Text::new("World").unwrap();
/// let mut request = Request::new(name, now + Duration::from_secs(5));
/// assert_eq!(request.transmit(), b"World");
/// request.transmitted(5, now);
/// request.finished(now);
///
/// request.space()[..12].copy_from_slice(b"Hello, World"); // what a socket would do
/// request.received(12, now);
/// request.received_fin(now);
/// assert_eq!(request.answer(), Some(Ok(Answer::Greeted)));
/// ```
pub struct Request<'a> {
    name: Text<'a>,
    sent: usize,
    reply: [u8; buffer::SIZE],
    received: usize,
    state: State,
    deadline: Instant,
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

impl Answer<'_> {
    /// Whether the server had no place left and gave this one to somebody else, before the name
    /// came: whoever asks again may be greeted.
    pub fn is_crowded_out(&self) -> bool {
        matches!(self, Self::Refused("no name within 0.25 s"))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Sending,
    Receiving,
    Done(Result<(), RequestError>),
}

impl<'a> Request<'a> {
    /// How long a client waits for its whole reply by default.
    pub const TIMEOUT: Duration = Duration::from_secs(5);

    /// A request that must be answered by `deadline`.
    pub const fn new(name: Text<'a>, deadline: Instant) -> Self {
        Self {
            name,
            sent: 0,
            reply: [0; buffer::SIZE],
            received: 0,
            state: State::Sending,
            deadline,
        }
    }

    /// The bytes received so far, whatever they are.
    pub fn reply(&self) -> &[u8] {
        self.reply.get(..self.received).unwrap_or_default()
    }

    /// The answer, or why there is none, once there is an [outcome](Machine::outcome).
    pub fn answer(&self) -> Option<Result<Answer<'_>, RequestError>> {
        let end = self.outcome()?;
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
                Err(RequestError::of(self.received, at))
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
            .field("want", &self.want())
            .finish_non_exhaustive()
    }
}

/// There is an [answer](Request::answer), or there is none.
impl Machine for Request<'_> {
    type Outcome = Result<(), RequestError>;

    #[inline]
    fn want(&self) -> Want {
        match self.state {
            // A refusal may come before the whole name has left.
            State::Sending => Want::Both,
            State::Receiving => Want::Read,
            State::Done(_) => Want::Done,
        }
    }

    #[inline]
    fn space(&mut self) -> &mut [u8] {
        match self.state {
            State::Done(_) => &mut [],
            _ => self.reply.get_mut(self.received..).unwrap_or_default(),
        }
    }

    #[inline]
    fn received(&mut self, n: usize, _now: Instant) {
        if matches!(self.state, State::Done(_)) {
            return;
        }
        self.received = self.received.saturating_add(n).min(self.reply.len());
        if self.received == self.reply.len() {
            self.judge(); // longer than any reply
        }
    }

    #[inline]
    fn received_fin(&mut self, _now: Instant) {
        if !matches!(self.state, State::Done(_)) {
            self.judge();
        }
    }

    /// What is left of the name.
    #[inline]
    fn transmit(&self) -> &[u8] {
        match self.state {
            State::Sending => self.name.as_bytes().get(self.sent..).unwrap_or_default(),
            _ => &[],
        }
    }

    #[inline]
    fn fin_follows(&self) -> bool {
        self.state == State::Sending
    }

    #[inline]
    fn transmitted(&mut self, n: usize, _now: Instant) {
        if self.state == State::Sending {
            self.sent = self.sent.saturating_add(n).min(self.name.as_bytes().len());
        }
    }

    #[inline]
    fn finished(&mut self, _now: Instant) {
        if self.state == State::Sending && self.transmit().is_empty() {
            self.state = State::Receiving;
        }
    }

    #[inline]
    fn lost(&mut self, kind: ErrorKind) {
        self.end(Err(RequestError::Connection(kind)));
    }

    #[inline]
    fn due(&self) -> Instant {
        match self.state {
            State::Done(_) => Instant::NEVER,
            _ => self.deadline,
        }
    }

    #[inline]
    fn timeout(&mut self, now: Instant) {
        if now >= self.deadline {
            self.end(Err(RequestError::TimedOut));
        }
    }

    #[inline]
    fn outcome(&self) -> Option<Self::Outcome> {
        match self.state {
            State::Done(end) => Some(end),
            _ => None,
        }
    }
}
