//! Lines over a stream that has no end: what begins anew behind a refusal, as no connection does.
//!
//! What a line is and how it is refused is the same as in [`Lines`](super::Lines).

use core::fmt;
use core::mem;

use embedded_io::ErrorKind;

use super::answers::Answers;
use super::names::{INPUT, Names, Next};
use super::outcome::{End, Outcome, Tally};
use crate::course::Verdict;
use crate::error::{Abandonment, Refusal, TextError};
use crate::limits::Limits;
use crate::machine::{Machine, Want};
use crate::time::Instant;

/// The server's side of a serial line in *lines* mode: every line is a name, and nothing ends it but a
/// fault of the line, or a [stop](Self::wind_down).
///
/// There is no FIN and no connection, so
///
/// - a refusal ends nothing but its line: what comes up to the next line feed is thrown away, or up to
///   the next pause of the time to [settle](Limits::settle), for which 100 ms is a good value;
/// - the [deadline](Limits::deadline) is that of a line, from its first byte on or from the reply before
///   it: then it is refused as late. Between lines nothing is due;
/// - replies of which no byte leaves for as long are thrown away, as a peer that is gone, behind flow
///   control, never takes them.
///
/// ```
/// use greet_core::limits::Limits;
/// use greet_core::lines::SerialLines;
/// use greet_core::machine::Machine;
/// use greet_core::time::Instant;
///
/// let now = Instant::START;
/// let mut lines = SerialLines::new(Limits::DEFAULT);
/// lines.space()[..13].copy_from_slice(b"\xffnoise\nAda\n\xfe\xfd");
/// lines.received(13, now);
/// assert_eq!(lines.transmit(), b"Error: name is not UTF-8 at byte 0\n");
/// lines.transmitted(35, now);
/// assert_eq!(lines.transmit(), b"Hello, Ada\nError: name is not UTF-8 at byte 0\n");
/// assert_eq!(lines.tally().refused, 2);
/// ```
pub struct SerialLines {
    limits: Limits,
    state: State,
    /// What comes is thrown away.
    skipping: bool,
    /// When the last byte came.
    heard: Instant,
    /// Of the line that has begun, or of the replies that wait.
    deadline: Instant,
    refused: u32,
    abandoned: u32,
    /// What wasn't reported yet: how many refusals, and the last.
    unreported: u32,
    last: Option<Refusal>,
    answers: Answers,
    names: Names,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Serving,
    /// It stops once the line that has begun is there.
    Ending,
    /// Nothing more is read.
    Closed,
    Done(End),
}

impl SerialLines {
    /// A line on which nothing has come yet. Of the limits, what is drained means nothing here.
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Serving,
            skipping: false,
            heard: Instant::START,
            deadline: Instant::NEVER,
            refused: 0,
            abandoned: 0,
            unreported: 0,
            last: None,
            answers: Answers::EMPTY,
            names: Names::EMPTY,
        }
    }

    /// The server stops: lines that have come are answered, and the one that has begun, and nothing
    /// behind it. Then all is flushed, for no longer than the deadline.
    pub fn wind_down(&mut self, now: Instant) {
        if self.state == State::Serving {
            self.extend(now);
            self.state = if self.names.ends_whole() {
                State::Closed
            } else {
                State::Ending
            };
        }
    }

    /// How many names were greeted, how many lines were refused, and how often replies were thrown away,
    /// so far.
    pub fn tally(&self) -> Tally {
        Tally {
            greeted: self.answers.given().into(),
            refused: self.refused.into(),
            abandoned: self.abandoned.into(),
            ..Tally::NONE
        }
    }

    /// How many lines were refused since this was asked, and why the last was; `None` if none.
    pub fn take_refusals(&mut self) -> Option<(u32, Refusal)> {
        let last = self.last.take()?;
        Some((mem::take(&mut self.unreported), last))
    }

    /// Answers as many lines as there are and fit. Behind a refusal nothing does before that has left.
    fn advance(&mut self, now: Instant) {
        while !self.answers.is_refused() {
            match self.names.next(false) {
                Next::Name(name) => {
                    let len = name.len();
                    if !self.answers.greet(name) {
                        return;
                    }
                    self.names.take(len);
                }
                Next::Wrong(verdict) => self.refuse(verdict, now),
                Next::Nothing | Next::Part => return,
            }
        }
    }

    /// Refuses the line, and throws it away: what there is of it, and what comes of it.
    fn refuse(&mut self, verdict: Verdict, now: Instant) {
        let why = match verdict {
            Verdict::TooLong => Refusal::Name(TextError::TooLong),
            Verdict::NotUtf8 => Refusal::Name(TextError::NotUtf8 {
                at: self.names.checked(),
            }),
            _ => Refusal::Late {
                within_ms: self.limits.deadline_ms(),
            },
        };
        self.answers.refuse(why);
        self.refused = self.refused.saturating_add(1);
        self.unreported = self.unreported.saturating_add(1);
        self.last = Some(why);
        self.skipping = !self.names.skip_line();
        if self.state == State::Ending {
            self.state = State::Closed;
        }
        self.extend(now);
    }

    fn extend(&mut self, now: Instant) {
        self.deadline = now.after_millis(self.limits.deadline_ms());
    }

    /// When the line has been quiet for long enough.
    const fn settled(&self) -> Instant {
        self.heard.after_micros(self.limits.settle_us())
    }

    /// Whether nothing is under way: no part of a line, no answer.
    fn is_idle(&self) -> bool {
        self.answers.is_empty() && self.names.is_empty()
    }

    /// Whether there is nothing to wait for at all.
    fn is_at_rest(&self) -> bool {
        self.is_idle() && self.state != State::Closed
    }
}

