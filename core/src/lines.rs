//! The server's side of many greetings over one connection: every line is a name.
//!
//! Lines are pipelined and answered in order, with one fixed buffer each way: a line is only read as
//! far as there is room for its answer, so whoever doesn't take the answers has to wait with the
//! names. What a name is and how it is refused is the same as for one greeting in
//! [`exchange`](crate::exchange). No clock and no socket may enter.

use core::fmt;
use core::ops::Add;

use embedded_io::ErrorKind;

use crate::error::{Abandonment, Refusal, TextError};
use crate::limits::{GREETING, Limits, MAX_REPLY, MAX_TEXT, SILENCE_MS};
use crate::machine::{Machine, Service, Want};
use crate::time::Instant;

/// Room for the longest line and the byte that makes it too long.
const INPUT: usize = MAX_TEXT + 1;

/// Room for two of the longest answers, or for many short ones, which leave in one piece.
const GREETINGS: usize = 2 * MAX_REPLY;

/// Room behind them for a refusal, so that it never has to wait for room.
const OUTPUT: usize = GREETINGS + 64;

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
#[repr(C)]
pub struct Lines {
    /// Bytes of lines that have come and aren't answered.
    len: u16,
    /// How many of them hold no line feed.
    scanned: u16,
    /// How many of them, of the first line, are known to be whole characters.
    checked: u16,
    /// Bytes of answers, and how many of them have left.
    out_len: u16,
    sent: u16,
    verdict: Verdict,
    phase: Phase,
    /// FIN has come.
    fin: bool,
    /// Nothing is answered behind the line that has begun.
    ending: bool,
    /// The last answer is a greeting without a line feed.
    open_end: bool,
    /// Answers that were given or are on their way.
    greeted: u32,
    /// How many more bytes are drained.
    left: u32,
    /// Of the next line, from the last answer on; after a refusal, the end of the time to send it,
    /// then of draining.
    deadline: Instant,
    limits: Limits,
    output: [u8; OUTPUT],
    input: [u8; INPUT],
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("phase", &self.phase)
            .field("waiting", &self.len)
            .field("unsent", &self.unsent().len())
            .field("greeted", &self.greeted)
            .finish_non_exhaustive()
    }
}

/// How [`Lines`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Outcome {
    /// How many names were greeted: answers whose last byte has left.
    pub greeted: u32,
    /// How it ended.
    pub end: End,
}

/// How a connection in lines mode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum End {
    /// The client had no more names, and has all answers.
    Finished,
    /// The client was silent for the whole deadline, and has all answers.
    Idle,
    /// The server stopped, and the client has the answers to all lines that it had begun by then.
    Stopped,
    /// A line was refused, after the answers to those before it.
    Refused(Refusal),
    /// Answers never left.
    Abandoned(Abandonment),
}

/// What is kept of a client who waits with the next line: a thousand of them cost a thousand times
/// this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dormant {
    /// Since it connected, or since the last answer.
    since: Instant,
    greeted: u32,
}

/// How many names were greeted, and how connections ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Tally {
    /// Names that were greeted.
    pub greeted: u64,
    /// Connections that ended with all names greeted: there were no more, none came, or the server
    /// stopped.
    pub finished: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// Clients that went away, or didn't take their answers.
    pub abandoned: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Lines are read and answered.
    Open,
    /// Nothing more is read: the answers leave, and FIN.
    Closing,
    /// What comes after a refusal is thrown away.
    Draining,
    Done,
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum Verdict {
    Finished,
    Idle,
    Stopped,
    TooLong,
    /// At the first byte that isn't checked.
    NotUtf8,
    Late,
    GaveWay,
    Lost(ErrorKind),
    Unread,
}

impl Lines {
    /// Answers as many lines as there are and fit.
    fn advance(&mut self, now: Instant) {
        let mut start = 0;
        while self.phase == Phase::Open {
            let (begin, end) = (start, usize::from(self.len));
            let from = begin.max(usize::from(self.scanned));
            let found = self
                .input
                .get(from..end)
                .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
            let Some(at) = found else {
                self.scanned = self.len;
                self.look_at_part(begin, end, now);
                break;
            };
            let line_end = from + at + 1;
            self.scanned = short(from.max(line_end - 1));
            if line_end - begin > MAX_TEXT {
                self.refuse_long(begin, now);
            } else if !self.answer(begin, line_end, now) {
                break; // no room, or a line that is refused
            } else {
                start = line_end;
                self.checked = 0;
                self.scanned = short(start);
            }
        }
        if start > 0 {
            self.input.copy_within(start..usize::from(self.len), 0);
            self.len -= short(start);
            self.scanned -= short(start);
        }
    }

