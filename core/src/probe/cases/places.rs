//! How many clients are served at once: found once, so that other checks send as many as there is room
//! for.
//!
//! Clients come, in steps, and say nothing yet; beside them another one asks. Once it isn't served, or one
//! of them has to give way for it, there are as many places as there were clients before. All of them are
//! honest: they say their names at last.

use core::time::Duration;

use embedded_io::ErrorKind;

use super::super::Event;
use super::super::case::{About, Case, Level};
use super::super::fact::{Beyond, Fact};
use super::super::need::Mode;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Cause, Done, During, End, Expected, Failure, Verdict};
use super::REFUSALS;
use crate::time::Instant;

pub(super) static CASES: [Case; 1] = [About::new(
    "first/places",
    Level::Should,
    REFUSALS,
    "More than one client SHOULD be served at once.",
)
.needs(&[])
.run(count)];

/// No more clients than this are tried.
const MOST: usize = 64;

/// So many come at once where nobody knows how many there is room for, or where there is for more.
const UNKNOWN: u16 = 4;
const CROWD: u16 = 16;

/// So often it is searched again where few were found.
const TRIES: u8 = 3;

/// A segment that was lost is sent again within this time (RFC 6298, section 2).
const AGAIN: Duration = Duration::from_millis(1200);

/// What came of the search.
enum Found {
    /// So many places, and what one more meets.
    Exactly(u16, Beyond),
    /// So many, or more.
    AtLeast(u16),
    /// Nobody can hold a place in silence.
    Unknown,
}

fn count(session: &mut Session<'_>) -> Done {
    if session.stack.slots() < 2 {
        return Ok(Verdict::Skipped(
            "this stack can't hold so many connections",
        ));
    }
    let mut found = search(session)?;
    for _ in 1..TRIES {
        // Of somebody whose segments were lost nothing is known.
        if !matches!(found, Found::Exactly(1, _) | Found::Unknown) {
            break;
        }
        found = search(session)?;
    }
    let slots = u16::try_from(session.stack.slots()).unwrap_or(u16::MAX);
    let clients = match found {
        Found::Exactly(places, beyond) => {
            for fact in [Fact::Places(places), Fact::NoPlace(beyond)] {
                (session.report)(Event::Found { fact });
            }
            places
        }
        Found::AtLeast(places) => {
            let fact = Fact::PlacesOrMore(places);
            (session.report)(Event::Found { fact });
            places.min(CROWD)
        }
        Found::Unknown => UNKNOWN,
    };
    if session.plan.clients == 0 {
        session.plan.clients = clients.min(slots.saturating_sub(1)).max(1);
    }
    session.received = 0;
    match found {
        Found::Exactly(1, beyond) => Err(Failure {
            during: "a greeting beside a silent client",
            cause: match beyond {
                Beyond::GivesWay => Cause::Reply {
                    expected: greeting(session.home(), 0),
                    end: End::Fin,
                },
                Beyond::Refused => Cause::Refused(ErrorKind::ConnectionRefused),
                Beyond::Silence => Cause::Unreachable,
                Beyond::Waits => Cause::Reply {
                    expected: greeting(session.home(), 0),
                    end: End::Silence,
                },
            },
        }),
        Found::Unknown => Ok(Verdict::Inconclusive(
            "who says nothing at first holds no place: its connection ends",
        )),
        Found::Exactly(..) | Found::AtLeast(_) => Ok(Verdict::Passed),
    }
}

impl Session<'_> {
    /// Finds out how many clients can come at once, unless that is known or was given.
    pub(in super::super) fn seek_places(&mut self) {
        if self.plan.clients == 0 {
            let _ = count(self);
        }
        if self.plan.clients == 0 {
            self.plan.clients = UNKNOWN;
        }
    }
}

/// A search that goes on.
struct Search {
    mode: Mode,
    /// The slot of the client who asks beside the others.
    honest: usize,
    /// Who holds a place, or waits for one: the slots below `held`, but for those that are over.
    held: usize,
    over: [bool; MOST],
    /// So many were there at once, and nobody had to give way.
    fits: usize,
    /// How many had to give way.
    gave_way: usize,
    /// So long a greeting alone took.
    alone: Duration,
    /// It is to end by then, far from the deadline of those who hold a place.
    end: Instant,
}

