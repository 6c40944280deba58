//! The course of a connection that greets, once or a name a line: reading, a last reply, and after a
//! refusal the rest that is thrown away; its verdict, and what time there is for each.
//!
//! What a name is and how it is answered is the business of [`exchange`](crate::exchange) and
//! [`lines`](crate::lines).

use embedded_io::ErrorKind;

use crate::error::{Abandonment, Refusal, TextError};
use crate::limits::{Limits, SILENCE_MS};
use crate::time::Instant;

/// What a connection is at, and until when.
#[repr(C)]
pub(crate) struct Course {
    verdict: Verdict,
    phase: Phase,
    /// How many more bytes are drained.
    left: u32,
    /// The client's deadline; after a refusal, the end of the time to send it, then of draining.
    deadline: Instant,
    limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Names are read.
    Reading,
    /// What comes after a refusal is thrown away.
    Draining,
    /// The last reply leaves.
    Replying,
    /// It has left, and FIN follows.
    Finishing,
    Done,
}

/// What the last answer is, or why there is none, in two bytes. A greeting is zero.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Verdict {
    Good,
    TooLong,
    /// At the first byte that isn't checked.
    NotUtf8,
    Late,
    GaveWay,
    Lost(ErrorKind),
    Unread,
}

/// How a connection ended.
pub(crate) enum End {
    Good,
    Refused(Refusal),
    Abandoned(Abandonment),
}

impl Course {
    pub(crate) const VACANT: Self = Self {
        verdict: Verdict::Good,
        phase: Phase::Reading,
        left: 0,
        deadline: Instant::START,
        limits: Limits::DEFAULT,
    };

    pub(crate) const fn new(since: Instant, limits: Limits) -> Self {
        Self {
            deadline: since.after_millis(limits.deadline_ms()),
            limits,
            ..Self::VACANT
        }
    }

    #[inline]
    pub(crate) fn begin(&mut self, since: Instant, limits: &Limits) {
        self.verdict = Verdict::Good;
        self.phase = Phase::Reading;
        self.limits = *limits;
        self.extend(since);
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The deadline counts from now on.
    #[inline]
    pub(crate) const fn extend(&mut self, now: Instant) {
        self.deadline = now.after_millis(self.limits.deadline_ms());
    }

    /// From when on the deadline counts, while there is one.
    pub(crate) const fn since(&self) -> Instant {
        self.deadline.before_millis(self.limits.deadline_ms())
    }

    /// When a client that has done nothing since has been silent for
    /// [`SILENCE`](crate::limits::SILENCE).
    #[inline]
    pub(crate) const fn silent(&self) -> Instant {
        let rest = self.limits.deadline_ms().saturating_sub(SILENCE_MS);
        self.deadline.before_millis(rest)
    }

    /// Nothing more is read: what there is to be sent is the last.
    #[inline]
    pub(crate) const fn conclude(&mut self) {
        self.phase = Phase::Replying;
    }

    /// The last reply is a refusal, which has a time of its own to leave.
    #[inline]
    pub(crate) const fn refuse(&mut self, verdict: Verdict, now: Instant) {
        self.verdict = verdict;
        self.conclude_within_drain(now);
    }

    /// Nothing more is read, and what there is to be sent gets as much time as a refusal.
    #[inline]
    pub(crate) const fn conclude_within_drain(&mut self, now: Instant) {
        self.deadline = now.after_micros(self.limits.drain_us());
        self.phase = Phase::Replying;
    }

    /// The last byte of the last reply has left.
    #[inline]
    pub(crate) const fn replied(&mut self) {
        self.phase = Phase::Finishing;
    }

    /// FIN has left behind the last reply. Where that was no refusal, `most` bytes are drained.
    #[inline]
    pub(crate) const fn finished(&mut self, now: Instant, most: u32) {
        self.left = match self.verdict {
            Verdict::Good => most,
            // Who gave way has sent nothing that would have to be read, and its place is needed.
            Verdict::GaveWay => 0,
            _ => self.limits.drain_bytes(),
        };
        if self.left == 0 {
            self.phase = Phase::Done;
        } else {
            self.deadline = now.after_micros(self.limits.drain_us());
            self.phase = Phase::Draining;
        }
    }

    /// How many bytes may come yet, to be thrown away.
    #[inline]
    pub(crate) const fn left(&self) -> u32 {
        self.left
    }

    /// So many bytes were thrown away.
    #[inline]
    pub(crate) const fn drained(&mut self, n: u32) {
        self.left = self.left.saturating_sub(n);
        if self.left == 0 {
            self.phase = Phase::Done;
        }
    }

    /// It is over, with the verdict that there is.
    #[inline]
    pub(crate) const fn end(&mut self) {
        self.phase = Phase::Done;
    }

    pub(crate) fn abandon(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.phase = Phase::Done;
    }

    #[inline]
    pub(crate) fn lost(&mut self, kind: ErrorKind) {
        match self.phase {
            Phase::Done => {}
            // The whole answer has left.
            Phase::Draining => self.phase = Phase::Done,
            _ => self.abandon(Verdict::Lost(kind)),
        }
    }

    /// How it ended, if it has; of what isn't UTF-8, so many bytes were right.
    #[inline]
    pub(crate) fn outcome(&self, checked: u16) -> Option<End> {
        if self.phase != Phase::Done {
            return None;
        }
        Some(match self.verdict {
            Verdict::Good => End::Good,
            Verdict::Lost(kind) => End::Abandoned(Abandonment::Connection(kind)),
            Verdict::Unread => End::Abandoned(Abandonment::Unread),
            _ => End::Refused(self.refusal(checked)),
        })
    }

    /// What a verdict says that is a refusal.
    #[inline(never)]
    pub(crate) fn refusal(&self, checked: u16) -> Refusal {
        match self.verdict {
            Verdict::TooLong => Refusal::Name(TextError::TooLong),
            Verdict::NotUtf8 => Refusal::Name(TextError::NotUtf8 { at: checked }),
            Verdict::GaveWay => Refusal::Late {
                within_ms: SILENCE_MS,
            },
            _ => Refusal::Late {
                within_ms: self.limits.deadline_ms(),
            },
        }
    }

    /// Where nobody takes the answer: a part of it must not look like all of it.
    #[inline]
    pub(crate) const fn resets(&self) -> bool {
        matches!((self.phase, self.verdict), (Phase::Done, Verdict::Unread))
    }
}
