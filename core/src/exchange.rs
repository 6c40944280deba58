//! The server's side of one greeting over TCP: from accept to its one outcome, without I/O.
//!
//! A driver such as [`drive::exchange`](crate::drive::exchange) carries bytes between an
//! [`Exchange`] and a connection. When a name is complete, what is refused and how, is decided here
//! and nowhere else. No clock and no socket may enter.

use core::fmt;
use core::time::Duration;

use embedded_io::ErrorKind;

use crate::buffer::{self, Buffer};
use crate::error::{Abandonment, Refusal, TextError};
use crate::limits::{GREETING, Limits, MAX_TEXT, MIN_MSS};
use crate::text::Text;
use crate::time::{Moment, micros, millis};

/// The server's side of one greeting: a state machine over one buffer.
///
/// After each call, look at [`status`](Self::status): it says what the exchange waits for. No call
/// panics, whatever its arguments and in whatever order calls come; a call that doesn't fit the
/// status is ignored.
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
    verdict: Verdict,
    phase: Phase,
    /// How many more bytes are drained.
    left: u32,
    /// The end of the quiet that completes a name of [`MIN_MSS`] bytes or more, once there is quiet.
    settled_at: Moment,
    /// The client's deadline; after a refusal, the end of the time to send it, then of draining.
    deadline: Moment,
    grant: Grant,
    buffer: Buffer,
}

/// What an [`Exchange`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Status {
    /// For bytes of the name, FIN, or quiet.
    Reading,
    /// For [`transmit`](Exchange::transmit) to leave.
    Replying,
    /// For FIN to be sent after the reply.
    Finishing,
    /// For the client's FIN after a refusal; bytes that come are thrown away.
    Draining,
    /// For nothing. The connection can be closed.
    Done(Outcome),
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

/// [`Limits`] in sixteen bytes.
#[derive(Clone, Copy)]
pub(crate) struct Grant {
    deadline_ms: u32,
    settle_us: u32,
    drain_us: u32,
    drain_bytes: u32,
}

/// A [`Status`] without its outcome, which is long to compare.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Phase {
    Reading,
    Replying,
    Finishing,
    Draining,
    Done,
}

/// What the answer is, or why there is none, in two bytes. A greeting is zero.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Verdict {
    Greeting,
    TooLong,
    /// At the first byte that isn't checked.
    NotUtf8,
    Late,
    Lost(ErrorKind),
    Unread,
}

impl Exchange {
    /// Starts an exchange with a client that connected at `now`.
    pub const fn new(now: Duration, limits: &Limits) -> Self {
        let grant = Grant::new(limits);
        Self {
            buffer: Buffer::new(),
            settled_at: Moment::NEVER,
            deadline: grant.deadline(Moment::at(now)),
            grant,
            ..Self::VACANT
        }
    }

    /// No exchange yet: [`begin`](Self::begin) one. All zeros.
    pub(crate) const VACANT: Self = Self {
        buffer: Buffer::EMPTY,
        len: 0,
        checked: 0,
        sent: 0,
        reply_len: 0,
        verdict: Verdict::Greeting,
        phase: Phase::Reading,
        left: 0,
        settled_at: Moment::START,
        deadline: Moment::START,
        grant: Grant::NONE,
    };

    /// Starts over with another client, in the same memory. Nothing of the one before is left to be
    /// sent.
    pub fn restart(&mut self, now: Duration, limits: &Limits) {
        self.begin(Moment::at(now), Grant::new(limits));
    }

    pub(crate) fn begin(&mut self, now: Moment, grant: Grant) {
        self.buffer.restore();
        self.len = 0;
        self.checked = 0;
        self.sent = 0;
        self.reply_len = 0;
        self.verdict = Verdict::Greeting;
        self.phase = Phase::Reading;
        self.settled_at = Moment::NEVER;
        self.grant = grant;
        self.deadline = grant.deadline(now);
    }

    /// Where the next bytes from the client go. Empty: don't read.
    pub fn space(&mut self) -> &mut [u8] {
        match self.phase {
            Phase::Reading => self.buffer.space(self.len.into()),
            Phase::Draining => self.buffer.anywhere(self.left),
            _ => &mut [],
        }
    }

    /// `n` bytes have come into [`space`](Self::space). More than it had room for count as that
    /// many.
    pub fn received(&mut self, n: usize, now: Duration) {
        self.received_at(n, now);
    }