fn search(session: &mut Session<'_>) -> Result<Found, Failure> {
    let mode = session.home();
    let most = session.stack.slots().min(MOST).saturating_sub(1);
    let alone = session
        .greet_in(mode, 0, 0)
        .during("a greeting before the search for places")?;
    let half = session.plan.deadline.max(session.plan.timeout) / 2;
    let mut search = Search {
        mode,
        honest: most,
        held: 0,
        over: [false; MOST],
        fits: 1,
        gave_way: 0,
        alone,
        end: session.stack.now() + half,
    };
    let found = search.run(session, most);
    for slot in 0..search.held {
        if !search.is_over(slot) && search.complete(session, slot).is_err() {
            break;
        }
    }
    session.close_all();
    Ok(found)
}

fn at_least(held: usize) -> u16 {
    u16::try_from(held).unwrap_or(u16::MAX).max(1)
}

fn greeting(mode: Mode, number: u16) -> Expected {
    match mode {
        Mode::Name => Expected::Client(number),
        Mode::Lines => Expected::Line(number),
    }
}

impl Search {
    fn run(&mut self, session: &mut Session<'_>, most: usize) -> Found {
        let (mut reach, mut turned_away) = (1, 0);
        loop {
            let Ok(turned) = self.hold(session, reach.min(most)) else {
                return Found::AtLeast(at_least(self.held));
            };
            let pause = self.calm().min(Duration::from_millis(100));
            session.pause(pause);
            let turned = self.look(session) || turned;
            if self.held == 0 {
                return Found::Unknown;
            }
            let mut asked = self.ask(session);
            self.look(session);
            if asked.is_err() && self.gave_way > 0 {
                // Who gives way has its place until it has closed as well, and it was closed just now.
                asked = self.ask_on(session);
            }
            match asked {
                Err(Cause::Lacks(_)) => return Found::AtLeast(at_least(self.held)),
                Err(cause) => return self.narrow(session, cause),
                Ok(()) if self.gave_way > 0 => {
                    return Found::Exactly(at_least(self.places()), Beyond::GivesWay);
                }
                // One was turned away, and the next wasn't: a place that was given back too late.
                Ok(()) if turned => {
                    turned_away += 1;
                    session.pause(Duration::from_millis(50));
                }
                Ok(()) => {
                    self.fits = self.held + 1;
                    reach += reach.div_ceil(2);
                }
            }
            let enough = self.held == most || turned_away == 3;
            if enough || session.stack.now() >= self.end {
                return Found::AtLeast(at_least(self.held + 1));
            }
        }
    }

    fn is_over(&self, slot: usize) -> bool {
        self.over.get(slot).copied().unwrap_or(true)
    }

    /// For each who waited one gave way, unless the server was quicker to end those who say nothing.
    fn places(&self) -> usize {
        let served = (self.held + 1).saturating_sub(self.gave_way);
        served.max(self.fits)
    }

    /// So long a reply takes at most, unless a segment is lost.
    fn calm(&self) -> Duration {
        (self.alone * 4).max(Duration::from_millis(20))
    }

    /// Lets more clients come, up to so many, and says whether one was turned away. An error: this machine
    /// lacks something.
    fn hold(&mut self, session: &mut Session<'_>, reach: usize) -> Result<bool, Cause> {
        let coming = self.held..reach;
        let mut lacks = None;
        for slot in coming.clone() {
            if let Err(cause @ Cause::Lacks(_)) = session.begin(self.mode, slot, Dial::Plain) {
                lacks = Some(cause);
                break;
            }
        }
        let until = session.stack.now() + self.calm() + Duration::from_millis(300);
        let mut turned = false;
        for slot in coming {
            if turned || session.established(slot, until).is_err() {
                // So that the others are in the slots from 0 on.
                turned = true;
                session.stack.close(slot);
            } else {
                self.held = slot + 1;
            }
        }
        lacks.map_or(Ok(turned), Err)
    }

