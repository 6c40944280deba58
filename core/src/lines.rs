//! The server's side of many greetings over one connection: every line is a name.
//!
//! Lines are pipelined and answered in order, with one fixed buffer each way: a line is only read as
//! far as there is room for its answer, so whoever doesn't take the answers has to wait with the
//! names. What a name is and how it is refused is the same as for one greeting in
//! [`exchange`](crate::exchange). No clock and no socket may enter.

mod answers;
mod names;
mod outcome;
mod serial;

use core::fmt;

use embedded_io::ErrorKind;

use crate::course::{self, Course, Phase, Verdict};
use crate::limits::Limits;
use crate::machine::{Machine, Service, Want};
use crate::time::Instant;

use answers::Answers;
use names::{INPUT, Names, Next};
pub use outcome::{End, Outcome, Tally};
pub use serial::SerialLines;

/// The server's side of a connection in *lines* mode: a state machine over two buffers.
///
/// Its calls are those of [`Machine`] and [`Service`].
///
/// ```
/// use greet_core::limits::Limits;
/// use greet_core::lines::Lines;
/// use greet_core::machine::{Machine, Service};
/// use greet_core::time::Instant;
///
/// let now = Instant::START;
/// let mut lines = Lines::VACANT;
/// lines.begin(now, &Limits::DEFAULT);
/// lines.space()[..10].copy_from_slice(b"Ada\nGrace\n");
/// lines.received(10, now);
/// assert_eq!(lines.transmit(), b"Hello, Ada\nHello, Grace\n");
/// ```
pub struct Lines {
    /// FIN has come, or counts as come.
    fin: bool,
    /// Nothing is answered behind the line that has begun.
    ending: bool,
    /// Its deadline is that of the next line, from the last answer on.
    course: Course,
    answers: Answers,
    names: Names,
}

/// What is kept of a client who waits with the next line: a thousand of them cost a thousand times
/// this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dormant {
    /// Since it connected, or since the last answer.
    since: Instant,
    greeted: u32,
}

impl Lines {
    /// Answers as many lines as there are and fit.
    fn advance(&mut self, now: Instant) {
        while self.course.phase() == Phase::Reading {
            match self.names.next(self.fin) {
                Next::Name(name) => {
                    let len = name.len();
                    if !self.answers.greet(name) {
                        return;
                    }
                    self.names.take(len);
                    if self.names.is_empty() && !self.fin {
                        return;
                    }
                }
                Next::Wrong(verdict) => self.refuse(verdict, now),
                Next::Nothing => self.course.conclude(),
                Next::Part => return,
            }
        }
    }

    /// Whether the server stopped it: there was no last name.
    fn is_stopped(&self) -> bool {
        self.ending && !self.answers.is_open_end()
    }

    fn refuse(&mut self, verdict: Verdict, now: Instant) {
        self.course.refuse(verdict, now);
        self.answers
            .refuse(self.course.refusal(self.names.checked()));
    }

    /// Whether nothing is under way: no part of a line, no answer.
    fn is_idle(&self) -> bool {
        self.course.phase() == Phase::Reading
            && self.names.is_empty()
            && self.answers.is_empty()
            && !self.fin
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("want", &self.want())
            .field("waiting", &self.names.waiting())
            .field("unsent", &self.answers.unsent().len())
            .field("greeted", &self.answers.greeted())
            .finish_non_exhaustive()
    }
}

impl Machine for Lines {
    type Outcome = Outcome;

    #[inline]
    fn want(&self) -> Want {
        match self.course.phase() {
            Phase::Reading if self.answers.is_empty() => Want::Read,
            Phase::Reading if self.fin || self.names.waiting() == INPUT => Want::Write,
            Phase::Reading => Want::Both,
            Phase::Replying | Phase::Finishing => Want::Write,
            Phase::Draining => Want::Read,
            Phase::Done => Want::Done,
        }
    }

    #[inline]
    fn space(&mut self) -> &mut [u8] {
        match self.course.phase() {
            Phase::Reading if !self.fin => self.names.space(),
            Phase::Draining => self.names.scratch(self.course.left()),
            _ => &mut [],
        }
    }

    #[inline]
    fn received(&mut self, n: usize, now: Instant) {
        match self.course.phase() {
            Phase::Reading if !self.fin => {
                let line = if self.ending {
                    self.names.find(n)
                } else {
                    None
                };
                self.fin = line.is_some(); // what stands behind it is forgotten
                self.names.came(line.unwrap_or(n));
                self.advance(now);
            }
            Phase::Draining => self
                .course
                .drained(u32::try_from(n.min(INPUT)).unwrap_or(u32::MAX)),
            _ => {}
        }
    }

