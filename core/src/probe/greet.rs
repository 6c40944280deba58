//! Whole greetings: of an honest client, of one who comes back until there is a place, and whether the
//! server lives on.

use core::mem;
use core::time::Duration;

use embedded_io::ErrorKind;

use super::Event;
use super::ending::Ending;
use super::fact::Fact;
use super::need::{Mode, Need};
use super::session::Session;
use super::stack::Dial;
use super::verdict::{Cause, End, Expected, deadline_in};
use crate::time::Instant;

/// How long after a refused connection the next is tried, while a server comes back.
const RETRY: Duration = Duration::from_millis(50);

impl Session<'_> {
    /// One whole greeting of an honest client, and how long it took from the first SYN on. The
    /// server closes first, so no port is left waiting at this end.
    pub(super) fn greet(&mut self, slot: usize, number: u16) -> Result<Duration, Cause> {
        self.greet_in(Mode::Name, slot, number)
    }

    /// The same with a segment more: FIN behind the name.
    pub(super) fn greet_and_finish(&mut self, slot: usize, number: u16) -> Result<Duration, Cause> {
        let start = self.stack.now();
        let result = self.open(slot, Dial::Plain).and_then(|()| {
            self.send_client(slot, number);
            self.finish(slot);
            self.expect(slot, Expected::Client(number))
        });
        self.stack.close(slot);
        result.map(|()| self.stack.now().since(start))
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

    /// One whole greeting of any text.
    pub(super) fn greet_text(
        &mut self,
        slot: usize,
        text: Expected,
        fin: bool,
    ) -> Result<(), Cause> {
        let greeted = self.open(slot, Dial::Plain).and_then(|()| {
            self.send_name_of(slot, text);
            if fin {
                self.finish(slot);
            }
            self.expect(slot, text)
        });
        self.stack.close(slot);
        greeted
    }

    /// The same, and again up to this time, where it is turned away for want of a place.
    pub(super) fn greet_text_when_free(
        &mut self,
        slot: usize,
        text: Expected,
        fin: bool,
        until: Instant,
    ) -> Result<(), Cause> {
        loop {
            match self.greet_text(slot, text, fin) {
                Err(cause) if self.is_turned_away(cause) && self.stack.now() < until => {
                    self.pause(RETRY);
                }
                done => return done,
            }
        }
    }

    /// The first greeting of all in this mode. It finds out how the server ends what is right.
    pub(super) fn greet_first(&mut self, mode: Mode) -> Result<(), Cause> {
        let mut greeted = self.greet_in(mode, 0, u16::MAX);
        let wrong = |session: &Self, greeted: Result<_, Cause>| {
            greeted.err().and_then(|cause| session.wrong_ending(cause))
        };
        if mode == Mode::Name && self.is_unanswered(greeted) {
            greeted = self.greet_first_with_fin();
        }
        if wrong(self, greeted) == Some(Ending::Reset) {
            // Once is no habit. A FIN that was lost would have come again.
            greeted = self.greet_in(mode, 0, u16::MAX);
        }
        if let Some(ending) = wrong(self, greeted) {
            self.note_ending(ending);
            return Ok(());
        }
        if let (Err(Cause::Reply { .. }), Mode::Lines, None) =
            (greeted, mode, self.known.half_close)
        {
            // FIN may have cost the reply.
            self.known.half_close = Some(false);
            let without = self.greet_in(mode, 0, u16::MAX);
            if without.is_err() {
                self.known.half_close = None;
            }
            return without.map(drop);
        }
        greeted.map(drop)
    }

    /// Whether nothing came to a name, and no end.
    fn is_unanswered(&self, greeted: Result<Duration, Cause>) -> bool {
        let is_silence = matches!(
            greeted,
            Err(Cause::Reply {
                end: End::Silence,
                ..
            })
        );
        is_silence && self.received == 0
    }

    /// Finds out whether FIN alone ends a name, where one without wasn't answered. If so, all are sent with it
    /// from now on.
    fn greet_first_with_fin(&mut self) -> Result<Duration, Cause> {
        let greet = |session: &mut Self, fin| {
            session.endings.needs_fin = fin;
            session.greet_in(Mode::Name, 0, u16::MAX)
        };
        let with = greet(self, true);
        let is_right = match with {
            Ok(_) => true,
            Err(cause) => self.wrong_ending(cause).is_some(),
        };
        if !is_right {
            self.endings.needs_fin = false;
            return with;
        }
        // Once is no habit: a board may have been busy.
        let without = greet(self, false);
        if !self.is_unanswered(without) {
            return without;
        }
        let fact = Fact::NeedsFin;
        (self.report)(Event::Found { fact });
        greet(self, true)
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

    /// Connects, and again, where who comes is turned away for want of a place: one that was used a moment
    /// ago may not be free yet.
    pub(super) fn open_when_free(&mut self, slot: usize) -> Result<(), Cause> {
        let until = self.patience();
        loop {
            match self.open_until(Mode::Name, slot, Dial::Plain, until) {
                Err(cause) if self.is_turned_away(cause) && self.stack.now() < until => {
                    self.stack.close(slot);
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

    /// Whether a client was told that it had to give way, as it had said nothing for 250 ms while somebody
    /// waited: one who was there a moment ago may still hold a place. It did nothing wrong, and may come
    /// back.
    pub(super) fn gave_way(&self, cause: Cause) -> bool {
        const AFTER: Duration = Duration::from_millis(250);
        let told = deadline_in(self.actual()) == Some(AFTER);
        let is_whole = |end| matches!(end, End::Fin | End::Open);
        told && matches!(cause, Cause::Reply { end, .. } if is_whole(end))
    }

    /// Whether a reply that is none may be missing as segments were lost, or as its client gave way. A
    /// reply with other bytes may not; one that is cut may, as a name settles whose second segment is lost.
    pub(super) fn may_be_lost(&self, cause: Cause) -> bool {
        match cause {
            Cause::Reply { expected, end } => match end {
                End::Silence | End::Broken(_) => true,
                End::Fin if self.known.is_lossy && self.is_cut(expected) => true,
                End::Fin | End::Flood | End::Open => Expected::Late.is(self.actual()),
            },
            cause => self.may_pass(cause),
        }
    }

    /// Whether the reply is the greeting of the first part of a name that fits into no small segment.
    fn is_cut(&self, expected: Expected) -> bool {
        /// What Linux sends at once through the smallest window of a board.
        const SMALL: usize = 128;
        let actual = self.actual();
        let begins = expected
            .bytes()
            .take(actual.len())
            .eq(actual.iter().copied());
        begins && actual.len() > SMALL && !expected.is(actual)
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
                Ok(took) => {
                    let connections = self.connections;
                    (self.report)(Event::Alive { took, connections });
                    return Ok(());
                }
                Err(Cause::Lacks(_)) => return Ok(()),
                Err(_) if self.stack.now() < until => self.pause(RETRY),
                Err(_) if mem::take(&mut once_more) => until = self.patience(),
                Err(cause) => return Err(cause),
            }
        }
    }

    /// A greeting, and another up to this time, where the server has no place yet or segments are
    /// lost. Any other answer is final. Whoever isn't connected once there must be a place comes anew then: by
    /// itself it would repeat its SYN ever more rarely.
    pub(super) fn greet_with_retry(
        &mut self,
        number: u16,
        free: Instant,
        until: Instant,
    ) -> Result<(), Cause> {
        loop {
            let is_free = self.stack.now() >= free;
            let connected = if is_free { until } else { free };
            match self.greet_until(Mode::Name, 0, number, connected) {
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
            Cause::Lacks(_)
            | Cause::Lost { .. }
            | Cause::Slow { .. }
            | Cause::Early { .. }
            | Cause::Overdue { .. } => false,
        }
    }
}
