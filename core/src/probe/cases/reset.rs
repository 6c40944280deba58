//! RST at every moment of a greeting. Whether the server lives on is seen by who runs the checks.

use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level};
use super::super::need::Need;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Done, During, Verdict};

const RESETS: &str = "RFC 9293, section 3.5.3";

pub(super) static CASES: [Case; 3] = [
    About::new(
        "reset/before-name",
        Level::Must,
        RESETS,
        "RST before the name MUST NOT stop the server.",
    )
    .needs(&[Need::Name, Need::Reset])
    .run(|session| after(session, &[])),
    About::new(
        "reset/in-name",
        Level::Must,
        RESETS,
        "RST inside the name MUST NOT stop the server.",
    )
    .needs(&[Need::Name, Need::Reset])
    .run(|session| after(session, &[Repeat(b"\xe4\xb8", 1)])),
    About::new(
        "reset/after-name",
        Level::Must,
        RESETS,
        "RST before the reply is read MUST NOT stop the server.",
    )
    .needs(&[Need::Name, Need::Reset])
    .run(|session| after(session, &[Repeat(b"World", 1)])),
];

fn after(session: &mut Session<'_>, bytes: &[Repeat]) -> Done {
    for _ in 0..3 {
        session.open(0, Dial::Plain).during("connecting")?;
        session.send(0, bytes, 0, usize::MAX);
        session.reset(0);
    }
    Ok(Verdict::Passed)
}