    #[inline]
    fn received_fin(&mut self, now: Instant) {
        match self.course.phase() {
            Phase::Reading => {
                self.fin = true;
                self.advance(now);
            }
            Phase::Draining => self.course.end(),
            _ => {}
        }
    }

    /// All answers that wait, in one piece.
    #[inline]
    fn transmit(&self) -> &[u8] {
        match self.course.phase() {
            Phase::Reading | Phase::Replying => self.answers.unsent(),
            _ => &[],
        }
    }

    #[inline]
    fn fin_follows(&self) -> bool {
        self.course.phase() == Phase::Replying
    }

    #[inline]
    fn transmitted(&mut self, n: usize, now: Instant) {
        let phase = self.course.phase();
        if !matches!(phase, Phase::Reading | Phase::Replying) || self.answers.is_empty() {
            return;
        }
        let given = self.answers.mark_sent(n);
        if phase == Phase::Reading {
            if given {
                self.course.extend(now);
            }
            if self.fin || !self.names.is_empty() {
                self.advance(now);
            }
        }
    }

    #[inline]
    fn finished(&mut self, now: Instant) {
        if self.course.phase() == Phase::Replying && self.answers.is_empty() {
            // However much was on its way to a server that stopped: unread, it would destroy the
            // answers, and nobody comes after. Where nothing was in hand, nothing is destroyed.
            let most = if self.fin && self.is_stopped() {
                u32::MAX
            } else {
                0
            };
            self.course.finished(now, most);
        }
    }

    #[inline(never)]
    fn lost(&mut self, kind: ErrorKind) {
        self.course.lost(kind);
    }

    #[inline]
    fn due(&self) -> Instant {
        match self.course.phase() {
            Phase::Done => Instant::NEVER,
            _ => self.course.deadline(),
        }
    }

    #[inline]
    fn timeout(&mut self, now: Instant) {
        if now < self.course.deadline() {
            return;
        }
        match self.course.phase() {
            Phase::Reading if !self.answers.is_empty() => self.course.abandon(Verdict::Unread),
            Phase::Reading if !self.names.is_empty() => self.refuse(Verdict::Late, now),
            Phase::Reading => self.course.conclude_within_drain(now),
            Phase::Replying | Phase::Finishing => self.course.abandon(Verdict::Unread),
            Phase::Draining | Phase::Done => self.course.end(),
        }
    }

    #[inline]
    fn outcome(&self) -> Option<Outcome> {
        let end = match self.course.outcome(self.names.checked())? {
            course::End::Good if self.is_stopped() => End::Stopped,
            course::End::Good if self.fin => End::Finished,
            course::End::Good => End::Idle,
            course::End::Refused(refusal) => End::Refused(refusal),
            course::End::Abandoned(why) => End::Abandoned(why),
        };
        Some(Outcome {
            greeted: self.answers.given(),
            end,
        })
    }

    #[inline]
    fn resets(&self) -> bool {
        self.course.resets()
    }
}

impl Service for Lines {
    type Config = Limits;
    type Tally = Tally;
    type Dormant = Dormant;

    const VACANT: Self = Self {
        fin: false,
        ending: false,
        course: Course::VACANT,
        answers: Answers::EMPTY,
        names: Names::EMPTY,
    };

    const NONE: Tally = Tally::NONE;

    fn begin(&mut self, since: Instant, limits: &Limits) {
        self.fin = false;
        self.ending = false;
        self.course.begin(since, limits);
        self.answers.clear(0);
        self.names.clear();
    }

    fn dormant(&self) -> Option<Dormant> {
        self.is_idle().then(|| Dormant {
            since: self.course.since(),
            greeted: self.answers.greeted(),
        })
    }

    fn resume(&mut self, kept: Dormant, limits: &Limits) {
        self.begin(kept.since, limits);
        self.answers.clear(kept.greeted);
    }

    /// A client that has waited with its next line for [`SILENCE`](crate::limits::SILENCE).
    fn gives_way(&self) -> Instant {
        if self.is_idle() {
            self.course.silent()
        } else {
            Instant::NEVER
        }
    }

    fn give_way(&mut self, now: Instant) {
        if self.is_idle() && now >= self.gives_way() {
            self.refuse(Verdict::GaveWay, now);
        }
    }

    fn wind_down(&mut self, now: Instant) {
        if self.course.phase() != Phase::Reading || self.fin || self.ending {
            return;
        }
        self.ending = true;
        if self.is_idle() {
            self.course.conclude_within_drain(now);
        } else if self.names.ends_whole() {
            self.fin = true;
            self.advance(now);
        }
    }

    fn count(tally: &mut Tally, outcome: Outcome) {
        tally.count(outcome);
    }
}
