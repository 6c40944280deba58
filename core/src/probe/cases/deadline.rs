//! Checks that wait for the server's deadline: without a name, with half a line, without another line, and
//! with lines that are in time.
//!
//! They wait side by side: whichever runs first opens the connections of all that are to run. What
//! passed so is passed; what didn't runs again by itself, with nobody beside it, and counts then.

use core::task::Poll;
use core::time::Duration;

use embedded_io::ErrorKind;

use super::super::Event;
use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level};
use super::super::ending::Ending;
use super::super::fact::Fact;
use super::super::need::{Mode, Need};
use super::super::session::{Session, WAITS};
use super::super::stack::Dial;
use super::super::verdict::{Cause, Done, During, End, Expected, Verdict, deadline_in};
use super::connection::{ask, leave, open};
use super::{LINES, REFUSALS};
use crate::limits::Limits;
use crate::time::Instant;

pub(super) static CASES: [Case; 1] = [About::new(
    WAITING[LATE],
    Level::Must,
    REFUSALS,
    "A client without a name by the deadline MUST be told so, neither before nor long after.",
)
.needs(&[Need::Name, Need::Deadline])
.run(|session| beside_others(session, LATE, late))];

pub(super) static LINES_CASES: [Case; 3] = [
    About::new(
        WAITING[STEADY],
        Level::Must,
        LINES,
        "The deadline MUST count from the last reply: a client that is in time each time may stay.",
    )
    .needs(&[Need::Lines, Need::Deadline])
    .run(|session| beside_others(session, STEADY, steady)),
    About::new(
        WAITING[HALF_LATE],
        Level::Must,
        LINES,
        "Half a line at the deadline MUST be refused as late.",
    )
    .needs(&[Need::Lines, Need::Deadline])
    .run(|session| beside_others(session, HALF_LATE, half_late)),
    About::new(
        WAITING[IDLE],
        Level::Must,
        LINES,
        "A connection without another line by the deadline MUST end without a word.",
    )
    .needs(&[Need::Lines, Need::Deadline, Need::Connections])
    .run(|session| beside_others(session, IDLE, idle)),
];

/// Those that wait side by side, by their numbers.
pub(in super::super) const WAITING: [&str; WAITS] = [
    "crowd/late",
    "lines/steady",
    "lines/half-late",
    "lines/idle",
];
pub(in super::super) const LATE: usize = 0;
const STEADY: usize = 1;
const HALF_LATE: usize = 2;
const IDLE: usize = 3;

const HALF: &[Repeat] = &[Repeat(b"A", 1)];

/// How many lines come in time.
const IN_TIME: u16 = 4;

/// So many clients a server in lines mode must serve at once for it.
const AT_ONCE: u16 = 3;

/// What is waited for.
const DEADLINE: &str = "the deadline";