    /// The part of a line that has come: whether it can still become one, or at FIN is the last.
    fn look_at_part(&mut self, begin: usize, end: usize, now: Instant) {
        if end - begin > MAX_TEXT {
            return self.refuse_long(begin, now);
        }
        if !self.check(begin, end) {
            return self.refuse(Verdict::NotUtf8, now);
        }
        if !self.fin {
            return;
        }
        if begin + usize::from(self.checked) < end {
            self.refuse(Verdict::NotUtf8, now);
        } else if begin == end {
            self.close(if self.ending {
                Verdict::Stopped
            } else {
                Verdict::Finished
            });
        } else if self.answer(begin, end, now) {
            self.open_end = true;
            self.len = short(begin);
            self.scanned = self.len;
            self.close(Verdict::Finished);
        }
    }

    /// Whether nothing in this part of a line is wrong; it may end inside a character.
    fn check(&mut self, begin: usize, end: usize) -> bool {
        let from = begin + usize::from(self.checked);
        let fresh = self.input.get(from..end).unwrap_or_default();
        match core::str::from_utf8(fresh) {
            Ok(_) => {
                self.checked += short(fresh.len());
                true
            }
            Err(error) => {
                self.checked += short(error.valid_up_to());
                error.error_len().is_none()
            }
        }
    }

    /// Answers a line or the last name. `false`: there is no room now, or it is refused.
    fn answer(&mut self, begin: usize, end: usize, now: Instant) -> bool {
        if !self.check(begin, end) || begin + usize::from(self.checked) < end {
            self.refuse(Verdict::NotUtf8, now);
            return false;
        }
        let room = GREETING.len() + end - begin;
        if GREETINGS - usize::from(self.out_len) < room && self.sent > 0 {
            let unsent = usize::from(self.sent)..usize::from(self.out_len);
            self.output.copy_within(unsent, 0);
            self.out_len -= self.sent;
            self.sent = 0;
        }
        let at = usize::from(self.out_len);
        let (Some(to), Some(line)) = (
            self.output.get_mut(at..GREETINGS),
            self.input.get(begin..end),
        ) else {
            return false;
        };
        let Some((hello, rest)) = to.split_first_chunk_mut::<{ GREETING.len() }>() else {
            return false;
        };
        let Some(name) = rest.get_mut(..line.len()) else {
            return false;
        };
        if let Some(greeting) = GREETING.as_bytes().first_chunk() {
            *hello = *greeting;
        }
        name.copy_from_slice(line);
        self.out_len += short(room);
        self.greeted = self.greeted.saturating_add(1);
        true
    }

    /// Refuses a line that is too long, unless something in it is worse.
    fn refuse_long(&mut self, begin: usize, now: Instant) {
        let verdict = if self.check(begin, begin + MAX_TEXT) {
            Verdict::TooLong
        } else {
            Verdict::NotUtf8
        };
        self.refuse(verdict, now);
    }

    fn refuse(&mut self, verdict: Verdict, now: Instant) {
        self.verdict = verdict;
        let refusal = self.refusal();
        let room = self.output.get_mut(self.out_len.into()..);
        self.out_len += short(refusal.reply(room.unwrap_or_default()));
        self.deadline = now.after_micros(self.limits.drain_us());
        self.phase = Phase::Closing;
    }

    /// Forgets what stands behind the first line feed from here on, as if FIN had come there.
    fn end_behind(&mut self, from: usize) {
        let fresh = self.input.get(from..self.len.into()).unwrap_or_default();
        if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
            self.len = short(from + at + 1);
            self.fin = true;
        }
    }

    fn close(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.phase = Phase::Closing;
    }

    fn abandon(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.phase = Phase::Done;
    }

    fn unsent(&self) -> &[u8] {
        self.output
            .get(self.sent.into()..self.out_len.into())
            .unwrap_or_default()
    }

    /// Answers that have left to their last byte.
    fn given(&self) -> u32 {
        if self.sent == self.out_len {
            return self.greeted;
        }
        // What hasn't left ends in a refusal, if there is one, or in a name without line feed.
        let ends = self.unsent().split(|byte| *byte == b'\n').count() - 1;
        let refusal = usize::from(self.verdict.is_refusal());
        let unsent = ends.saturating_sub(refusal) + usize::from(self.open_end);
        self.greeted
            .saturating_sub(u32::try_from(unsent).unwrap_or(u32::MAX))
    }

    /// Whether nothing is under way: no part of a line, no answer.
    fn is_idle(&self) -> bool {
        self.phase == Phase::Open && self.len == 0 && self.out_len == 0 && !self.fin
    }

    /// Since when it waits for the next line.
    fn since(&self) -> Instant {
        self.deadline.before_millis(self.limits.deadline_ms())
    }

    #[inline(never)]
    fn refusal(&self) -> Refusal {
        match self.verdict {
            Verdict::TooLong => Refusal::Name(TextError::TooLong),
            Verdict::NotUtf8 => Refusal::Name(TextError::NotUtf8 { at: self.checked }),
            Verdict::GaveWay => Refusal::Late {
                within_ms: SILENCE_MS,
            },
            _ => Refusal::Late {
                within_ms: self.limits.deadline_ms(),
            },
        }
    }
}

