//! The client's side of many greetings over one connection: names leave as lines, many at a time, and
//! each reply is held against its name.
//!
//! The mirror of [`lines`](crate::lines). The application gives names as there is room and takes
//! replies as they come, between two calls of a driver. Whoever takes none is sent none in the end:
//! there is one fixed buffer each way. No clock and no socket may enter.

mod flight;
mod outcome;

use core::fmt;
use core::task::Poll;
use core::time::Duration;

use embedded_io::ErrorKind;

use crate::limits::{GREETING, MAX_REPLY, MAX_TEXT};
use crate::line_feed;
use crate::machine::{Machine, Want};
use crate::reply::{self, RequestError};
use crate::shift;
use crate::text::Text;
use crate::time::Instant;

use flight::Flight;
pub use outcome::{End, Outcome, QueueError};

/// The client's side of a connection in *lines* mode: a state machine over two buffers of `N` bytes,
/// of which one holds the names that aren't answered, the other the replies that aren't taken.
///
/// Its calls are those of [`Machine`]. With fewer than 1032 bytes it doesn't compile.
///
/// ```
/// use core::time::Duration;
/// use greet_core::machine::Machine;
/// use greet_core::pipeline::{End, Pipeline};
/// use greet_core::text::Text;
/// use greet_core::time::Instant;
///
/// let now = Instant::START;
/// let mut pipeline = Pipeline::<2048>::new(Duration::from_secs(5));
/// pipeline.queue(Text::new("Ada")?)?;
/// pipeline.queue(Text::new("Grace")?)?;
/// pipeline.end_names();
///
/// assert_eq!(pipeline.transmit(), b"Ada\nGrace\n"); // what a driver does
/// pipeline.transmitted(10, now);
/// pipeline.finished(now);
/// pipeline.space()[..24].copy_from_slice(b"Hello, Ada\nHello, Grace\n");
/// pipeline.received(24, now);
/// pipeline.received_fin(now);
///
/// assert_eq!(pipeline.next_reply(), Some(&b"Hello, Ada"[..]));
/// assert_eq!(pipeline.next_reply(), Some(&b"Hello, Grace"[..]));
/// let outcome = pipeline.outcome().expect("it has ended");
/// assert_eq!((outcome.answered, outcome.end), (2, End::Answered));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pipeline<const N: usize = 4096> {
    flight: Flight<N>,
    depth: u32,
    answered: u64,
    names: Names,
    end: Option<End>,
    /// Bytes that have come. Those of whole replies are before `checked`, and of them those that the
    /// application has taken before `taken`.
    len: usize,
    checked: usize,
    taken: usize,
    /// How many bytes behind `checked` are the greeting's.
    same: usize,
    timeout: Duration,
    deadline: Instant,
    /// The time to answer begins at the next call that says what time it is.
    starts: bool,
    replies: [u8; N],
}

/// Whether more names may come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Names {
    More,
    /// FIN follows the last.
    NoMore,
    /// FIN has left.
    Finished,
}

impl<const N: usize> Pipeline<N> {
    /// A conversation with a server that makes progress within `timeout` as long as it owes
    /// something: that it takes a byte of a name, or sends one of a reply.
    ///
    /// Between names, nothing is due.
    pub const fn new(timeout: Duration) -> Self {
        const { assert!(N > MAX_REPLY, "the longest reply doesn't fit") };
        Self {
            flight: Flight::EMPTY,
            depth: u32::MAX,
            answered: 0,
            names: Names::More,
            end: None,
            len: 0,
            checked: 0,
            taken: 0,
            same: 0,
            timeout,
            deadline: Instant::NEVER,
            starts: false,
            replies: [0; N],
        }
    }

    /// Takes no more than so many names before one of them is answered; else as many as fit. 0
    /// counts as 1.
    #[must_use]
    pub const fn with_depth(mut self, names: u32) -> Self {
        self.depth = if names == 0 { 1 } else { names };
        self
    }

    /// Takes a name, which leaves as a line.
    ///
    /// # Errors
    ///
    /// [`QueueError::Full`]: not now. Any other: never.
    pub fn queue(&mut self, name: Text<'_>) -> Result<(), QueueError> {
        if name.as_bytes().len() >= MAX_TEXT {
            return Err(QueueError::TooLong);
        }
        self.push(name, b"\n")
    }

