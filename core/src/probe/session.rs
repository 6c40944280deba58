//! A client's hands: connect, send, take a reply, all with a bound and over any stack.
//!
//! The checks are written with these. It is a client in its plainest form, with none of
//! [`request`](crate::request), so that a fault in one doesn't hide the same fault in the other.

use core::fmt;
use core::mem;
use core::task::Poll;
use core::time::Duration;

use embedded_io::ErrorKind;

use super::bytes::{Repeat, byte_of};
use super::need::{Mode, Need};
use super::stack::{Dial, StackError, Tester};
use super::verdict::{Cause, End, Expected};
use super::{Event, Plan};
use crate::time::Instant;
use crate::transport::Sent;

/// How long after a refused connection the next is tried, while a server comes back.
const RETRY: Duration = Duration::from_millis(50);

/// How often a report hears of a wait.
const TELL: Duration = Duration::from_secs(1);

/// What was found out about the server, once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Whether a client that has sent FIN gets its reply.
    pub(super) half_close: Option<bool>,
    pub(super) answers: Answers,
}

/// Whether messages over UDP are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Answers {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// There was one.
    Some,
    /// None, though several messages were sent.
    None,
    /// The port is closed.
    Closed,
}

/// One probe at work.
pub struct Session<'a> {
    pub(super) stack: &'a mut dyn Tester,
    pub(super) plan: Plan,
    pub(super) known: Known,
    /// Room for what is sent and what came.
    pub(super) room: &'a mut [u8],
    /// How many bytes of `room` came.
    pub(super) received: usize,
    /// The end of the wait that goes on, and when the report heard of it.
    pub(super) waits_until: Instant,
    pub(super) told: Instant,
    pub(super) report: &'a mut dyn FnMut(Event<'_>),
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("plan", &self.plan)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl Session<'_> {
    /// Until when the server has time for what begins now.
    pub(super) fn bound(&mut self) -> Instant {
        self.stack.now() + self.plan.timeout
    }

    /// Until when a server may be busy with others or with itself: its deadline gives places back,
    /// and then it has time.
    pub(super) fn patience(&mut self) -> Instant {
        self.bound() + self.plan.deadline
    }

    /// Where a server is asked that has both modes.
    pub(super) fn home(&self) -> Mode {
        match self.stack.unsupported(Need::Name) {
            None => Mode::Name,
            Some(_) => Mode::Lines,
        }
    }

    /// Lets the network go on until something may have happened, or until this time at the latest.
    /// The report hears of a wait that takes long.
    pub(super) fn wait(&mut self, until: Instant) {
        let now = self.stack.now();
        if until != self.waits_until {
            (self.waits_until, self.told) = (until, now);
        } else if now.since(self.told) >= TELL {
            self.told = now;
            let left = until.since(now);
            (self.report)(Event::Waiting { left });
        }
        self.stack.wait(until.min(now + TELL));
    }

    /// Lets time go by.
    pub(super) fn pause(&mut self, time: Duration) {
        let until = self.stack.now() + time;
        while self.stack.now() < until {
            self.wait(until);
        }
    }

    /// Connects for one greeting.
    pub(super) fn open(&mut self, slot: usize, dial: Dial) -> Result<(), Cause> {
        self.open_in(Mode::Name, slot, dial)
    }

    /// Connects. The stack repeats a SYN that isn't answered, as TCP does: after 1 s, 3 s and 7 s.
    pub(super) fn open_in(&mut self, mode: Mode, slot: usize, dial: Dial) -> Result<(), Cause> {
        let until = self.patience();
        self.open_until(mode, slot, dial, until)
    }

    /// Connects until this time.
    pub(super) fn open_until(
        &mut self,
        mode: Mode,
        slot: usize,
        dial: Dial,
        until: Instant,
    ) -> Result<(), Cause> {
        self.received = 0;
        self.stack.connect(slot, mode, dial)?;
        loop {
            match self.stack.send(slot, &[]) {
                Poll::Ready(Ok(_)) => return Ok(()),
                Poll::Ready(Err(kind)) => {
                    let no_route = self.stack.no_route(slot);
                    return Err(no_route.map_or(Cause::Refused(kind), Cause::NoRoute));
                }
                Poll::Pending if self.stack.now() >= until => return Err(Cause::Unreachable),
                Poll::Pending => self.wait(until),
            }
        }
    }

    /// Sends bytes from one offset of some pieces to another, in one segment if they fit. What can't
    /// be sent is no fault yet: the reply says what the server made of it.
    pub(super) fn send(&mut self, slot: usize, pieces: &[Repeat], from: usize, to: usize) {
        let until = self.bound();
        let mut at = from;
        while at < to {
            let len = self.fill(|offset| {
                let offset = at + offset;
                byte_of(pieces, offset).filter(|_| offset < to)
            });
            if len == 0 || !self.send_room(slot, len, until) {
                return;
            }
            at += len;
        }
    }

    /// Sends the name of a numbered client.
    pub(super) fn send_client(&mut self, slot: usize, number: u16) {
        self.send_name_of(slot, Expected::Client(number));
    }

    /// Sends the name that deserves this greeting, in one segment.
    pub(super) fn send_name_of(&mut self, slot: usize, greeting: Expected) {
        self.send_rest_of(slot, greeting, 0);
    }

    /// Sends what stands in that name from this byte on.
    pub(super) fn send_rest_of(&mut self, slot: usize, greeting: Expected, from: usize) {
        let until = self.bound();
        let len = self.fill(|offset| greeting.name_byte(from + offset));
        self.send_room(slot, len, until);
    }

    fn send_room(&mut self, slot: usize, len: usize, until: Instant) -> bool {
        let mut sent = 0;
        while sent < len {
            let bytes = self.room.get(sent..len).unwrap_or_default();
            match self.stack.send(slot, bytes) {
                Poll::Ready(Ok(n)) if n > 0 => sent += n,
                Poll::Ready(_) => return false,
                Poll::Pending if self.stack.now() >= until => return false,
                Poll::Pending => self.wait(until),
            }
        }
        true
    }

    /// Half-closes. A failure shows in the reply.
    pub(super) fn finish(&mut self, slot: usize) {
        self.send_last(slot, &[]);
    }

    /// Sends these few bytes and FIN, in one segment where the stack can.
    pub(super) fn send_last(&mut self, slot: usize, mut bytes: &[u8]) {
        let until = self.bound();
        loop {
            match self.stack.send_last(slot, bytes) {
                Poll::Ready(Ok(Sent {
                    bytes: n,
                    fin: false,
                })) => {
                    bytes = bytes.get(n..).unwrap_or_default();
                }
                Poll::Ready(_) => return,
                Poll::Pending => {}
            }
            if self.stack.now() >= until {
                return;
            }
            self.wait(until);
        }
    }

    /// Ends the connection with RST.
    pub(super) fn reset(&mut self, slot: usize) {
        self.stack.abort(slot);
        self.stack.close(slot);
    }

    /// Takes the reply up to FIN, and compares it.
    pub(super) fn expect(&mut self, slot: usize, expected: Expected) -> Result<(), Cause> {
        let until = self.bound();
        self.expect_until(slot, expected, until)
    }

    /// Takes the reply, which may come until this time.
    pub(super) fn expect_until(
        &mut self,
        slot: usize,
        expected: Expected,
        until: Instant,
    ) -> Result<(), Cause> {
        self.received = 0;
        self.take_rest(slot, expected, until)
    }

    /// Takes the rest of a reply that has begun.
    pub(super) fn go_on_expecting(&mut self, slot: usize, expected: Expected) -> Result<(), Cause> {
        let until = self.bound();
        self.take_rest(slot, expected, until)
    }

    fn take_rest(&mut self, slot: usize, expected: Expected, until: Instant) -> Result<(), Cause> {
        let end = loop {
            match self.take(slot, usize::MAX, until) {
                Ok(()) => {}
                Err(end) => break end,
            }
        };
        self.judge(expected, end)
    }

    /// Takes one reply of many over one connection, to its last byte, and compares it. What follows
    /// is left.
    pub(super) fn expect_one(&mut self, slot: usize, expected: Expected) -> Result<(), Cause> {
        let until = self.bound();
        self.received = 0;
        let len = expected.bytes().count();
        while self.received < len {
            self.take(slot, len - self.received, until)
                .map_err(|end| Cause::Reply { expected, end })?;
        }
        if expected.is(self.actual()) {
            return Ok(());
        }
        // What else has come tells more.
        let now = self.stack.now();
        let end = self.take(slot, usize::MAX, now).err();
        let end = end.filter(|end| *end != End::Silence).unwrap_or(End::Open);
        Err(Cause::Reply { expected, end })
    }

    /// Takes at most so many bytes of the reply, or says how it ended.
    pub(super) fn take(&mut self, slot: usize, most: usize, until: Instant) -> Result<(), End> {
        loop {
            let end = self.received.saturating_add(most).min(self.room.len());
            let space = self.room.get_mut(self.received..end).unwrap_or_default();
            if space.is_empty() {
                return Err(End::Flood);
            }
            match self.stack.receive(slot, space) {
                Poll::Ready(Ok(0)) => return Err(End::Fin),
                Poll::Ready(Ok(n)) => {
                    self.received = self.received.saturating_add(n).min(end);
                    return Ok(());
                }
                Poll::Ready(Err(kind)) => return Err(End::Broken(kind)),
                Poll::Pending if self.stack.now() >= until => return Err(End::Silence),
                Poll::Pending => self.wait(until),
            }
        }
    }

    /// Whether what came is what was due, and ended as it must.
    pub(super) fn judge(&self, expected: Expected, end: End) -> Result<(), Cause> {
        if end == End::Fin && expected.is(self.actual()) {
            Ok(())
        } else {
            Err(Cause::Reply { expected, end })
        }
    }

    /// What came.
    pub(super) fn actual(&self) -> &[u8] {
        self.room.get(..self.received).unwrap_or_default()
    }

    /// One whole greeting of an honest client, and how long it took from the first SYN on. The
    /// server closes first, so no port is left waiting at this end.
    pub(super) fn greet(&mut self, slot: usize, number: u16) -> Result<Duration, Cause> {
        self.greet_in(Mode::Name, slot, number)
    }

    /// The same in another mode: one line, and FIN where that doesn't cost the reply.
    pub(super) fn greet_in(
        &mut self,
        mode: Mode,
        slot: usize,
        number: u16,
    ) -> Result<Duration, Cause> {
        let until = self.patience();
        self.greet_until(mode, slot, number, until)
    }

    /// The same, connected until this time.
    pub(super) fn greet_until(
        &mut self,
        mode: Mode,
        slot: usize,
        number: u16,
        until: Instant,
    ) -> Result<Duration, Cause> {
        let start = self.stack.now();
        let result = self
            .open_until(mode, slot, Dial::Plain, until)
            .and_then(|()| match mode {
                Mode::Name => self.ask(slot, number),
                Mode::Lines => {
                    let line = Expected::Line(number);
                    self.send_name_of(slot, line);
                    if self.known.half_close == Some(false) {
                        self.expect_one(slot, line)
                    } else {
                        self.finish(slot);
                        self.expect(slot, line)
                    }
                }
            });
        self.stack.close(slot);
        let took = self.stack.now().since(start);
        result.map(|()| took)
    }

    /// The first greeting of all in this mode. Where nobody is, nobody wants to wait for long.
    pub(super) fn greet_first(&mut self, mode: Mode) -> Result<(), Cause> {
        let until = self.bound();
        let greeted = self.greet_until(mode, 0, u16::MAX, until);
        if let (Err(Cause::Reply { .. }), Mode::Lines, None) =
            (greeted, mode, self.known.half_close)
        {
            // FIN may have cost the reply.
            let until = self.bound();
            self.known.half_close = Some(false);
            let without = self.greet_until(mode, 0, u16::MAX, until);
            if without.is_err() {
                self.known.half_close = None;
            }
            return without.map(drop);
        }
        greeted.map(drop)
    }

    /// A greeting, and another up to this time, where who comes is turned away for want of a place.
    /// How long the one took that was none in vain.
    pub(super) fn greet_when_free(
        &mut self,
        slot: usize,
        number: u16,
        until: Instant,
    ) -> Result<Duration, Cause> {
        loop {
            match self.greet_until(Mode::Name, slot, number, until) {
                Err(cause) if self.is_turned_away(cause) && self.stack.now() < until => {
                    self.pause(RETRY);
                }
                done => return done,
            }
        }
    }

    /// Whether a client was told that there is no place: by RST, instead of a handshake or behind it,
    /// or by silence.
    pub(super) fn is_turned_away(&self, cause: Cause) -> bool {
        match cause {
            Cause::Refused(_) | Cause::Unreachable => true,
            Cause::Reply { end, .. } => {
                self.received == 0 && end == End::Broken(ErrorKind::ConnectionReset)
            }
            _ => false,
        }
    }

    /// A greeting over a connection that is there.
    pub(super) fn ask(&mut self, slot: usize, number: u16) -> Result<(), Cause> {
        self.send_client(slot, number);
        self.expect(slot, Expected::Client(number))
    }

    /// Whether the server still greets in this mode. It is asked again as long as there is
    /// [patience](Self::patience): a board may be busy, or have restarted. Where this side can't ask,
    /// nothing speaks against it.
    pub(super) fn is_alive(&mut self, mode: Mode) -> Result<(), Cause> {
        let mut until = self.patience();
        // Of one client all segments may be lost.
        let mut once_more = self.stack.unsupported(Need::Timing).is_some();
        loop {
            match self.greet_until(mode, 0, u16::MAX, until) {
                Ok(_) | Err(Cause::Lacks(_)) => return Ok(()),
                Err(_) if self.stack.now() < until => self.pause(RETRY),
                Err(_) if mem::take(&mut once_more) => until = self.patience(),
                Err(cause) => return Err(cause),
            }
        }
    }

    /// A greeting, and another up to this time, where the server has no place yet or segments are
    /// lost. Any other answer is final.
    pub(super) fn greet_with_retry(&mut self, number: u16, until: Instant) -> Result<(), Cause> {
        loop {
            match self.greet(0, number) {
                Ok(_) => return Ok(()),
                Err(cause) if self.stack.now() >= until || !self.may_pass(cause) => {
                    return Err(cause);
                }
                Err(_) => self.pause(RETRY),
            }
        }
    }

    /// Whether a client who waited, or whose name was lost, may see this.
    pub(super) fn may_pass(&self, cause: Cause) -> bool {
        match cause {
            Cause::Refused(_) | Cause::NoRoute(_) | Cause::Unreachable => true,
            Cause::Reply { end, .. } => {
                end == End::Silence || self.judge(Expected::Late, end).is_ok()
            }
            Cause::Lacks(_) | Cause::Lost { .. } | Cause::Slow { .. } | Cause::Early { .. } => {
                false
            }
        }
    }

    /// Closes whatever a check left open.
    pub(super) fn close_all(&mut self) {
        for slot in 0..self.stack.slots() {
            self.stack.close(slot);
        }
    }

    /// Throws away answers over UDP that came late.
    pub(super) fn drain_datagrams(&mut self) {
        // An error speaks of a datagram from before as well.
        for _ in 0..64 {
            if self.stack.receive_datagram(self.room).is_pending() {
                return;
            }
        }
    }

    /// Sends one datagram, made of its bytes by their offsets.
    pub(super) fn send_datagram(
        &mut self,
        byte: impl Fn(usize) -> Option<u8>,
        until: Instant,
    ) -> Result<(), StackError> {
        let len = self.fill(byte);
        let mut again = true;
        loop {
            let datagram = self.room.get(..len).unwrap_or_default();
            match self.stack.send_datagram(datagram) {
                // Many systems report here that an earlier datagram found nobody.
                Poll::Ready(Err(StackError::Refused(ErrorKind::ConnectionRefused))) if again => {
                    again = false;
                }
                Poll::Ready(result) => return result,
                Poll::Pending if self.stack.now() >= until => {
                    return Err(ErrorKind::TimedOut.into());
                }
                Poll::Pending => self.wait(until),
            }
        }
    }

    /// Takes one datagram.
    pub(super) fn take_datagram(&mut self, until: Instant) -> End {
        self.received = 0;
        loop {
            match self.stack.receive_datagram(self.room) {
                Poll::Ready(Ok(len)) => {
                    self.received = len.min(self.room.len());
                    return End::Fin;
                }
                Poll::Ready(Err(kind)) => return End::Broken(kind),
                Poll::Pending if self.stack.now() >= until => return End::Silence,
                Poll::Pending => self.wait(until),
            }
        }
    }

    /// Puts bytes into the room, as many as there are and fit, and says how many.
    pub(super) fn fill(&mut self, byte: impl Fn(usize) -> Option<u8>) -> usize {
        let mut len = 0;
        for (place, at) in self.room.iter_mut().zip(0..) {
            let Some(byte) = byte(at) else {
                break;
            };
            *place = byte;
            len += 1;
        }
        len
    }
}