impl Verdict {
    const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::TooLong | Self::NotUtf8 | Self::Late | Self::GaveWay
        )
    }
}

impl Machine for Lines {
    type Outcome = Outcome;

    #[inline]
    fn want(&self) -> Want {
        match self.phase {
            Phase::Open if self.sent == self.out_len => Want::Read,
            Phase::Open if self.fin || usize::from(self.len) == INPUT => Want::Write,
            Phase::Open => Want::Both,
            Phase::Closing => Want::Write,
            Phase::Draining => Want::Read,
            Phase::Done => Want::Done,
        }
    }

    #[inline]
    fn space(&mut self) -> &mut [u8] {
        match self.phase {
            Phase::Open if !self.fin => self.input.get_mut(self.len.into()..),
            Phase::Draining => {
                let most = usize::try_from(self.left).unwrap_or(INPUT).min(INPUT);
                self.input.get_mut(..most)
            }
            _ => None,
        }
        .unwrap_or_default()
    }

    #[inline]
    fn received(&mut self, n: usize, now: Instant) {
        match self.phase {
            Phase::Open if !self.fin => {
                let before = usize::from(self.len);
                self.len += short(n.min(INPUT - before));
                if self.ending {
                    self.end_behind(before);
                }
                self.advance(now);
            }
            Phase::Draining => {
                self.left = self.left.saturating_sub(short(n.min(INPUT)).into());
                if self.left == 0 {
                    self.phase = Phase::Done;
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn received_fin(&mut self, now: Instant) {
        match self.phase {
            Phase::Open => {
                self.fin = true;
                self.advance(now);
            }
            Phase::Draining => self.phase = Phase::Done,
            _ => {}
        }
    }

    /// All answers that wait, in one piece.
    #[inline]
    fn transmit(&self) -> &[u8] {
        match self.phase {
            Phase::Open | Phase::Closing => self.unsent(),
            _ => &[],
        }
    }

    #[inline]
    fn fin_follows(&self) -> bool {
        self.phase == Phase::Closing
    }

    #[inline]
    fn transmitted(&mut self, n: usize, now: Instant) {
        if !matches!(self.phase, Phase::Open | Phase::Closing) || self.sent == self.out_len {
            return;
        }
        let before = usize::from(self.sent);
        self.sent += short(n.min((self.out_len - self.sent).into()));
        let all = self.sent == self.out_len;
        // The last byte of an answer has left: that of all of them, or one on the way.
        let given = all
            || self
                .output
                .get(before..self.sent.into())
                .is_some_and(|left| left.contains(&b'\n'));
        if given && self.phase == Phase::Open {
            self.deadline = now.after_millis(self.limits.deadline_ms());
        }
        if all {
            self.sent = 0;
            self.out_len = 0;
        }
        if self.phase == Phase::Open && (self.len > 0 || self.fin) {
            self.advance(now);
        }
    }

    #[inline]
    fn finished(&mut self, now: Instant) {
        if self.phase != Phase::Closing || self.sent != self.out_len {
            return;
        }
        self.left = match self.verdict {
            // Who gave way has sent nothing that would have to be thrown away.
            Verdict::Finished | Verdict::Idle | Verdict::GaveWay => 0,
            Verdict::Stopped if !self.fin => 0, // nothing was in hand
            // However much was on its way: it would destroy the answers, and nobody comes after.
            Verdict::Stopped => u32::MAX,
            _ => self.limits.drain_bytes(),
        };
        if self.left == 0 {
            self.phase = Phase::Done;
        } else {
            self.deadline = now.after_micros(self.limits.drain_us());
            self.phase = Phase::Draining;
        }
    }

    #[inline(never)]
    fn lost(&mut self, kind: ErrorKind) {
        match self.phase {
            Phase::Done => {}
            Phase::Draining => self.phase = Phase::Done,
            _ => self.abandon(Verdict::Lost(kind)),
        }
    }

    #[inline]
    fn due(&self) -> Instant {
        match self.phase {
            Phase::Done => Instant::NEVER,
            _ => self.deadline,
        }
    }

    #[inline]
    fn timeout(&mut self, now: Instant) {
        if now < self.deadline {
            return;
        }
        match self.phase {
            Phase::Open if self.sent < self.out_len => self.abandon(Verdict::Unread),
            Phase::Open if self.len > 0 => self.refuse(Verdict::Late, now),
            Phase::Open => {
                self.close(Verdict::Idle);
                self.deadline = now.after_micros(self.limits.drain_us());
            }
            Phase::Closing => self.abandon(Verdict::Unread),
            Phase::Draining | Phase::Done => self.phase = Phase::Done,
        }
    }

    #[inline]
    fn outcome(&self) -> Option<Outcome> {
        if self.phase != Phase::Done {
            return None;
        }
        let end = match self.verdict {
            Verdict::Finished => End::Finished,
            Verdict::Idle => End::Idle,
            Verdict::Stopped => End::Stopped,
            Verdict::Lost(kind) => End::Abandoned(Abandonment::Connection(kind)),
            Verdict::Unread => End::Abandoned(Abandonment::Unread),
            _ => End::Refused(self.refusal()),
        };
        Some(Outcome {
            greeted: self.given(),
            end,
        })
    }

    /// Where nobody takes the answers: a part of them must not look like all.
    #[inline]
    fn resets(&self) -> bool {
        self.phase == Phase::Done && matches!(self.verdict, Verdict::Unread)
    }
}

impl Service for Lines {
    type Config = Limits;
    type Tally = Tally;
    type Dormant = Dormant;

    const VACANT: Self = Self {
        len: 0,
        scanned: 0,
        checked: 0,
        out_len: 0,
        sent: 0,
        verdict: Verdict::Finished,
        phase: Phase::Open,
        fin: false,
        ending: false,
        open_end: false,
        greeted: 0,
        left: 0,
        deadline: Instant::START,
        limits: Limits::DEFAULT,
        output: [0; OUTPUT],
        input: [0; INPUT],
    };

    const NONE: Tally = Tally {
        greeted: 0,
        finished: 0,
        refused: 0,
        abandoned: 0,
    };

    fn begin(&mut self, since: Instant, limits: &Limits) {
        self.len = 0;
        self.scanned = 0;
        self.checked = 0;
        self.out_len = 0;
        self.sent = 0;
        self.verdict = Verdict::Finished;
        self.phase = Phase::Open;
        self.fin = false;
        self.ending = false;
        self.open_end = false;
        self.greeted = 0;
        self.limits = *limits;
        self.deadline = since.after_millis(limits.deadline_ms());
    }

    fn dormant(&self) -> Option<Dormant> {
        self.is_idle().then(|| Dormant {
            since: self.since(),
            greeted: self.greeted,
        })
    }

    fn resume(&mut self, kept: Dormant, limits: &Limits) {
        self.begin(kept.since, limits);
        self.greeted = kept.greeted;
    }

    /// A client that has waited with its next line for [`SILENCE`](crate::limits::SILENCE).
    fn gives_way(&self) -> Instant {
        if self.is_idle() {
            self.since().after_millis(SILENCE_MS)
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
        if self.phase != Phase::Open || self.fin || self.ending {
            return;
        }
        self.ending = true;
        if self.is_idle() {
            self.close(Verdict::Stopped);
            self.deadline = now.after_micros(self.limits.drain_us());
        } else if matches!(self.input.get(..self.len.into()), Some([] | [.., b'\n'])) {
            self.fin = true;
            self.advance(now);
        }
    }

    fn count(tally: &mut Tally, outcome: Outcome) {
        tally.greeted = tally.greeted.wrapping_add(outcome.greeted.into());
        let counter = match outcome.end {
            End::Finished | End::Idle | End::Stopped => &mut tally.finished,
            End::Refused(_) => &mut tally.refused,
            End::Abandoned(_) => &mut tally.abandoned,
        };
        *counter = counter.wrapping_add(1);
    }
}

/// Two workers' tallies as one.
impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            greeted: self.greeted.saturating_add(other.greeted),
            finished: self.finished.saturating_add(other.finished),
            refused: self.refused.saturating_add(other.refused),
            abandoned: self.abandoned.saturating_add(other.abandoned),
        }
    }
}

/// A length within the buffers.
#[expect(clippy::cast_possible_truncation, reason = "at most 2126")]
const fn short(len: usize) -> u16 {
    len as u16
}
