//! A client's hands: connect, send, take a reply, all with a bound and over any stack.
//!
//! The checks are written with these. It is a client in its plainest form, with none of
//! [`request`](crate::request), so that a fault in one doesn't hide the same fault in the other.

use core::fmt;
use core::task::Poll;
use core::time::Duration;

use super::bytes::{Repeat, byte_of};
use super::ending::Endings;
use super::link::LinkCounters;
use super::need::{Mode, Need};
use super::noted::{Left, Nudge, Searched};
use super::silent::Silent;
use super::stack::{Dial, Tester};
use super::verdict::{Cause, End, Expected};
use super::{Event, Plan};
use crate::time::Instant;
use crate::transport::Sent;

/// How often a report hears of a wait.
const TELL: Duration = Duration::from_secs(1);

/// What was found out about the server, once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Whether a client that has sent FIN gets its reply.
    pub(super) half_close: Option<bool>,
    pub(super) answers: Answers,
    /// Whether fragments are put together.
    pub(super) reassembles: Option<bool>,
    /// How long the shortest handshake took: a round trip, and a little.
    pub(super) handshake: Option<Duration>,
    /// How long the quiet took that ends a name, where a deadline gave reason to ask.
    pub(super) quiet: Option<Duration>,
    /// Of greetings in a row so many were disturbed that the link loses segments.
    pub(super) is_lossy: bool,
    /// Checks that wait for the deadline, side by side.
    pub(super) waits: Waits,
    pub(super) left: Left,
    pub(super) searched: Searched,
}

/// Checks that wait for the deadline, by their numbers: one wait is enough for all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waits {
    /// Which are to run.
    pub(super) asked: [bool; WAITS],
    /// That they have waited together, and which of them passed.
    pub(super) done: bool,
    pub(super) passed: [bool; WAITS],
}

/// So many checks wait for the deadline.
pub(super) const WAITS: usize = 4;

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
    pub(super) endings: Endings,
    /// Room for what is sent and what came.
    pub(super) room: &'a mut [u8],
    /// How many bytes of `room` came.
    pub(super) received: usize,
    /// How many connections were begun.
    pub(super) connections: u64,
    /// What is waited for, to which end, and when the report heard of it.
    pub(super) waits_for: &'static str,
    pub(super) waits_until: Instant,
    pub(super) told: Instant,
    /// What is to be done if the greeting that goes on stands still.
    pub(super) nudge: Option<Nudge>,
    /// Who waits for the deadline beside the checks.
    pub(super) silent: Option<Silent>,
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
        self.wait_until(until, until);
    }

    /// The same, where something else is due before the wait is over, or isn't.
    pub(super) fn wait_until(&mut self, next: Instant, until: Instant) {
        let now = self.stack.now();
        if until != self.waits_until {
            (self.waits_until, self.told) = (until, now);
        } else if now.since(self.told) >= TELL {
            self.told = now;
            let (what, left) = (self.waits_for, until.since(now));
            (self.report)(Event::Waiting { what, left });
        }
        let nudge = self.nudge_when_due(now);
        self.stack.wait(next.min(until).min(now + TELL).min(nudge));
        self.hear_silent();
    }

    /// Tells the report what was seen of the link since this was called last, and of which greeting.
    pub(super) fn tell_link(&mut self, greeting: Option<Duration>) -> Option<LinkCounters> {
        let seen = self.stack.link()?;
        (self.report)(Event::Link { seen, greeting });
        Some(seen)
    }

    /// Whether segments are lost on the way, as the stack says of itself or as was seen.
    pub(super) fn loses(&self) -> bool {
        self.known.is_lossy || self.stack.unsupported(Need::Timing).is_some()
    }

    /// Lets time go by.
    pub(super) fn pause(&mut self, time: Duration) {
        self.waits_for = "time to go by";
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
        let start = self.stack.now();
        self.begin(mode, slot, dial)?;
        self.established(slot, until)?;
        let took = self.stack.now().since(start);
        let shortest = self.known.handshake.unwrap_or(took);
        self.known.handshake = Some(shortest.min(took));
        Ok(())
    }

    /// Sends SYN.
    pub(super) fn begin(&mut self, mode: Mode, slot: usize, dial: Dial) -> Result<(), Cause> {
        self.received = 0;
        self.connections += 1;
        self.endings.mode = mode;
        Ok(self.stack.connect(slot, mode, dial)?)
    }

    /// Waits until a connection is there.
    pub(super) fn established(&mut self, slot: usize, until: Instant) -> Result<(), Cause> {
        self.waits_for = "a connection";
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
        if !matches!(greeting, Expected::Line(_)) {
            self.end_name(slot);
        }
    }

    /// Sends FIN behind a name that is complete, where this server answers none without.
    pub(super) fn end_name(&mut self, slot: usize) {
        if self.endings.add_fin() {
            self.finish(slot);
        }
    }

    /// Sends so many bytes of the room, and says whether all of them left.
    pub(super) fn send_room(&mut self, slot: usize, len: usize, until: Instant) -> bool {
        self.waits_for = "room to send";
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

    /// Takes a refusal, which may come until this time: up to FIN, or where nothing ends, to its line
    /// feed.
    pub(super) fn expect_refusal(
        &mut self,
        slot: usize,
        expected: Expected,
        until: Instant,
    ) -> Result<(), Cause> {
        if self.stack.unsupported(Need::Connections).is_none() {
            return self.expect_until(slot, expected, until);
        }
        self.received = 0;
        let mut end = Ok(());
        while end.is_ok() && !self.actual().ends_with(b"\n") {
            end = self.take(slot, 1, until);
        }
        if end.is_ok() && expected.is(self.actual()) {
            return Ok(());
        }
        let end = end.err().unwrap_or(End::Open);
        Err(Cause::Reply { expected, end })
    }

    /// Takes the rest of a reply that has begun.
    pub(super) fn go_on_expecting(&mut self, slot: usize, expected: Expected) -> Result<(), Cause> {
        let until = self.bound();
        self.take_rest(slot, expected, until)
    }

    fn take_rest(&mut self, slot: usize, expected: Expected, until: Instant) -> Result<(), Cause> {
        if let Expected::Nothing = expected
            && let Some(end) = self.nothing_follows(slot)
        {
            return self.judge(expected, end);
        }
        let end = loop {
            match self.take_of(expected, slot, usize::MAX, until) {
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
        self.waits_for = "a reply";
        self.take_or_wait(slot, most, until)
    }

    /// Takes some of what comes for want of something else.
    pub(super) fn take_while_waiting_for(
        &mut self,
        what: &'static str,
        slot: usize,
        until: Instant,
    ) -> Result<(), End> {
        self.waits_for = what;
        self.take_or_wait(slot, usize::MAX, until)
    }

    fn take_or_wait(&mut self, slot: usize, most: usize, until: Instant) -> Result<(), End> {
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

    /// Closes whatever a check left open.
    pub(super) fn close_all(&mut self) {
        let waits = self.silent_slot();
        for slot in (0..self.stack.slots()).filter(|slot| Some(*slot) != waits) {
            self.stack.close(slot);
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
