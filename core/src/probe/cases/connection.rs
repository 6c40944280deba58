//! A connection in lines mode as time goes by: line after line, full of lines, beside others, and broken.

use core::time::Duration;

use super::super::bytes::{Repeat, len_of};
use super::super::case::{About, Case, Level, Whose};
use super::super::need::{Mode, Need};
use super::super::pipeline::Pipeline;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Cause, Done, During, Expected, Verdict};
use super::LINES;

pub(super) static CASES: [Case; 6] = [
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
    .needs(&[Need::Lines, Need::FlowControl])
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
];

/// It ends connections with RST, which many a server doesn't survive.
pub(super) static ROUGH: [Case; 1] = [About::new(
    "lines/reset",
    Level::Must,
    LINES,
    "RST in the middle of many lines MUST NOT stop the server.",
)
.needs(&[Need::Lines, Need::Reset])
.run(reset)];

/// Its end is a character.
const BYTEWISE: &[Repeat] = &[Repeat("client 世\n".as_bytes(), 1)];
/// What the lines of all numbered clients begin with.
const BEGUN: &[Repeat] = &[Repeat(b"client ", 1)];

pub(super) fn open(session: &mut Session<'_>, slot: usize) -> Result<(), Cause> {
    session.open_in(Mode::Lines, slot, Dial::Plain)
}

/// One line, and its reply.
pub(super) fn ask(session: &mut Session<'_>, slot: usize, number: u16) -> Result<(), Cause> {
    let line = Expected::Line(number);
    session.send_name_of(slot, line);
    session.expect_one(slot, line)
}

/// FIN after a line feed, and FIN for it; where FIN costs replies, nothing.
pub(super) fn leave(session: &mut Session<'_>, slot: usize) -> Done {
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
    /// So many lines, or fewer on a long way.
    const MOST: u16 = 100;
    const LEAST: u16 = 20;
    const BUDGET: Duration = Duration::from_secs(2);
    open(session, 0).during("connecting")?;
    let end = session.stack.now() + BUDGET;
    for number in 0..session.plan.rounds.min(MOST) {
        if number >= LEAST && session.stack.now() >= end && !session.plan.thorough {
            break;
        }
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
    open(session, 0).during("connecting")?;
    let mut pipeline = Pipeline::new(0, many(session));
    pipeline
        .run(session)
        .during("reading while many lines are sent")?;
    leave(session, 0)
}

fn reader_stops(session: &mut Session<'_>) -> Done {
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
            if greeted.is_err_and(|cause| {
                let is_lossy = session.known.is_lossy && session.may_be_lost(cause);
                untimely(session) || session.gave_way(cause) || is_lossy
            }) {
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
            // It waited without a line, and so may have had to give way.
            Err(cause) if session.gave_way(cause) => {}
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