fn beside_others(
    session: &mut Session<'_>,
    number: usize,
    alone: fn(&mut Session<'_>) -> Done,
) -> Done {
    if !session.known.waits.done {
        session.known.waits.done = true;
        wait_together(session);
    }
    if session.known.waits.passed.get(number) == Some(&true) {
        return Ok(Verdict::Passed);
    }
    alone(session)
}

/// One connection of those that wait.
struct Watch {
    /// Its check, and its slot.
    number: usize,
    since: Instant,
    /// Of lines in time: how many were sent, and when the next is.
    sent: u16,
    next: Instant,
    came: [u8; 40],
    len: usize,
    /// Whether it passed, once it is over.
    passed: Option<bool>,
}

/// Opens the connections of all that are to run, and notes which pass.
fn wait_together(session: &mut Session<'_>) {
    let asked = session.known.waits.asked;
    if asked.iter().filter(|asked| **asked).count() < 2 || session.stack.slots() < WAITS {
        return; // alone is as good
    }
    session.seek_places();
    if session.plan.clients < AT_ONCE {
        return;
    }
    let gap = session.plan.deadline * 2 / 5;
    let mut watches = [const { None }; WAITS];
    for (number, place) in watches.iter_mut().enumerate() {
        let waits_already = number == LATE && session.silent.is_some();
        if waits_already || !asked.get(number).is_some_and(|asked| *asked) {
            continue;
        }
        let since = session.stack.now();
        let begun = match number {
            LATE => session.open_in(Mode::Name, number, Dial::Plain),
            _ => open(session, number).and_then(|()| ask(session, number, 0)),
        };
        if number == HALF_LATE {
            session.send(number, HALF, 0, usize::MAX);
        }
        let now = session.stack.now();
        *place = Some(Watch {
            number,
            since,
            sent: 1,
            next: if number == STEADY {
                now + gap
            } else {
                Instant::NEVER
            },
            came: [0; 40],
            len: 0,
            passed: begun.is_err().then_some(false),
        });
    }
    let start = session.stack.now();
    let (due, end) = (
        start + session.plan.deadline,
        start + session.plan.deadline * 2,
    );
    loop {
        let mut next = Instant::NEVER;
        for watch in watches.iter_mut().flatten() {
            watch.look(session, gap);
            if watch.passed.is_none() {
                next = next.min(watch.next);
            }
        }
        let now = session.stack.now();
        let is_over = watches.iter().flatten().all(|watch| watch.passed.is_some());
        if is_over || now >= end {
            break;
        }
        let until = if now < due { due } else { end };
        session.waits_for = DEADLINE;
        session.wait_until(next.min(until), until);
    }
    for watch in watches.iter().flatten() {
        let passed = watch.passed == Some(true);
        let ended = watch.number != STEADY || !passed || leave(session, STEADY).is_ok();
        if let Some(place) = session.known.waits.passed.get_mut(watch.number) {
            *place = passed && ended;
        }
    }
    session.close_all();
}

impl Watch {
    /// Takes what came, sends what is due, and says once it is over whether it passed.
    fn look(&mut self, session: &mut Session<'_>, gap: Duration) {
        while self.passed.is_none() {
            let now = session.stack.now();
            if now >= self.next {
                session.send_name_of(self.number, Expected::Line(self.sent));
                self.next = Instant::NEVER;
            }
            let space = self.came.get_mut(self.len..).unwrap_or_default();
            if space.is_empty() {
                self.passed = Some(false);
                return;
            }
            let mode = match self.number {
                LATE => Mode::Name,
                _ => Mode::Lines,
            };
            let ending = session.endings.of(mode);
            match session.stack.receive(self.number, space) {
                Poll::Pending if ending == Ending::Never && self.is_told() => {
                    self.passed = Some(self.ended(session));
                }
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => self.passed = Some(self.ended(session)),
                Poll::Ready(Ok(n)) => {
                    self.len = self.len.saturating_add(n).min(self.came.len());
                    self.read_line(now, gap);
                }
                Poll::Ready(Err(ErrorKind::ConnectionReset)) if ending == Ending::Reset => {
                    self.passed = Some(self.ended(session));
                }
                Poll::Ready(Err(_)) => self.passed = Some(false),
            }
        }
    }

    /// Whether the refusal is there that is to come.
    fn is_told(&self) -> bool {
        let came = self.came.get(..self.len).unwrap_or_default();
        matches!(self.number, LATE | HALF_LATE) && Expected::Late.is(came)
    }

    /// The reply to a line in time, once it is there.
    fn read_line(&mut self, now: Instant, gap: Duration) {
        let came = self.came.get(..self.len).unwrap_or_default();
        if self.number != STEADY || came.last() != Some(&b'\n') {
            return;
        }
        if !Expected::Line(self.sent).is(came) {
            self.passed = Some(false);
            return;
        }
        (self.len, self.sent) = (0, self.sent + 1);
        if self.sent == IN_TIME {
            self.passed = Some(true);
        }
        self.next = now + gap;
    }

    /// Whether it is right that it ended now, and with this.
    fn ended(&self, session: &mut Session<'_>) -> bool {
        let came = self.came.get(..self.len).unwrap_or_default();
        match self.number {
            LATE => {
                let took = session.stack.now().since(self.since);
                let due = deadline_in(came).unwrap_or_default();
                let is_late = Expected::Late.is(came) && took <= latest(session, due);
                is_late && in_time(session, due, took).is_ok()
            }
            HALF_LATE => Expected::Late.is(came),
            IDLE => came.is_empty(),
            _ => false,
        }
    }
}

/// Longer than a segment of TCP's default: without FIN only quiet ends it.
const LONG: &[Repeat] = &[Repeat(b"0123456789", 60)];

/// What a refusal may take that is lost on its way, and sent again; where segments are known to be lost, by a
/// stack that begins with three seconds (RFC 1122, section 4.2.3.1).
const AGAIN: Duration = Duration::from_secs(1);
const OF_OLD: Duration = Duration::from_millis(3500);

/// When the deadline must have come at the latest. No clock that keeps time differs from another by a
/// tenth.
fn latest(session: &Session<'_>, due: Duration) -> Duration {
    let again = if session.known.is_lossy {
        OF_OLD
    } else {
        AGAIN
    };
    due + due / 10 + again
}

/// Whether the deadline came before its time, by more than clocks differ.
fn is_early(due: Duration, took: Duration) -> bool {
    took.saturating_add(due / 10) < due
}

/// Whether the deadline came when the server says. From then on it counts for other checks.
fn in_time(session: &mut Session<'_>, due: Duration, took: Duration) -> Result<(), Cause> {
    let fact = Fact::Deadline { said: due, took };
    (session.report)(Event::Found { fact });
    if is_early(due, took) {
        return Err(Cause::Early { due, took });
    }
    if took > latest(session, due) {
        return Err(Cause::Overdue { due, took });
    }
    session.plan.deadline = session.plan.deadline.min(due);
    Ok(())
}

fn late(session: &mut Session<'_>) -> Done {
    const WAITING_FOR_IT: &str = "waiting for the deadline";
    // Who has waited beside others, and was told otherwise, says nothing yet.
    let until = session.patience();
    if let Some(Ok((due, took))) = session.take_silent(until)
        && in_time(session, due, took).is_ok()
    {
        return Ok(Verdict::Passed);
    }
    let (due, mut took) = deadline(session).during(WAITING_FOR_IT)?;
    // What comes after twice the time was no refusal that was sent again.
    if took > latest(session, due) && took < due * 2 {
        let (_, second) = deadline(session).during(WAITING_FOR_IT)?;
        took = took.min(second);
    }
    // Whose fault it is if it isn't in time, another time tells.
    if (is_early(due, took) || took > latest(session, due)) && session.known.quiet.is_none() {
        quiet(session);
    }
    in_time(session, due, took).during(WAITING_FOR_IT)?;
    Ok(Verdict::Passed)
}

/// The deadline that the server says, and after which time it says so.
fn deadline(session: &mut Session<'_>) -> Result<(Duration, Duration), Cause> {
    // The server counts from later on: its clock, not the network, is early.
    let start = session.stack.now();
    session.open(0, Dial::Plain)?;
    let until = session.patience();
    let mut told = expect_end(session, Expected::Late, until);
    if told.is_err()
        && session.received == 0
        && session.stack.now() >= until
        && let Some(times) = slow_by(quiet(session))
    {
        let until = session.bound() + session.plan.deadline.saturating_mul(times);
        told = expect_end(session, Expected::Late, until);
    }
    let took = session.stack.now().since(start);
    session.stack.close(0);
    told?;
    Ok((deadline_in(session.actual()).unwrap_or_default(), took))
}

/// Measures another time that the server takes by its clock, while a silent client may wait: it tells a clock
/// that is fast or slow from a deadline that is another, or that there is none.
fn quiet(session: &mut Session<'_>) -> Option<Duration> {
    const SLOT: usize = 1;
    let mut fastest = None;
    for _ in 0..3 {
        if session.stack.slots() > SLOT && session.open(SLOT, Dial::Plain).is_ok() {
            session.send(SLOT, LONG, 0, usize::MAX);
            let start = session.stack.now();
            let until = session.bound();
            if session.take(SLOT, 1, until).is_ok() {
                let took = session.stack.now().since(start);
                fastest = Some(fastest.unwrap_or(took).min(took));
            }
            session.stack.close(SLOT);
        }
    }
    session.received = 0;
    // The way there and back is no part of it.
    let way = session.known.handshake.unwrap_or_default();
    let took = fastest?.saturating_sub(way);
    session.known.quiet = Some(took);
    let fact = Fact::Quiet { took };
    (session.report)(Event::Found { fact });
    Some(took)
}

/// How many times as long as it should a name's quiet took, if the clock is slow: so long a deadline is worth
/// waiting for.
fn slow_by(quiet: Option<Duration>) -> Option<u32> {
    /// Less than this may be somebody's choice, or a busy board.
    const SLOW: u32 = 3;
    let settle = Limits::DEFAULT.settle();
    let times = quiet?.as_millis().div_ceil(settle.as_millis().max(1));
    // A little more: it isn't exact.
    let times = u32::try_from(times).ok()?.saturating_add(1);
    (times > SLOW).then_some(times)
}

/// The end of a connection after the deadline, which is waited for.
fn expect_end(session: &mut Session<'_>, expected: Expected, until: Instant) -> Result<(), Cause> {
    let due = session.stack.now() + session.plan.deadline;
    session.received = 0;
    let end = loop {
        if session.is_over(expected) {
            break End::Fin;
        }
        match session.take_while_waiting_for(DEADLINE, 0, due.min(until)) {
            Ok(()) => {}
            Err(End::Silence) if session.stack.now() < until => {
                match session.take_while_waiting_for("an answer after the deadline", 0, until) {
                    Ok(()) => {}
                    Err(end) => break end,
                }
            }
            Err(end) => break end,
        }
    };
    session.judge(expected, session.as_usual(expected, end))
}

fn steady(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    // The deadline from connecting on passes, those from each reply on don't.
    for number in 0..IN_TIME {
        if number > 0 {
            let gap = session.plan.deadline * 2 / 5;
            session.pause(gap);
        }
        ask(session, 0, number).during("a line that is in time")?;
    }
    leave(session, 0)
}

fn half_late(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    ask(session, 0, 0).during("a line")?;
    session.send(0, HALF, 0, usize::MAX);
    let until = session.patience();
    if session.stack.unsupported(Need::Connections).is_some() {
        // Nothing ends there but the line.
        session.expect_refusal(0, Expected::Late, until)
    } else {
        expect_end(session, Expected::Late, until)
    }
    .during("waiting for the deadline with half a line")?;
    Ok(Verdict::Passed)
}

fn idle(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    ask(session, 0, 0).during("a line")?;
    let until = session.patience();
    expect_end(session, Expected::Nothing, until)
        .during("waiting for the deadline without a line")?;
    Ok(Verdict::Passed)
}
