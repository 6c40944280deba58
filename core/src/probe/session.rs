//! A client's hands: connect, send, take a reply, all with a bound and all over a [`Lab`].
//!
//! The checks are written with these. It is a client in its plainest form, with none of
//! [`request`](crate::request), so that a fault in one doesn't hide the same fault in the other.

use core::mem;
use core::task::Poll;
use core::time::Duration;

use embedded_io::{Error, ErrorKind};

use super::check::{Cause, End, Expected, Run, byte_of};
use super::lab::{Ability, Dial, Lab};
use super::{Event, Plan};
use crate::time::Instant;
use crate::transport::Stream;

/// How long after a refused connection the next is tried, while a server comes back.
const RETRY: Duration = Duration::from_millis(50);

/// How often a report hears of a wait.
const TELL: Duration = Duration::from_secs(1);

/// One probe at work.
pub(super) struct Session<'a, L> {
    pub lab: &'a mut L,
    pub plan: Plan,
    /// Room for what is sent and what came.
    pub scratch: &'a mut [u8],
    /// How many bytes of `scratch` came.
    pub received: usize,
    /// The end of the wait that goes on, and when the report heard of it.
    pub waits_until: Instant,
    pub told: Instant,
    pub report: &'a mut dyn FnMut(Event<'_>),
}

