//! The server's side of one greeting over TCP: from accept to its one outcome, without I/O.
//!
//! [`drive`](crate::drive::drive) carries bytes between an [`Exchange`] and a connection. When a name is complete, what is refused and how, is decided here
//! and nowhere else. No clock and no socket may enter.

use core::fmt;
use core::ops::Add;

use embedded_io::ErrorKind;

use crate::buffer::{self, Buffer};
use crate::course::{Course, End, Phase, Verdict};
use crate::error::{Abandonment, Refusal};
use crate::limits::{GREETING, Limits, MAX_TEXT};
use crate::machine::{Machine, Service, Want};
use crate::text::Text;
use crate::time::Instant;
use crate::utf8::{self, Checked};

/// The server's side of one greeting: a state machine over one buffer.
///
/// Its calls are those of [`Machine`] and [`Service`].
///
/// ```
/// use greet_core::exchange::{Exchange, Outcome};
/// use greet_core::limits::Limits;
/// use greet_core::machine::Machine;
/// use greet_core::time::Instant;
///
/// let now = Instant::START;
/// let mut exchange = Exchange::new(now, Limits::DEFAULT);
/// exchange.space()[..5].copy_from_slice(b"World"); // what a socket would do
/// exchange.received(5, now);
/// exchange.quiet(now, |len| len < 536); // nothing more is waiting to be read
///
/// assert_eq!(exchange.transmit(), b"Hello, World");
/// exchange.transmitted(12, now);
/// exchange.finished(now); // FIN went after it
/// assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
/// ```
// In this order, what is used most is near the start, where a small processor's short instructions
// reach.
#[repr(C)]
pub struct Exchange {
    /// Bytes of the name that have come.
    len: u16,
    /// How many of them are known to be whole characters. Those are never looked at again.
    checked: u16,
    /// Bytes of the reply that have left, and how many there are.
    sent: u16,
    reply_len: u16,
    course: Course,
    /// The end of the quiet that completes a name of more than a segment, once there is quiet.
    settled_at: Instant,
    buffer: Buffer,
}

/// How an [`Exchange`] ended. Each ends in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Outcome {
    /// The whole greeting left.
    Greeted,
    /// The whole refusal left.
    Refused(Refusal),
    /// The answer never left, or not all of it.
    Abandoned(Abandonment),
}

/// How many exchanges ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Tally {
    /// Greetings that left.
    pub greeted: u64,
    /// Names longer than 1024 bytes.
    pub too_long: u64,
    /// Names that are not UTF-8.
    pub not_utf8: u64,
    /// Clients without a name by the deadline, or who had to give way before.
    pub late: u64,
    /// Clients that went away, or didn't take their answer.
    pub abandoned: u64,
}

impl Exchange {
    /// Starts an exchange with a client that connected at `since`.
    pub const fn new(since: Instant, limits: Limits) -> Self {
        Self {
            buffer: Buffer::new(),
            settled_at: Instant::NEVER,
            course: Course::new(since, limits),
            ..Self::VACANT
        }
    }

