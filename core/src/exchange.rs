//! The server's side of one greeting over TCP: from accept to its one outcome, without I/O.
//!
//! A driver such as [`drive::exchange`](crate::drive::exchange) carries bytes between an
//! [`Exchange`] and a connection. When a name is complete, what is refused and how, is decided here
//! and nowhere else. No clock and no socket may enter.

use core::time::Duration;

use embedded_io::ErrorKind;

use crate::buffer::Buffer;
use crate::error::{Abandonment, Refusal, TextError};
use crate::limits::{GREETING, Limits, MAX_TEXT, MIN_MSS};
use crate::text::Text;
use crate::time::{Moment, micros, millis};

/// The server's side of one greeting: a state machine over one buffer.
///
/// After each call, look at [`status`](Self::status): it says what the exchange waits for. No call
/// panics, whatever its arguments and in whatever order calls come; a call that doesn't fit the
/// status is ignored.
pub struct Exchange {
    buffer: Buffer,
    /// Bytes of the name that have come.
    len: u16,
    /// How many of them are known to be whole characters. Those are never looked at again.
    checked: u16,
    /// Bytes of the reply that have left, and how many there are.
    sent: u16,
    reply_len: u16,
    verdict: Verdict,
    state: State,
    /// The client's deadline; after a refusal, the end of the time to send it, then of draining.
    deadline: Moment,
    grant: Grant,
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
struct Grant {
    deadline_ms: u32,
    settle_us: u32,
    drain_us: u32,
    drain_bytes: u32,
}

#[derive(Clone, Copy)]
enum State {
    Reading { settled_at: Moment },
    Replying,
    Finishing,
    Draining { left: u32 },
    Done,
}

/// What the answer is, or why there is none, in four bytes.
#[derive(Clone, Copy)]
enum Verdict {
    Greeting,
    Refusal(TextError),
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
            len: 0,
            checked: 0,
            sent: 0,
            reply_len: 0,
            verdict: Verdict::Greeting,
            state: State::START,
            deadline: grant.deadline(now),
            grant,
        }
    }

    /// Starts over with another client, in the same memory. Nothing of the one before is left to be
    /// sent.
    pub fn restart(&mut self, now: Duration, limits: &Limits) {
        self.buffer.restore();
        self.len = 0;
        self.checked = 0;
        self.sent = 0;
        self.reply_len = 0;
        self.verdict = Verdict::Greeting;
        self.state = State::START;
        self.grant = Grant::new(limits);
        self.deadline = self.grant.deadline(now);
    }

    /// Where the next bytes from the client go. Empty: don't read.
    pub fn space(&mut self) -> &mut [u8] {
        match self.state {
            State::Reading { .. } => self.buffer.space(self.len.into()),
            State::Draining { left } => self.buffer.anywhere(left),
            _ => &mut [],
        }
    }

    /// `n` bytes have come into [`space`](Self::space). More than it had room for count as that
    /// many.
    pub fn received(&mut self, n: usize, now: Duration) {
        match self.state {
            State::Reading { .. } => self.take(n, now),
            State::Draining { left } => {
                let n = n.min(self.buffer.anywhere(left).len());
                let n = u32::try_from(n).unwrap_or(u32::MAX);
                self.state = match left.saturating_sub(n) {
                    0 => State::Done,
                    left => State::Draining { left },
                };
            }
            _ => {}
        }
    }

    /// FIN has come: the client has shut down its sending side.
    pub fn received_fin(&mut self, now: Duration) {
        match self.state {
            State::Reading { .. } if self.checked < self.len => {
                self.refuse(TextError::not_utf8(self.checked.into()), now);
            }
            State::Reading { .. } => self.greet(),
            State::Draining { .. } => self.state = State::Done,
            _ => {}
        }
    }

    /// Nothing more is waiting to be read right now.
    pub fn quiet(&mut self, now: Duration) {
        let State::Reading { settled_at } = &mut self.state else {
            return;
        };
        if self.len == 0 || self.checked < self.len {
            return; // no name yet, or inside a character
        }
        if usize::from(self.len) < MIN_MSS {
            self.greet();
        } else if *settled_at == Moment::NEVER {
            *settled_at = Moment::at(now).after(self.grant.settle_us.into());
        }
    }

    /// What is left to send: the reply, in one piece as long as nothing of it has left. FIN follows
    /// it.
    pub fn transmit(&self) -> &[u8] {
        match self.state {
            State::Replying => self.buffer.reply(self.sent.into(), self.reply_len.into()),
            _ => &[],
        }
    }

    /// The first `n` bytes of [`transmit`](Self::transmit) have left. More than it had count as all
    /// of it.
    pub fn transmitted(&mut self, n: usize) {
        if let State::Replying = self.state {
            let n = u16::try_from(n).unwrap_or(u16::MAX);
            self.sent = self.sent.saturating_add(n).min(self.reply_len);
            if self.sent == self.reply_len {
                self.state = State::Finishing;
            }
        }
    }

    /// FIN was sent after the reply.
    pub fn finished(&mut self, now: Duration) {
        if let State::Finishing = self.state {
            self.state = match (self.verdict, self.grant.drain_bytes) {
                (Verdict::Greeting, _) | (_, 0) => State::Done,
                (_, left) => {
                    self.deadline = Moment::at(now).after(self.grant.drain_us.into());
                    State::Draining { left }
                }
            };
        }
    }

    /// The connection broke, and this is how the transport classifies it. Nothing more can be sent
    /// or received.
    pub fn connection_lost(&mut self, kind: ErrorKind) {
        match self.state {
            State::Done => {}
            // The whole answer has left.
            State::Draining { .. } => self.state = State::Done,
            _ => self.abandon(Verdict::Lost(kind)),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest. `None`: never,
    /// as it is done.
    ///
    /// The value may change after any other call.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        match self.state {
            State::Reading { settled_at } => settled_at.min(self.deadline).since_start(),
            State::Done => None,
            _ => self.deadline.since_start(),
        }
    }

    /// Does what is due at `now`. Read what is waiting first: bytes that came in time count.
    pub fn handle_timeout(&mut self, now: Duration) {
        let at = Moment::at(now);
        match self.state {
            State::Reading { settled_at } if settled_at <= at.min(self.deadline) => self.greet(),
            _ if at < self.deadline => {}
            State::Reading { .. } => self.answer_late(now),
            State::Replying | State::Finishing => self.abandon(Verdict::Unread),
            State::Draining { .. } => self.state = State::Done,
            State::Done => {}
        }
    }

    /// What it waits for.
    pub fn status(&self) -> Status {
        match self.state {
            State::Reading { .. } => Status::Reading,
            State::Replying => Status::Replying,
            State::Finishing => Status::Finishing,
            State::Draining { .. } => Status::Draining,
            State::Done => Status::Done(self.outcome()),
        }
    }

    /// Whether nothing has come yet: no byte, no FIN, no deadline. A server may then keep the
    /// connection without this exchange's memory, and start another when something comes.
    pub fn is_untouched(&self) -> bool {
        self.len == 0 && matches!(self.state, State::Reading { .. })
    }

    /// The name, once it is complete and good.
    ///
    /// Each call walks over its bytes.
    pub fn name(&self) -> Option<Text<'_>> {
        match (self.state, self.verdict) {
            (State::Replying | State::Finishing | State::Done, Verdict::Greeting) => {
                Text::from_bytes(self.buffer.text(0, self.len.into())).ok()
            }
            _ => None,
        }
    }

    fn take(&mut self, n: usize, now: Duration) {
        let n = n.min(MAX_TEXT + 1 - usize::from(self.len));
        if n == 0 {
            return;
        }
        self.state = State::START; // not quiet: it settles anew
        self.len += short(n);
        let fresh = self.buffer.text(self.checked.into(), self.len.into());
        // Most names are ASCII, and that is told faster than UTF-8 in general.
        if fresh.is_ascii() {
            self.checked += short(fresh.len());
        } else if let Err(error) = core::str::from_utf8(fresh) {
            self.checked += short(error.valid_up_to());
            if error.error_len().is_some() {
                return self.refuse(TextError::not_utf8(self.checked.into()), now);
            }
        } else {
            self.checked += short(fresh.len());
        }
        if usize::from(self.len) > MAX_TEXT {
            self.refuse(TextError::TooLong, now);
        }
    }

    fn greet(&mut self) {
        self.reply_len = short(GREETING.len()) + self.len;
        self.state = State::Replying;
    }

    fn refuse(&mut self, why: TextError, now: Duration) {
        self.answer(Verdict::Refusal(why), Refusal::Name(why), now);
    }

    fn answer_late(&mut self, now: Duration) {
        self.answer(Verdict::Late, self.grant.late(), now);
    }

    fn answer(&mut self, verdict: Verdict, why: Refusal, now: Duration) {
        self.verdict = verdict;
        self.reply_len = short(self.buffer.refuse(why));
        self.deadline = Moment::at(now).after(self.grant.drain_us.into());
        self.state = State::Replying;
    }

    fn abandon(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.state = State::Done;
    }

    fn outcome(&self) -> Outcome {
        match self.verdict {
            Verdict::Greeting => Outcome::Greeted,
            Verdict::Refusal(why) => Outcome::Refused(Refusal::Name(why)),
            Verdict::Late => Outcome::Refused(self.grant.late()),
            Verdict::Lost(kind) => Outcome::Abandoned(Abandonment::Connection(kind)),
            Verdict::Unread => Outcome::Abandoned(Abandonment::Unread),
        }
    }
}

impl State {
    const START: Self = Self::Reading {
        settled_at: Moment::NEVER,
    };
}

impl Grant {
    const fn new(limits: &Limits) -> Self {
        Self {
            deadline_ms: millis(limits.deadline),
            settle_us: micros(limits.settle),
            drain_us: micros(limits.drain_time),
            drain_bytes: limits.drain_bytes,
        }
    }

    const fn deadline(self, now: Duration) -> Moment {
        Moment::at(now).after(self.deadline_ms as u64 * 1000)
    }

    fn late(self) -> Refusal {
        Refusal::Late {
            within: Duration::from_millis(self.deadline_ms.into()),
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