    pub(crate) fn received_at(&mut self, n: usize, now: impl Into<Moment>) {
        match self.phase {
            Phase::Reading => self.take(n, now),
            Phase::Draining => {
                let n = short(n.min(buffer::SIZE));
                self.left = self.left.saturating_sub(n.into());
                if self.left == 0 {
                    self.phase = Phase::Done;
                }
            }
            _ => {}
        }
    }

    /// FIN has come: the client has shut down its sending side.
    pub fn received_fin(&mut self, now: Duration) {
        self.received_fin_at(now);
    }

    pub(crate) fn received_fin_at(&mut self, now: impl Into<Moment>) {
        match self.phase {
            Phase::Reading if self.checked < self.len => {
                self.refuse(Verdict::NotUtf8, now.into());
            }
            Phase::Reading => self.greet(),
            Phase::Draining => self.phase = Phase::Done,
            _ => {}
        }
    }

    /// Nothing more is waiting to be read right now.
    pub fn quiet(&mut self, now: Duration) {
        self.quiet_at(now);
    }

    pub(crate) fn quiet_at(&mut self, now: impl Into<Moment>) {
        if self.phase != Phase::Reading || self.len == 0 || self.checked < self.len {
            return; // no name yet, or inside a character
        }
        if usize::from(self.len) < MIN_MSS {
            self.greet();
        } else if self.settled_at == Moment::NEVER {
            self.settled_at = now.into().after(self.grant.settle_us);
        }
    }