    /// The name, once it is complete and good.
    ///
    /// Each call walks over its bytes.
    pub fn name(&self) -> Option<Text<'_>> {
        match (self.course.phase(), self.course.verdict()) {
            (Phase::Replying | Phase::Finishing | Phase::Done, Verdict::Good) => {
                Text::from_bytes(self.buffer.text(0, self.len.into())).ok()
            }
            _ => None,
        }
    }

    /// Whether the quiet that completes the name ends before the client's time does.
    fn is_settled_in_time(&self) -> bool {
        // Time that can't be counted has no order.
        self.settled_at <= self.course.deadline() && self.settled_at != Instant::NEVER
    }

    /// Whether nothing has come yet: no byte, no FIN, no deadline.
    const fn is_untouched(&self) -> bool {
        self.len == 0 && matches!(self.course.phase(), Phase::Reading)
    }

    fn take(&mut self, n: usize, now: Instant) {
        let n = n.min(MAX_TEXT + 1 - usize::from(self.len));
        if n == 0 {
            return;
        }
        self.settled_at = Instant::NEVER; // not quiet: it settles anew
        self.len += short(n);
        let fresh = self.buffer.text(self.checked.into(), self.len.into());
        let Checked { whole, wrong } = utf8::check(fresh);
        self.checked += short(whole);
        if wrong {
            return self.refuse(Verdict::NotUtf8, now);
        }
        if usize::from(self.len) > MAX_TEXT {
            self.refuse(Verdict::TooLong, now);
        }
    }

    fn greet(&mut self) {
        self.reply_len = short(GREETING.len()) + self.len;
        self.course.conclude();
    }

    fn refuse(&mut self, verdict: Verdict, now: Instant) {
        self.course.refuse(verdict, now);
        let refusal = self.course.refusal(self.checked);
        self.reply_len = short(self.buffer.refuse(refusal));
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("want", &self.want())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Machine for Exchange {
    type Outcome = Outcome;

    #[inline]
    fn want(&self) -> Want {
        match self.course.phase() {
            Phase::Reading | Phase::Draining => Want::Read,
            Phase::Replying | Phase::Finishing => Want::Write,
            Phase::Done => Want::Done,
        }
    }

    #[inline]
    fn space(&mut self) -> &mut [u8] {
        match self.course.phase() {
            Phase::Reading => self.buffer.space(self.len.into()),
            Phase::Draining => self.buffer.scratch(self.course.left()),
            _ => &mut [],
        }
    }

    #[inline]
    fn received(&mut self, n: usize, now: Instant) {
        match self.course.phase() {
            Phase::Reading => self.take(n, now),
            Phase::Draining => {
                self.course.drained(short(n.min(buffer::SIZE)).into());
            }
            _ => {}
        }
    }

    #[inline]
    fn received_fin(&mut self, now: Instant) {
        match self.course.phase() {
            Phase::Reading if self.checked < self.len => {
                self.refuse(Verdict::NotUtf8, now);
            }
            Phase::Reading => self.greet(),
            Phase::Draining => self.course.end(),
            _ => {}
        }
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn quiet(&mut self, now: Instant, in_one_segment: impl FnOnce(usize) -> bool) {
        if self.course.phase() != Phase::Reading
            || self.len == 0
            || self.checked < self.len // inside a character
            || self.settled_at != Instant::NEVER
        {
            return;
        }
        if in_one_segment(self.len.into()) {
            self.greet();
        } else {
            self.settled_at = now.after_micros(self.course.limits().settle_us());
        }
    }

    /// The reply, in one piece as long as nothing of it has left.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn transmit(&self) -> &[u8] {
        match self.course.phase() {
            Phase::Replying => self.buffer.reply(self.sent.into(), self.reply_len.into()),
            _ => &[],
        }
    }

    /// All that is ever sent is one reply.
    #[inline]
    fn fin_follows(&self) -> bool {
        true
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn transmitted(&mut self, n: usize, _now: Instant) {
        if self.course.phase() == Phase::Replying {
            self.sent += short(n.min((self.reply_len - self.sent).into()));
            if self.sent == self.reply_len {
                self.course.replied();
            }
        }
    }

    #[inline]
    fn finished(&mut self, now: Instant) {
        if self.course.phase() == Phase::Finishing {
            self.course.finished(now, 0);
        }
    }

    #[inline(never)]
    fn lost(&mut self, kind: ErrorKind) {
        self.course.lost(kind);
    }

    #[inline]
    fn due(&self) -> Instant {
        match self.course.phase() {
            Phase::Reading => self.settled_at.min(self.course.deadline()),
            Phase::Done => Instant::NEVER,
            _ => self.course.deadline(),
        }
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn timeout(&mut self, now: Instant) {
        if now < self.due() {
            return;
        }
        match self.course.phase() {
            Phase::Reading if self.is_settled_in_time() => self.greet(),
            Phase::Reading => self.refuse(Verdict::Late, now),
            Phase::Replying | Phase::Finishing => self.course.abandon(Verdict::Unread),
            Phase::Draining | Phase::Done => self.course.end(),
        }
    }

    #[inline]
    fn outcome(&self) -> Option<Outcome> {
        Some(match self.course.outcome(self.checked)? {
            End::Good => Outcome::Greeted,
            End::Refused(refusal) => Outcome::Refused(refusal),
            End::Abandoned(why) => Outcome::Abandoned(why),
        })
    }

    #[inline]
    fn resets(&self) -> bool {
        self.course.resets()
    }
}

impl Service for Exchange {
    type Config = Limits;
    type Tally = Tally;
    /// When it connected.
    type Dormant = Instant;

    const VACANT: Self = Self {
        buffer: Buffer::EMPTY,
        len: 0,
        checked: 0,
        sent: 0,
        reply_len: 0,
        course: Course::VACANT,
        settled_at: Instant::START,
    };

    const NONE: Tally = Tally {
        greeted: 0,
        too_long: 0,
        not_utf8: 0,
        late: 0,
        abandoned: 0,
    };

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn begin(&mut self, since: Instant, limits: &Limits) {
        self.buffer.restore();
        self.len = 0;
        self.checked = 0;
        self.sent = 0;
        self.reply_len = 0;
        self.settled_at = Instant::NEVER;
        self.course.begin(since, limits);
    }

    fn dormant(&self) -> Option<Instant> {
        self.is_untouched().then(|| self.course.since())
    }

    fn resume(&mut self, since: Instant, limits: &Limits) {
        self.begin(since, limits);
    }

    /// A client that has sent nothing for [`SILENCE`](crate::limits::SILENCE).
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn gives_way(&self) -> Instant {
        if self.is_untouched() {
            self.course.silent()
        } else {
            Instant::NEVER
        }
    }

    fn give_way(&mut self, now: Instant) {
        if self.is_untouched() && now >= self.gives_way() {
            self.refuse(Verdict::GaveWay, now);
        }
    }

    fn count(tally: &mut Tally, outcome: Outcome) {
        use crate::error::TextError::{NotUtf8, TooLong};
        let counter = match outcome {
            Outcome::Greeted => &mut tally.greeted,
            Outcome::Refused(Refusal::Name(TooLong) | Refusal::Message(TooLong)) => {
                &mut tally.too_long
            }
            Outcome::Refused(Refusal::Name(NotUtf8 { .. }) | Refusal::Message(NotUtf8 { .. })) => {
                &mut tally.not_utf8
            }
            Outcome::Refused(Refusal::Late { .. }) => &mut tally.late,
            Outcome::Abandoned(_) => &mut tally.abandoned,
        };
        *counter = counter.wrapping_add(1);
    }
}

impl Tally {
    /// All clients whose exchange has ended.
    pub fn total(&self) -> u64 {
        self.greeted
            .saturating_add(self.refused())
            .saturating_add(self.abandoned)
    }

    /// All refusals.
    pub fn refused(&self) -> u64 {
        self.too_long
            .saturating_add(self.not_utf8)
            .saturating_add(self.late)
    }
}

/// Two workers' tallies as one.
impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            greeted: self.greeted.saturating_add(other.greeted),
            too_long: self.too_long.saturating_add(other.too_long),
            not_utf8: self.not_utf8.saturating_add(other.not_utf8),
            late: self.late.saturating_add(other.late),
            abandoned: self.abandoned.saturating_add(other.abandoned),
        }
    }
}

/// A length within the buffer.
#[expect(clippy::cast_possible_truncation, reason = "at most 1032")]
const fn short(len: usize) -> u16 {
    len as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are known to be whole characters are overwritten with bytes that never occur in
    /// UTF-8: whoever looked at them again would refuse the name.
    #[test]
    fn a_whole_character_is_never_looked_at_again() {
        let name = "aé世👋".repeat(102);
        let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
        for byte in name.bytes() {
            exchange.space()[0] = byte;
            exchange.received(1, Instant::START);
            assert!(
                exchange.len - exchange.checked < 4,
                "more than one character is looked at"
            );
            let checked = GREETING.len() + usize::from(exchange.checked);
            exchange.buffer.scratch(u32::MAX)[GREETING.len()..checked].fill(0xff);
        }
        exchange.received_fin(Instant::START);
        assert_eq!(exchange.want(), Want::Write);
        assert_eq!(exchange.transmit().len(), GREETING.len() + name.len());
    }
}