impl<L: Lab> Session<'_, L> {
    /// Until when the server has time for what begins now.
    pub fn bound(&mut self) -> Instant {
        self.lab.now() + self.plan.timeout
    }

    /// Lets the network go on until something may have happened, or until this time at the latest.
    /// The report hears of a wait that takes long.
    pub fn wait(&mut self, until: Instant) {
        let now = self.lab.now();
        if until != self.waits_until {
            (self.waits_until, self.told) = (until, now);
        } else if now.since(self.told) >= TELL {
            self.told = now;
            let left = until.since(now);
            (self.report)(Event::Waiting { left });
        }
        self.lab.wait(until.min(now + TELL));
    }

    /// Lets time go by.
    pub fn pause(&mut self, time: Duration) {
        let until = self.lab.now() + time;
        while self.lab.now() < until {
            self.wait(until);
        }
    }

    /// Connects.
    pub fn open(&mut self, slot: usize, dial: Dial) -> Result<(), Cause> {
        let until = self.bound();
        self.open_until(slot, dial, until)
    }

    /// Connects until this time.
    pub fn open_until(&mut self, slot: usize, dial: Dial, until: Instant) -> Result<(), Cause> {
        self.received = 0;
        self.lab.connect(slot, dial)?;
        loop {
            let Some(mut stream) = self.lab.stream(slot) else {
                return Err(Cause::Refused(ErrorKind::NotConnected));
            };
            let opened = stream.send(&[]).map_err(|error| error.kind());
            drop(stream);
            match opened {
                Poll::Ready(Ok(_)) => return Ok(()),
                Poll::Ready(Err(kind)) => return Err(Cause::Refused(kind)),
                Poll::Pending if self.lab.now() >= until => return Err(Cause::Unreachable),
                Poll::Pending => self.wait(until),
            }
        }
    }

    /// Connects, and tries again up to this time, where the server has no place yet.
    pub fn open_patiently(&mut self, slot: usize, until: Instant) -> Result<(), Cause> {
        loop {
            match self.open(slot, Dial::Plain) {
                Err(Cause::Refused(_) | Cause::Unreachable) if self.lab.now() < until => {
                    self.lab.close(slot);
                    self.pause(RETRY);
                }
                opened => return opened,
            }
        }
    }

    /// Sends runs of bytes from one offset to another, each run a segment if it fits. What can't
    /// be sent is no fault yet: the reply says what the server made of it.
    pub fn send(&mut self, slot: usize, runs: &[Run], from: usize, to: usize) {
        let until = self.bound();
        let mut at = from;
        while at < to {
            let mut len = 0;
            for (place, offset) in self.scratch.iter_mut().zip(at..to) {
                let Some(byte) = byte_of(runs, offset) else {
                    break;
                };
                *place = byte;
                len += 1;
            }
            if len == 0 || !self.send_scratch(slot, len, until) {
                return;
            }
            at += len;
        }
    }

    /// Sends the name of a numbered client.
    pub fn send_client(&mut self, slot: usize, number: u16) {
        let until = self.bound();
        let name = Expected::Client(number);
        let mut len = 0;
        for (place, offset) in self.scratch.iter_mut().zip(0..) {
            let Some(byte) = name.name_byte(offset) else {
                break;
            };
            *place = byte;
            len += 1;
        }
        self.send_scratch(slot, len, until);
    }

    fn send_scratch(&mut self, slot: usize, len: usize, until: Instant) -> bool {
        let mut sent = 0;
        while sent < len {
            let Some(mut stream) = self.lab.stream(slot) else {
                return false;
            };
            let bytes = self.scratch.get(sent..len).unwrap_or_default();
            let result = stream.send(bytes).map_err(|error| error.kind());
            drop(stream);
            match result {
                Poll::Ready(Ok(n)) if n > 0 => sent += n,
                Poll::Ready(_) => return false,
                Poll::Pending if self.lab.now() >= until => return false,
                Poll::Pending => self.wait(until),
            }
        }
        true
    }

    /// Half-closes. A failure shows in the reply.
    pub fn finish(&mut self, slot: usize) {
        self.send_last(slot, &[]);
    }

    /// Sends these few bytes and FIN, in one segment where the stack can.
    pub fn send_last(&mut self, slot: usize, bytes: &[u8]) {
        let until = self.bound();
        loop {
            let Some(mut stream) = self.lab.stream(slot) else {
                return;
            };
            let result = stream.send_last(bytes).map_err(|error| error.kind());
            drop(stream);
            match result {
                Poll::Pending if self.lab.now() < until => self.wait(until),
                _ => return,
            }
        }
    }

    /// Ends the connection with RST.
    pub fn reset(&mut self, slot: usize) {
        if let Some(mut stream) = self.lab.stream(slot) {
            stream.abort();
        }
        self.lab.close(slot);
    }

    /// Takes the reply up to FIN, and compares it.
    pub fn expect(&mut self, slot: usize, expected: Expected) -> Result<(), Cause> {
        let until = self.bound();
        self.expect_until(slot, expected, until)
    }

    /// Takes the reply, which may come until this time.
    pub fn expect_until(
        &mut self,
        slot: usize,
        expected: Expected,
        until: Instant,
    ) -> Result<(), Cause> {
        self.received = 0;
        let end = loop {
            match self.take(slot, usize::MAX, until) {
                Ok(()) => {}
                Err(end) => break end,
            }
        };
        self.judge(expected, end)
    }

    /// Takes at most so many bytes of the reply, or says how it ended.
    pub fn take(&mut self, slot: usize, most: usize, until: Instant) -> Result<(), End> {
        loop {
            let end = self.received.saturating_add(most).min(self.scratch.len());
            let space = self.scratch.get_mut(self.received..end).unwrap_or_default();
            if space.is_empty() {
                return Err(End::Flood);
            }
            let Some(mut stream) = self.lab.stream(slot) else {
                return Err(End::Broken(ErrorKind::NotConnected));
            };
            let result = stream.receive(space).map_err(|error| error.kind());
            drop(stream);
            match result {
                Poll::Ready(Ok(0)) => return Err(End::Fin),
                Poll::Ready(Ok(n)) => {
                    self.received = self.received.saturating_add(n).min(end);
                    return Ok(());
                }
                Poll::Ready(Err(kind)) => return Err(End::Broken(kind)),
                Poll::Pending if self.lab.now() >= until => return Err(End::Silence),
                Poll::Pending => self.wait(until),
            }
        }
    }

    /// Whether what came is what was due, and ended as it must.
    pub fn judge(&self, expected: Expected, end: End) -> Result<(), Cause> {
        if end == End::Fin && expected.is(self.actual()) {
            Ok(())
        } else {
            Err(Cause::Reply { expected, end })
        }
    }

    /// What came.
    pub fn actual(&self) -> &[u8] {
        self.scratch.get(..self.received).unwrap_or_default()
    }

    /// One whole greeting of an honest client, and how long it took from the first SYN on. The
    /// server closes first, so no port is left waiting at this end.
    pub fn greet(&mut self, slot: usize, number: u16) -> Result<Duration, Cause> {
        let start = self.lab.now();
        let result = self
            .open(slot, Dial::Plain)
            .and_then(|()| self.ask(slot, number));
        self.lab.close(slot);
        let took = self.lab.now().since(start);
        result.map(|()| took)
    }

    /// A greeting over a connection that is there.
    pub fn ask(&mut self, slot: usize, number: u16) -> Result<(), Cause> {
        self.send_client(slot, number);
        self.expect(slot, Expected::Client(number))
    }

    /// Whether the server still greets. A connection that is refused is tried again for a while:
    /// a board may have restarted. Where this side can't ask, nothing speaks against it.
    pub fn is_alive(&mut self) -> Result<(), Cause> {
        let until = self.bound();
        // Of one client all segments may be lost.
        let mut once_more = self.lab.lacks(Ability::Timing).is_some();
        loop {
            match self.greet(0, u16::MAX) {
                Ok(_) | Err(Cause::Lacks(_)) => return Ok(()),
                Err(cause) if self.lab.now() >= until && !mem::take(&mut once_more) => {
                    return Err(cause);
                }
                Err(_) => self.pause(RETRY),
            }
        }
    }

    /// A greeting, and another up to this time, where the server has no place yet or segments are
    /// lost. Any other answer is final.
    pub fn greet_patiently(&mut self, number: u16, until: Instant) -> Result<(), Cause> {
        loop {
            match self.greet(0, number) {
                Ok(_) => return Ok(()),
                Err(cause) if self.lab.now() >= until || !self.may_pass(cause) => {
                    return Err(cause);
                }
                Err(_) => self.pause(RETRY),
            }
        }
    }

    /// Whether a client who waited, or whose name was lost, may see this.
    fn may_pass(&self, cause: Cause) -> bool {
        match cause {
            Cause::Refused(_) | Cause::Unreachable => true,
            Cause::Reply { end, .. } => {
                end == End::Silence || self.judge(Expected::Late, end).is_ok()
            }
            Cause::Lacks(_) | Cause::Lost { .. } | Cause::Slow { .. } => false,
        }
    }

    /// Closes whatever a check left open.
    pub fn close_all(&mut self) {
        for slot in 0..self.lab.slots() {
            self.lab.close(slot);
        }
    }
}