    /// What is left to send: the reply, in one piece as long as nothing of it has left. FIN follows
    /// it.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn transmit(&self) -> &[u8] {
        match self.phase {
            Phase::Replying => self.buffer.reply(self.sent.into(), self.reply_len.into()),
            _ => &[],
        }
    }

    /// The first `n` bytes of [`transmit`](Self::transmit) have left. More than it had count as all
    /// of it.
    pub fn transmitted(&mut self, n: usize) {
        if self.phase == Phase::Replying {
            self.sent += short(n.min((self.reply_len - self.sent).into()));
            if self.sent == self.reply_len {
                self.phase = Phase::Finishing;
            }
        }
    }

    /// FIN was sent after the reply.
    pub fn finished(&mut self, now: Duration) {
        self.finished_at(now);
    }

    pub(crate) fn finished_at(&mut self, now: impl Into<Moment>) {
        if self.phase != Phase::Finishing {
            return;
        }
        self.left = match self.verdict {
            Verdict::Greeting => 0,
            _ => self.grant.drain_bytes,
        };
        if self.left == 0 {
            self.phase = Phase::Done;
        } else {
            self.deadline = now.into().after(self.grant.drain_us);
            self.phase = Phase::Draining;
        }
    }

    /// The connection broke, and this is how the transport classifies it. Nothing more can be sent
    /// or received.
    #[inline(never)]
    pub fn connection_lost(&mut self, kind: ErrorKind) {
        match self.phase {
            Phase::Done => {}
            // The whole answer has left.
            Phase::Draining => self.phase = Phase::Done,
            _ => self.abandon(Verdict::Lost(kind)),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest. `None`: never,
    /// as it is done.
    ///
    /// The value may change after any other call.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.due().since_start()
    }

    /// The moment of [`timeout`](Self::timeout).
    pub(crate) fn due(&self) -> Moment {
        match self.phase {
            Phase::Reading => self.settled_at.min(self.deadline),
            Phase::Done => Moment::NEVER,
            _ => self.deadline,
        }
    }

    /// Does what is due at `now`. Read what is waiting first: bytes that came in time count.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.handle_timeout_at(now);
    }

    pub(crate) fn handle_timeout_at(&mut self, now: impl Into<Moment>) {
        let now = now.into();
        match self.phase {
            Phase::Reading if self.settled_at <= now.min(self.deadline) => self.greet(),
            _ if now < self.deadline.min(Moment::LAST) => {}
            Phase::Reading => self.refuse(Verdict::Late, now),
            Phase::Replying | Phase::Finishing => self.abandon(Verdict::Unread),
            Phase::Draining | Phase::Done => self.phase = Phase::Done,
        }
    }

    /// What it waits for.
    pub fn status(&self) -> Status {
        match self.phase {
            Phase::Reading => Status::Reading,
            Phase::Replying => Status::Replying,
            Phase::Finishing => Status::Finishing,
            Phase::Draining => Status::Draining,
            Phase::Done => Status::Done(self.ended()),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it ended because nobody took the answer.
    pub(crate) fn is_unread(&self) -> bool {
        self.phase == Phase::Done && matches!(self.verdict, Verdict::Unread)
    }

    /// Whether nothing has come yet: no byte, no FIN, no deadline. A server may then keep the
    /// connection without this exchange's memory, and start another when something comes.
    pub fn is_untouched(&self) -> bool {
        self.len == 0 && self.phase == Phase::Reading
    }

    /// The name, once it is complete and good.
    ///
    /// Each call walks over its bytes.
    pub fn name(&self) -> Option<Text<'_>> {
        match (self.phase, self.verdict) {
            (Phase::Replying | Phase::Finishing | Phase::Done, Verdict::Greeting) => {
                Text::from_bytes(self.buffer.text(0, self.len.into())).ok()
            }
            _ => None,
        }
    }

    fn take(&mut self, n: usize, now: impl Into<Moment>) {
        let n = n.min(MAX_TEXT + 1 - usize::from(self.len));
        if n == 0 {
            return;
        }
        self.settled_at = Moment::NEVER; // not quiet: it settles anew
        self.len += short(n);
        let fresh = self.buffer.text(self.checked.into(), self.len.into());
        // Most names are ASCII. Where flash isn't short, that is told faster than UTF-8 in general.
        if cfg!(target_pointer_width = "64") && fresh.is_ascii() {
            self.checked += short(fresh.len());
        } else if let Err(error) = core::str::from_utf8(fresh) {
            self.checked += short(error.valid_up_to());
            if error.error_len().is_some() {
                return self.refuse(Verdict::NotUtf8, now.into());
            }
        } else {
            self.checked += short(fresh.len());
        }
        if usize::from(self.len) > MAX_TEXT {
            self.refuse(Verdict::TooLong, now.into());
        }
    }

    fn greet(&mut self) {
        self.reply_len = short(GREETING.len()) + self.len;
        self.phase = Phase::Replying;
    }

    fn refuse(&mut self, verdict: Verdict, now: Moment) {
        self.verdict = verdict;
        self.reply_len = short(self.buffer.refuse(self.refusal()));
        self.deadline = now.after(self.grant.drain_us);
        self.phase = Phase::Replying;
    }

    fn abandon(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.phase = Phase::Done;
    }

    /// `None`: it hasn't ended yet.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        (self.phase == Phase::Done).then(|| self.ended())
    }

    fn ended(&self) -> Outcome {
        match self.verdict {
            Verdict::Greeting => Outcome::Greeted,
            Verdict::Lost(kind) => Outcome::Abandoned(Abandonment::Connection(kind)),
            Verdict::Unread => Outcome::Abandoned(Abandonment::Unread),
            _ => Outcome::Refused(self.refusal()),
        }
    }

    /// What a verdict says that is a refusal.
    #[inline(never)]
    fn refusal(&self) -> Refusal {
        match self.verdict {
            Verdict::TooLong => Refusal::Name(TextError::TooLong),
            Verdict::NotUtf8 => Refusal::Name(TextError::NotUtf8 { at: self.checked }),
            _ => Refusal::Late {
                within_ms: self.grant.deadline_ms,
            },
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("status", &self.status())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Grant {
    /// That of the protocol's limits.
    pub(crate) const DEFAULT: Self = Self::new(&Limits::DEFAULT);

    const NONE: Self = Self {
        deadline_ms: 0,
        settle_us: 0,
        drain_us: 0,
        drain_bytes: 0,
    };

    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            deadline_ms: millis(limits.deadline),
            settle_us: micros(limits.settle),
            drain_us: micros(limits.drain_time),
            drain_bytes: limits.drain_bytes,
        }
    }

    /// Whether it is that of the protocol's limits.
    pub(crate) const fn is_default(self) -> bool {
        self.deadline_ms == Self::DEFAULT.deadline_ms
            && self.settle_us == Self::DEFAULT.settle_us
            && self.drain_us == Self::DEFAULT.drain_us
            && self.drain_bytes == Self::DEFAULT.drain_bytes
    }

    const fn deadline(self, now: Moment) -> Moment {
        now.after_millis(self.deadline_ms)
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
        let mut exchange = Exchange::new(Duration::ZERO, &Limits::DEFAULT);
        for byte in name.bytes() {
            exchange.space()[0] = byte;
            exchange.received(1, Duration::ZERO);
            assert!(
                exchange.len - exchange.checked < 4,
                "more than one character is looked at"
            );
            let checked = GREETING.len() + usize::from(exchange.checked);
            exchange.buffer.anywhere(u32::MAX)[GREETING.len()..checked].fill(0xff);
        }
        exchange.received_fin(Duration::ZERO);
        assert_eq!(exchange.status(), Status::Replying);
        assert_eq!(exchange.transmit().len(), GREETING.len() + name.len());
    }
}