    /// Takes the last name, which leaves without a line feed: of 1 to
    /// [`MAX_TEXT`] bytes.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue).
    pub fn queue_last(&mut self, name: Text<'_>) -> Result<(), QueueError> {
        if name.as_bytes().is_empty() {
            return Err(QueueError::Empty);
        }
        self.push(name, b"")?;
        self.names = Names::NoMore;
        Ok(())
    }

    /// There are no more names: FIN follows those that there are.
    pub fn end_names(&mut self) {
        if self.takes_names() {
            self.starts |= !self.is_owed();
            self.names = Names::NoMore;
        }
    }

    /// Whether it takes names, if not now then once others are answered.
    pub fn takes_names(&self) -> bool {
        self.end.is_none() && self.names == Names::More
    }

    /// The next reply that came whole and is right, without its line feed: `Hello, ` and the name.
    ///
    /// Replies can be taken after the conversation has ended as well.
    pub fn next_reply(&mut self) -> Option<&[u8]> {
        let from = self.taken;
        let whole = self.replies.get(from..self.checked)?;
        if whole.is_empty() {
            return None;
        }
        let len = line_feed::find(whole).unwrap_or(whole.len());
        self.taken = self.checked.min(from + len + 1);
        self.replies.get(from..from + len)
    }

    /// How many names were answered so far.
    pub const fn answered(&self) -> u64 {
        self.answered
    }

    /// How many names were taken and aren't answered.
    pub const fn in_flight(&self) -> u32 {
        self.flight.lines()
    }

    /// The sentence of the refusal (without `Error: ` and the line feed) if that is how it
    /// [ended](End::Refused).
    ///
    /// It comes from the network: show it through [`shown`](crate::text::shown).
    pub fn refusal(&self) -> Option<&str> {
        match self.end {
            Some(End::Refused) => reply::refusal(self.fresh()),
            _ => None,
        }
    }

    fn push(&mut self, name: Text<'_>, end: &[u8]) -> Result<(), QueueError> {
        let bytes = name.as_bytes();
        if line_feed::find(bytes).is_some() {
            return Err(QueueError::LineFeed);
        }
        if !self.takes_names() {
            return Err(QueueError::Ended);
        }
        let was_owed = self.is_owed();
        if self.flight.lines() >= self.depth || !self.flight.push(bytes, end) {
            return Err(QueueError::Full);
        }
        self.starts |= !was_owed;
        Ok(())
    }

    /// Whether the server owes something. A part of a reply is owed its rest, though no name may be in
    /// flight: it is a refusal's.
    fn is_owed(&self) -> bool {
        self.flight.lines() > 0 || self.len > self.checked || self.names != Names::More
    }

    /// Whether there is no room for another byte before the application has taken replies.
    const fn is_full(&self) -> bool {
        self.len - self.taken == N
    }

    /// What has come behind the last whole reply.
    fn fresh(&self) -> &[u8] {
        self.replies.get(self.checked..self.len).unwrap_or_default()
    }

    /// Holds what has come against the names.
    fn check(&mut self) {
        while self.end.is_none() && self.checked < self.len {
            let fresh = self.replies.get(self.checked..self.len);
            let fresh = fresh.unwrap_or_default();
            if let Some([front, back]) = self.flight.first() {
                let greeting = [GREETING.as_bytes(), front, back];
                let whole = GREETING.len() + front.len() + back.len();
                let unseen = fresh.get(self.same..).unwrap_or_default();
                self.same += reply::agreement(unseen, greeting, self.same);
                if self.same == whole && !self.flight.is_open_end() {
                    self.count();
                    continue;
                }
                if self.same == fresh.len() {
                    return; // more must come, be it FIN
                }
                if self.same > 0 {
                    return self.fail(RequestError::WrongReply { at: self.same });
                }
            }
            match reply::refusal_len(fresh) {
                Poll::Pending => return,
                Poll::Ready(Some(len)) => {
                    self.len = self.checked + len;
                    self.end = Some(End::Refused);
                }
                Poll::Ready(None) => self.fail(RequestError::WrongReply { at: 0 }),
            }
        }
    }

    /// The first name is answered.
    fn count(&mut self) {
        self.flight.pop();
        self.checked += self.same;
        self.same = 0;
        self.answered = self.answered.saturating_add(1);
    }

