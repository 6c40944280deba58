//! A client that is slow to take its reply.

use core::time::Duration;

use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level, Whose};
use super::super::need::Need;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Done, During, Expected, Verdict};

pub(super) static CASES: [Case; 2] = [
    About::new(
        "read/slow",
        Level::Must,
        "RFC 9293, section 3.8.6",
        "A client that reads its reply one byte at a time MUST get all of it.",
    )
    .blames(Whose::Stack)
    .run(slow),
    About::new(
        "read/tight",
        Level::Must,
        "RFC 9293, section 3.8.6",
        "A client whose receive window closes inside the reply MUST get all of it.",
    )
    .needs(&[Need::Name, Need::TinyWindow])
    .blames(Whose::Stack)
    .run(tight),
];

const LONGEST: &[Repeat] = &[Repeat(b"0123456789abcdef", 64)];

fn slow(session: &mut Session<'_>) -> Done {
    let greeting = Expected::Greeting(LONGEST);
    let fin = session.half_closes();
    session.open(0, Dial::Plain).during("connecting")?;
    session.send(0, LONGEST, 0, usize::MAX);
    if fin {
        session.finish(0);
    }
    let until = session.bound();
    session.received = 0;
    let end = loop {
        // Slow enough to be noticed, and done in a second.
        if session.received.is_multiple_of(64) {
            session.pause(Duration::from_millis(10));
        }
        if let Err(end) = session.take_of(greeting, 0, 1, until) {
            break end;
        }
    };
    session
        .judge(greeting, end)
        .during("reading one byte at a time")?;
    Ok(Verdict::Passed)
}

fn tight(session: &mut Session<'_>) -> Done {
    let fin = session.half_closes();
    session.open(0, Dial::SmallWindow).during("connecting")?;
    session.send(0, LONGEST, 0, usize::MAX);
    if fin {
        session.finish(0);
    }
    session.pause(Duration::from_millis(50)); // the window closes
    session
        .expect(0, Expected::Greeting(LONGEST))
        .during("reading through a tiny window")?;
    Ok(Verdict::Passed)
}
