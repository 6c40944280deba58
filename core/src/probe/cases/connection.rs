//! A connection in lines mode as time goes by: line after line, full of lines, at the deadline, beside
//! others, and broken.

use core::time::Duration;

use super::super::bytes::{Repeat, len_of};
use super::super::case::{About, Case, Level, Whose};
use super::super::need::{Mode, Need};
use super::super::pipeline::Pipeline;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Cause, Done, During, End, Expected, Verdict};
use super::LINES;

pub(super) static CASES: [Case; 10] = [
    About::new(
        "lines/in-turn",
        Level::Must,
        LINES,
        "A line MUST be answered before the next comes, and the connection stay open.",
    )
    .needs(&[Need::Lines])
    .run(in_turn),
    About::new(
        "lines/bytewise",
        Level::Must,
        LINES,
        "Lines that come byte by byte MUST each be answered once, and whole.",
    )
    .needs(&[Need::Lines])
    .run(bytewise),
    About::new(
        "lines/pipeline",
        Level::Must,
        LINES,
        "Thousands of lines without a pause MUST all be answered, in their order.",
    )
    .needs(&[Need::Lines])
    .run(pipeline),
    About::new(
        "lines/reader-stops",
        Level::Must,
        LINES,
        "A client that stops reading MUST be slowed down, and get every reply once it reads.",
    )
    .needs(&[Need::Lines, Need::SmallWindow])
    .blames(Whose::Stack)
    .run(reader_stops),
    About::new(
        "lines/at-once",
        Level::Must,
        LINES,
        "Each of many clients at once MUST get the replies to its own lines.",
    )
    .needs(&[Need::Lines, Need::Clients])
    .run(at_once),
    About::new(
        "lines/beside-pipeline",
        Level::Must,
        LINES,
        "A client full of lines MUST NOT keep another from being answered.",
    )
    .needs(&[Need::Lines, Need::Two])
    .run(beside_pipeline),
    About::new(
        "lines/steady",
        Level::Must,
        LINES,
        "The deadline MUST count from the last reply: a client that is in time each time may stay.",
    )
    .needs(&[Need::Lines, Need::Deadline])
    .run(steady),
    About::new(
        "lines/half-late",
        Level::Must,
        LINES,
        "Half a line at the deadline MUST be refused as late.",
    )
    .needs(&[Need::Lines, Need::Deadline])
    .run(half_late),
    About::new(
        "lines/idle",
        Level::Must,
        LINES,
        "A connection without another line by the deadline MUST end without a word.",
    )
    .needs(&[Need::Lines, Need::Deadline])
    .run(idle),
    About::new(
        "lines/reset",
        Level::Must,
        LINES,
        "RST in the middle of many lines MUST NOT stop the server.",
    )
    .needs(&[Need::Lines, Need::Reset])
    .run(reset),
];

/// Its end is a character.
const BYTEWISE: &[Repeat] = &[Repeat("client 世\n".as_bytes(), 1)];
const HALF: &[Repeat] = &[Repeat(b"A", 1)];
/// What the lines of all numbered clients begin with.
const BEGUN: &[Repeat] = &[Repeat(b"client ", 1)];

fn open(session: &mut Session<'_>, slot: usize) -> Result<(), Cause> {
    session.open_in(Mode::Lines, slot, Dial::Plain)
}

/// One line, and its reply.
fn ask(session: &mut Session<'_>, slot: usize, number: u16) -> Result<(), Cause> {
    let line = Expected::Line(number);
    session.send_name_of(slot, line);
    session.expect_one(slot, line)
}

/// FIN after a line feed, and FIN for it; where FIN costs replies, nothing.
fn leave(session: &mut Session<'_>, slot: usize) -> Done {
    if session.known.half_close == Some(false) {
        return Ok(Verdict::Passed);
    }
    session.finish(slot);
    session
        .expect(slot, Expected::Nothing)
        .during("the end of the connection")?;
    Ok(Verdict::Passed)
}

fn in_turn(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    for number in 0..session.plan.rounds.min(100) {
        ask(session, 0, number).during("one line after the other")?;
    }
    leave(session, 0)
}

fn bytewise(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    for _ in 0..3 {
        for at in 0..len_of(BYTEWISE) {
            session.pause(Duration::from_millis(1));
            session.send(0, BYTEWISE, at, at + 1);
        }
        session
            .expect_one(0, Expected::Greeting(BYTEWISE))
            .during("the reply to a line that came byte by byte")?;
    }
    leave(session, 0)
}

/// Many lines, on a scale with the clients that come one after the other.
fn many(session: &Session<'_>) -> u32 {
    10 * u32::from(session.plan.rounds)
}

fn pipeline(session: &mut Session<'_>) -> Done {
    with_patience(session, fill)
}

fn fill(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    let mut pipeline = Pipeline::new(0, many(session));
    pipeline
        .run(session)
        .during("reading while many lines are sent")?;
    leave(session, 0)
}

/// Runs a check of many lines, and where segments are lost, [once more](stalled).
fn with_patience(session: &mut Session<'_>, check: fn(&mut Session<'_>) -> Done) -> Done {
    match check(session) {
        Err(failure) if untimely(session) && stalled(session, failure.cause) => {
            session.close_all();
            check(session)
        }
        done => done,
    }
}

