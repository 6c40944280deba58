//! FIN at every moment of a greeting.

use core::time::Duration;

use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level, Whose};
use super::super::need::Need;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Done, During, End, Expected, Verdict};
use super::NAMES;

const CLOSING: &str = "RFC 9293, section 3.6";

pub(super) static CASES: [Case; 4] = [
    About::new(
        "close/with-name",
        Level::Must,
        CLOSING,
        "FIN in the same segment as the name MUST end the name, not the connection.",
    )
    .needs(&[Need::Name, Need::HalfClose])
    .blames(Whose::Stack)
    .run(with_name),
    About::new(
        "close/after-name",
        Level::Must,
        CLOSING,
        "FIN after the name MUST NOT cost the client its reply.",
    )
    .needs(&[Need::Name, Need::HalfClose])
    .blames(Whose::Stack)
    .run(after_name),
    About::new(
        "close/before-name",
        Level::Must,
        NAMES,
        "FIN with no name before it MUST be answered as the empty name.",
    )
    .needs(&[Need::Name, Need::HalfClose])
    .run(before_name),
    About::new(
        "close/leave",
        Level::Must,
        "PROTOCOL.md, Refusals",
        "A client that connects and leaves MUST NOT stop the server.",
    )
    .run(leave),
];

const NAME: &[Repeat] = &[Repeat(b"World", 1)];

/// Longer than a segment of TCP's default: complete only when nothing has followed for 20 ms, or with
/// FIN. So no reply comes before FIN, by luck.
const LONG: &[Repeat] = &[Repeat(b"0123456789", 60)];

fn with_name(session: &mut Session<'_>) -> Done {
    session.open(0, Dial::Plain).during("connecting")?;
    session.send_last(0, b"World");
    greeted(session, NAME)
}

/// A reply that comes before FIN proves nothing. So it is seen that none came, and that FIN was sent before
/// the name could settle.
fn after_name(session: &mut Session<'_>) -> Done {
    const TRIES: u8 = 20;
    const SOON: Duration = Duration::from_millis(15);
    for _ in 0..TRIES {
        session.open(0, Dial::Plain).during("connecting")?;
        let start = session.stack.now();
        session.send(0, LONG, 0, usize::MAX);
        session.pause(Duration::from_millis(5));
        let now = session.stack.now();
        let silent = session.take(0, usize::MAX, now) == Err(End::Silence);
        session.finish(0);
        if silent && session.stack.now().since(start) < SOON {
            return greeted(session, LONG);
        }
        session.stack.close(0);
    }
    Ok(Verdict::Inconclusive(
        "each reply came before FIN, or may have: 600 bytes weren't given 20 ms to settle",
    ))
}

fn before_name(session: &mut Session<'_>) -> Done {
    session.open(0, Dial::Plain).during("connecting")?;
    session.finish(0);
    greeted(session, &[])
}

fn greeted(session: &mut Session<'_>, name: &'static [Repeat]) -> Done {
    session
        .expect(0, Expected::Greeting(name))
        .during("one greeting")?;
    Ok(Verdict::Passed)
}

/// Whether the server lives on is seen by who runs the checks.
fn leave(session: &mut Session<'_>) -> Done {
    for _ in 0..3 {
        session.open(0, Dial::Plain).during("connecting")?;
        session.stack.close(0);
    }
    Ok(Verdict::Passed)
}
