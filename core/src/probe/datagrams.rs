//! What the checks over UDP do: one message and its answer, what must not be answered, and a
//! burst.
//!
//! A datagram may be lost on its way, so each is sent again and again before its silence counts.

use core::task::Poll;
use core::time::Duration;

use embedded_io::ErrorKind;

use super::check::{Cause, End, Expected, Failure, Run, Verdict, byte_of};
use super::lab::{Lab, LabError};
use super::session::Session;
use super::vectors::{Message, Reply};
use crate::time::Instant;

/// How often a datagram is sent at least that isn't answered.
const TRIES: u32 = 3;

/// How long its answer is waited for before it is sent again.
const AGAIN: Duration = Duration::from_secs(1);

/// How many datagrams make a burst.
const BURST: u16 = 32;

/// How long nothing more may come before a burst counts as over.
const OVER: Duration = Duration::from_millis(500);

/// Follows what must not be answered: its answer must be the first that comes.
const NEXT: &[Run] = &[Run(b"next", 1)];

pub(super) fn message<L: Lab>(
    session: &mut Session<'_, L>,
    message: Message,
) -> Result<Verdict, Failure> {
    let expected = match message.reply {
        Reply::Greeting => Expected::Greeting(message.datagram),
        Reply::Refusal(sentence) => Expected::Refusal(sentence),
        Reply::Nothing => Expected::Greeting(NEXT),
    };
    let len: usize = message
        .datagram
        .iter()
        .map(|Run(b, n)| b.len() * usize::from(*n))
        .sum();
    if len > session.scratch.len() {
        return Ok(Verdict::Skipped(
            "this stack has no room for so long a datagram",
        ));
    }
    let pause = AGAIN.min(session.plan.timeout / TRIES);
    let bound = session.bound();
    let mut broken = 0;
    let end = loop {
        session.drain_datagrams();
        let until = session.lab.now() + pause;
        let sent = session.send_datagram(message.datagram, until);
        match sent {
            Err(LabError::Refused(ErrorKind::OutOfMemory | ErrorKind::InvalidInput)) => {
                return Ok(Verdict::Skipped("this stack can't send so long a datagram"));
            }
            Err(LabError::Lacks(reason)) => return Ok(Verdict::Skipped(reason)),
            _ => {}
        }
        if message.reply == Reply::Nothing {
            // It waits its turn where the first had to wait as well.
            let _ = session.send_datagram(NEXT, until);
        }
        match session.take_datagram(until) {
            End::Silence if session.lab.now() < bound => {}
            // It may speak of a datagram from before.
            End::Broken(_) if broken < TRIES => broken += 1,
            end => break end,
        }
    };
    match session.judge(expected, end) {
        Ok(()) => Ok(Verdict::Passed),
        Err(cause) => Err(Failure {
            during: "one message",
            cause,
        }),
    }
}

pub(super) fn burst<L: Lab>(session: &mut Session<'_, L>) -> Result<Verdict, Failure> {
    let failed = |cause| Failure {
        during: "a burst of messages",
        cause,
    };
    session.drain_datagrams();
    let until = session.bound();
    for number in 0..BURST {
        if let Err(LabError::Lacks(reason)) = session.send_numbered(number, until) {
            return Ok(Verdict::Skipped(reason));
        }
    }
    let mut seen = 0_u32;
    while seen.count_ones() < u32::from(BURST) {
        let until = session.lab.now() + OVER;
        if session.take_datagram(until) != End::Fin {
            break;
        }
        match (0..BURST).find(|number| Expected::Client(*number).is(session.actual())) {
            Some(number) => seen |= 1 << number,
            None => {
                return Err(failed(Cause::Reply {
                    expected: Expected::Client(0),
                    end: End::Fin,
                }));
            }
        }
    }
    let sent = BURST;
    let answered = u16::try_from(seen.count_ones()).unwrap_or(BURST);
    if answered < sent / 2 {
        return Err(failed(Cause::Lost { sent, answered }));
    }
    Ok(if answered < sent {
        Verdict::PassedWithLoss { sent, answered }
    } else {
        Verdict::Passed
    })
}

impl<L: Lab> Session<'_, L> {
    /// Throws away answers that came late.
    fn drain_datagrams(&mut self) {
        // An error speaks of a datagram from before as well.
        for _ in 0..64 {
            if self.lab.receive_datagram(self.scratch).is_pending() {
                return;
            }
        }
    }

    fn send_datagram(&mut self, runs: &[Run], until: Instant) -> Result<(), LabError> {
        self.send_bytes(|at| byte_of(runs, at), until)
    }

    fn send_numbered(&mut self, number: u16, until: Instant) -> Result<(), LabError> {
        self.send_bytes(|at| Expected::Client(number).name_byte(at), until)
    }

    fn send_bytes(
        &mut self,
        byte: impl Fn(usize) -> Option<u8>,
        until: Instant,
    ) -> Result<(), LabError> {
        let mut len = 0;
        for (place, at) in self.scratch.iter_mut().zip(0..) {
            let Some(byte) = byte(at) else {
                break;
            };
            *place = byte;
            len += 1;
        }
        let mut again = true;
        loop {
            let datagram = self.scratch.get(..len).unwrap_or_default();
            match self.lab.send_datagram(datagram) {
                // Many systems report here that an earlier datagram found nobody.
                Poll::Ready(Err(LabError::Refused(ErrorKind::ConnectionRefused))) if again => {
                    again = false;
                }
                Poll::Ready(result) => return result,
                Poll::Pending if self.lab.now() >= until => return Err(ErrorKind::TimedOut.into()),
                Poll::Pending => self.wait(until),
            }
        }
    }

    fn take_datagram(&mut self, until: Instant) -> End {
        self.received = 0;
        loop {
            match self.lab.receive_datagram(self.scratch) {
                Poll::Ready(Ok(len)) => {
                    self.received = len.min(self.scratch.len());
                    return End::Fin;
                }
                Poll::Ready(Err(kind)) => return End::Broken(kind),
                Poll::Pending if self.lab.now() >= until => return End::Silence,
                Poll::Pending => self.wait(until),
            }
        }
    }
}