/// Whether a connection may have stood still until the server's deadline ended it, as it must, or until
/// there was no patience left. No byte was wrong.
///
/// TCP gets over losses, but some stacks don't get over all of them: one repeats nothing once a late ACK has
/// closed the window, another sends more than the window allows in a fast retransmission, and from then on
/// its peer takes none of its ACKs.
fn stalled(session: &Session<'_>, cause: Cause) -> bool {
    match cause {
        Cause::Reply { end, .. } => match end {
            End::Silence | End::Broken(_) => true,
            End::Fin | End::Open => Expected::Late.is(session.actual()),
            End::Flood => false,
        },
        cause => session.may_pass(cause),
    }
}

fn reader_stops(session: &mut Session<'_>) -> Done {
    with_patience(session, stop_reading)
}

fn stop_reading(session: &mut Session<'_>) -> Done {
    /// Nothing has moved for so long.
    const STUCK: Duration = Duration::from_millis(300);
    session
        .open_in(Mode::Lines, 0, Dial::SmallWindow)
        .during("connecting")?;
    let lines = many(session) / 5;
    let mut pipeline = Pipeline::new(0, lines);
    let mut until = session.stack.now() + STUCK;
    while session.stack.now() < until {
        if pipeline.send(session) {
            until = session.stack.now() + STUCK;
        } else {
            session.wait(until);
        }
    }
    pipeline
        .run(session)
        .during("reading again, after a while")?;
    leave(session, 0)
}

fn at_once(session: &mut Session<'_>) -> Done {
    const TURNS: u16 = 3;
    let clients = session.plan.clients;
    for slot in 0..clients {
        open(session, slot.into()).during("connecting one of many")?;
        // Who waits with a line may have to give way, and who has begun one doesn't.
        session.send(slot.into(), BEGUN, 0, usize::MAX);
    }
    for turn in 0..TURNS {
        let line = |slot: u16| Expected::Line(slot.wrapping_mul(TURNS).wrapping_add(turn));
        // The last comes first: no order is promised.
        for slot in (0..clients).rev() {
            let begun = if turn == 0 { len_of(BEGUN) } else { 0 };
            session.send_rest_of(slot.into(), line(slot), begun);
        }
        for slot in 0..clients {
            let (line, slot) = (line(slot), usize::from(slot));
            let mut greeted = session.expect_one(slot, line);
            // Where segments are lost, it may have had to give way to somebody else's handshake.
            if greeted.is_err() && untimely(session) {
                session.stack.close(slot);
                greeted = open(session, slot).and_then(|()| {
                    session.send_name_of(slot, line);
                    session.expect_one(slot, line)
                });
            }
            greeted.during("the reply to one of many")?;
        }
    }
    if session.known.half_close == Some(false) {
        return Ok(Verdict::Passed);
    }
    for slot in 0..clients {
        session.finish(slot.into());
        match session.expect(slot.into(), Expected::Nothing) {
            Err(cause) if !untimely(session) || !session.may_pass(cause) => {
                return Err(cause).during("the end of the connection");
            }
            _ => {}
        }
    }
    Ok(Verdict::Passed)
}

/// Whether what happens to segments may have made others wait.
fn untimely(session: &Session<'_>) -> bool {
    session.stack.unsupported(Need::Timing).is_some()
}

fn beside_pipeline(session: &mut Session<'_>) -> Done {
    with_patience(session, greet_beside)
}

fn greet_beside(session: &mut Session<'_>) -> Done {
    open(session, 1).during("connecting")?;
    let mut pipeline = Pipeline::new(1, many(session));
    for number in 0..3 {
        for _ in 0..8 {
            pipeline
                .step(session)
                .during("reading while many lines are sent")?;
        }
        session
            .greet_in(Mode::Lines, 0, number)
            .during("a greeting beside many lines")?;
    }
    pipeline
        .run(session)
        .during("the rest of many lines beside which others were greeted")?;
    leave(session, 1)
}

fn steady(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    // The deadline from connecting on passes, those from each reply on don't.
    for number in 0..4 {
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
    let until = session.bound() + session.plan.deadline;
    session
        .expect_until(0, Expected::Late, until)
        .during("waiting for the deadline with half a line")?;
    Ok(Verdict::Passed)
}

fn idle(session: &mut Session<'_>) -> Done {
    open(session, 0).during("connecting")?;
    ask(session, 0, 0).during("a line")?;
    let until = session.bound() + session.plan.deadline;
    session
        .expect_until(0, Expected::Nothing, until)
        .during("waiting for the deadline without a line")?;
    Ok(Verdict::Passed)
}

/// Whether the server lives on is seen by who runs the checks.
fn reset(session: &mut Session<'_>) -> Done {
    for _ in 0..3 {
        open(session, 0).during("connecting")?;
        let mut pipeline = Pipeline::new(0, many(session));
        for _ in 0..8 {
            pipeline
                .step(session)
                .during("reading while many lines are sent")?;
        }
        session.reset(0);
    }
    Ok(Verdict::Passed)
}