    fn fail(&mut self, error: RequestError) {
        self.end = Some(End::Failed(error));
    }

    /// The server has moved: its time begins anew.
    fn progress(&mut self, now: Instant) {
        self.deadline = now + self.timeout;
        self.starts = false;
    }
}

impl<const N: usize> fmt::Debug for Pipeline<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("answered", &self.answered)
            .field("in_flight", &self.in_flight())
            .field("names", &self.names)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl<const N: usize> Machine for Pipeline<N> {
    type Outcome = Outcome;

    /// While it can neither send nor take anything, it wants to write, of which nothing comes.
    #[inline]
    fn want(&self) -> Want {
        let writes = !self.flight.unsent().is_empty() || self.names == Names::NoMore;
        match (self.end, self.is_full(), writes) {
            (Some(_), ..) => Want::Done,
            (None, true, _) => Want::Write,
            (None, false, true) => Want::Both,
            (None, false, false) => Want::Read,
        }
    }

    #[inline]
    fn space(&mut self) -> &mut [u8] {
        if self.end.is_some() {
            return &mut [];
        }
        // Moved once half of it is taken, so that a byte is moved once; or if it must be.
        if self.taken >= N / 2 || self.len == N || self.taken == self.len {
            let came = self.replies.get_mut(..self.len).unwrap_or_default();
            shift::to_front(came, self.taken);
            self.len -= self.taken;
            self.checked -= self.taken;
            self.taken = 0;
        }
        self.replies.get_mut(self.len..).unwrap_or_default()
    }

    #[inline]
    fn received(&mut self, n: usize, now: Instant) {
        let n = n.min(N - self.len);
        if self.end.is_some() || n == 0 {
            return;
        }
        self.len += n;
        self.progress(now);
        self.check();
        // Once there is room again, the server gets all its time.
        self.starts = self.is_full();
    }

    #[inline]
    fn received_fin(&mut self, _now: Instant) {
        if self.end.is_some() {
            return;
        }
        let (came, same) = (self.len - self.checked, self.same);
        let whole = self
            .flight
            .first()
            .map(|[front, back]| GREETING.len() + front.len() + back.len());
        // The last name has no line feed, so the end of its reply is that of all.
        if self.flight.is_open_end() && whole == Some(same) && came == same {
            self.count();
        }
        self.end = Some(if self.len > self.checked || self.flight.lines() > 0 {
            End::Failed(RequestError::of(came, same))
        } else if self.names == Names::More {
            End::Closed
        } else {
            End::Answered
        });
    }

    /// Names that wait, in one piece up to the end of the ring.
    #[inline]
    fn transmit(&self) -> &[u8] {
        match self.end {
            Some(_) => &[],
            None => self.flight.unsent(),
        }
    }

    #[inline]
    fn fin_follows(&self) -> bool {
        self.names == Names::NoMore && self.flight.is_all()
    }

    #[inline]
    fn transmitted(&mut self, n: usize, now: Instant) {
        if self.end.is_none() && n > 0 && !self.flight.unsent().is_empty() {
            self.flight.mark_sent(n);
            self.progress(now);
        }
    }

    #[inline]
    fn finished(&mut self, now: Instant) {
        if self.end.is_none() && self.names == Names::NoMore && self.flight.unsent().is_empty() {
            self.names = Names::Finished;
            self.progress(now);
        }
    }

    #[inline]
    fn lost(&mut self, kind: ErrorKind) {
        if self.end.is_none() {
            self.fail(RequestError::Connection(kind));
        }
    }

    /// Nothing is due while the server owes nothing, or the application is to take replies first.
    #[inline]
    fn due(&self) -> Instant {
        match self.end {
            None if self.is_owed() && !self.is_full() => {
                if self.starts {
                    Instant::START
                } else {
                    self.deadline
                }
            }
            _ => Instant::NEVER,
        }
    }

    #[inline]
    fn timeout(&mut self, now: Instant) {
        if self.end.is_some() || !self.is_owed() || self.is_full() {
            return;
        }
        if self.starts {
            self.progress(now);
        } else if now >= self.deadline {
            self.fail(RequestError::TimedOut);
        }
    }

    #[inline]
    fn outcome(&self) -> Option<Outcome> {
        self.end.map(|end| Outcome {
            answered: self.answered,
            end,
        })
    }
}