    /// Looks who is over: who was told so has given way, and who wasn't was turned away, with all behind
    /// it. Says whether somebody was turned away.
    fn look(&mut self, session: &mut Session<'_>) -> bool {
        let now = session.stack.now();
        for slot in 0..self.held {
            if self.is_over(slot) {
                continue;
            }
            session.received = 0;
            let end = loop {
                match session.take(slot, usize::MAX, now) {
                    Ok(()) => {}
                    Err(end) => break end,
                }
            };
            if session.received > 0 {
                if let Some(over) = self.over.get_mut(slot) {
                    *over = true;
                }
                self.gave_way += 1;
                session.stack.close(slot);
            } else if end != End::Silence {
                for slot in slot..self.held {
                    session.stack.close(slot);
                }
                self.held = slot;
                return true;
            }
        }
        false
    }

    /// One more client asks. Who is turned away comes again.
    fn ask(&self, session: &mut Session<'_>) -> Result<(), Cause> {
        let start = session.stack.now();
        let until = start + self.alone * 8 + AGAIN;
        let again = start + AGAIN / 3;
        loop {
            session.stack.close(self.honest);
            let asked = session
                .open_until(self.mode, self.honest, Dial::Plain, until)
                .and_then(|()| {
                    session.send_name_of(self.honest, greeting(self.mode, 0));
                    self.is_answered(session, until)
                });
            match asked {
                Ok(()) => {
                    session.stack.close(self.honest);
                    return Ok(());
                }
                Err(cause) if session.is_turned_away(cause) && session.stack.now() < again => {
                    session.pause(Duration::from_millis(50));
                }
                Err(cause) => return Err(cause),
            }
        }
    }

    /// The client who asks waits on, or comes again.
    fn ask_on(&self, session: &mut Session<'_>) -> Result<(), Cause> {
        let until = session.stack.now() + self.alone * 8 + AGAIN;
        match self.is_answered(session, until) {
            Ok(()) => Ok(()),
            Err(_) => self.ask(session),
        }
    }

    /// Whether the client who asks has a reply. Where there is one, it is taken to its end, so that no RST
    /// answers the rest.
    fn is_answered(&self, session: &mut Session<'_>, until: Instant) -> Result<(), Cause> {
        session.received = 0;
        let expected = greeting(self.mode, 0);
        loop {
            match session.take_of(expected, self.honest, usize::MAX, until) {
                Ok(()) if self.mode == Mode::Lines => return Ok(()),
                Ok(()) => {}
                Err(_) if session.received > 0 => return Ok(()),
                Err(end) => return Err(Cause::Reply { expected, end }),
            }
        }
    }

    /// A client who holds a place says its name, and gives its place back.
    fn complete(&self, session: &mut Session<'_>, slot: usize) -> Result<(), Cause> {
        let until = session.stack.now() + self.alone * 8 + AGAIN;
        let expected = greeting(self.mode, u16::try_from(slot).unwrap_or_default());
        session.send_name_of(slot, expected);
        match self.mode {
            Mode::Name => session.expect_until(slot, expected, until)?,
            Mode::Lines => session.expect_one(slot, expected)?,
        }
        session.stack.close(slot);
        Ok(())
    }

    /// Places are given back until the client who asks is served: who waited before it is served first.
    fn narrow(&mut self, session: &mut Session<'_>, why: Cause) -> Found {
        let beyond = match why {
            Cause::Reply {
                end: End::Silence, ..
            } => Beyond::Waits,
            Cause::Unreachable => Beyond::Silence,
            _ => Beyond::Refused,
        };
        for slot in 0..self.held {
            if self.is_over(slot) {
                continue;
            }
            if let Some(over) = self.over.get_mut(slot) {
                *over = true;
            }
            if self.complete(session, slot).is_err() {
                // It held none.
                break;
            }
            let until = session.stack.now() + self.calm();
            let served = match beyond {
                Beyond::Waits => self.is_answered(session, until),
                _ => self.ask(session),
            };
            if served.is_ok() {
                return Found::Exactly(at_least(self.held - slot), beyond);
            }
        }
        // Nobody was served beside others.
        match self.held {
            0 | 1 => Found::Exactly(1, beyond),
            _ => Found::Unknown,
        }
    }
}