impl fmt::Debug for SerialLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SerialLines")
            .field("want", &self.want())
            .field("waiting", &self.names.waiting())
            .field("unsent", &self.answers.unsent().len())
            .field("tally", &self.tally())
            .finish_non_exhaustive()
    }
}

impl Machine for SerialLines {
    type Outcome = Outcome;

    fn want(&self) -> Want {
        match self.state {
            State::Done(_) => Want::Done,
            State::Closed => Want::Write,
            _ if self.answers.is_empty() => Want::Read,
            _ if self.names.waiting() == INPUT => Want::Write,
            _ => Want::Both,
        }
    }

    fn space(&mut self) -> &mut [u8] {
        match self.state {
            State::Serving | State::Ending => self.names.space(),
            State::Closed | State::Done(_) => &mut [],
        }
    }

    fn received(&mut self, n: usize, now: Instant) {
        if !matches!(self.state, State::Serving | State::Ending) || n == 0 {
            return;
        }
        if self.is_idle() {
            self.extend(now);
        }
        self.heard = now;
        if self.skipping {
            self.names.came(n);
            self.skipping = !self.names.skip_line();
        } else if self.state == State::Ending
            && let Some(line) = self.names.find(n)
        {
            self.names.came(line);
            self.state = State::Closed;
        } else {
            self.names.came(n);
        }
        self.advance(now);
    }

    /// A stream that says so is none of this kind: it is broken.
    fn received_fin(&mut self, _now: Instant) {
        self.lost(ErrorKind::BrokenPipe);
    }

    /// All answers that wait, in one piece.
    fn transmit(&self) -> &[u8] {
        match self.state {
            State::Done(_) => &[],
            _ => self.answers.unsent(),
        }
    }

    fn fin_follows(&self) -> bool {
        self.state == State::Closed && self.names.is_empty()
    }

    fn transmitted(&mut self, n: usize, now: Instant) {
        if n == 0 || self.transmit().is_empty() {
            return;
        }
        self.answers.mark_sent(n);
        if self.answers.is_empty() {
            self.answers.clear(self.answers.greeted());
        }
        self.extend(now);
        self.advance(now);
    }

    fn finished(&mut self, _now: Instant) {
        if self.state == State::Closed && self.is_idle() {
            self.state = State::Done(End::Stopped);
        }
    }

    fn lost(&mut self, kind: ErrorKind) {
        if self.outcome().is_none() {
            self.state = State::Done(End::Abandoned(Abandonment::Connection(kind)));
        }
    }

    fn due(&self) -> Instant {
        let settled = if self.skipping {
            self.settled()
        } else {
            Instant::NEVER
        };
        match self.state {
            State::Done(_) => Instant::NEVER,
            _ if self.is_at_rest() => settled,
            _ => settled.min(self.deadline),
        }
    }

    fn timeout(&mut self, now: Instant) {
        if self.skipping && now >= self.settled() {
            self.skipping = false;
        }
        if now < self.deadline || self.is_at_rest() {
            return;
        }
        if !self.answers.is_empty() {
            self.answers.clear(self.answers.given());
            self.abandoned = self.abandoned.saturating_add(1);
            self.extend(now);
            self.advance(now);
        } else if !self.names.is_empty() {
            self.refuse(Verdict::Late, now);
            // It may be long ago that something came.
            self.timeout(now);
        } else if self.state == State::Closed {
            self.state = State::Done(End::Stopped);
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        match self.state {
            State::Done(end) => Some(Outcome {
                greeted: self.answers.given(),
                end,
            }),
            _ => None,
        }
    }
}
