//! Many clients of all sizes, wave after wave, and one that comes again from the port that it had.

use core::time::Duration;

use embedded_io::ErrorKind;

use super::super::Event;
use super::super::case::{About, Case, Level, Whose};
use super::super::fact::Fact;
use super::super::need::{Mode, Need};
use super::super::sample::{Sample, chosen};
use super::super::session::Session;
use super::super::stack::{Dial, StackError};
use super::super::verdict::{Cause, Done, During, Expected, Failure, Verdict};
use super::REFUSALS;
use super::sizes::budget;

pub(super) static CASES: [Case; 2] = [
    About::new(
        "crowd/mixed",
        Level::Must,
        REFUSALS,
        "Each of a thousand clients with names of all sizes, many at once, MUST get its own greeting (as many as come in 4 s, unless thorough).",
    )
    .needs(&[Need::Name, Need::Clients])
    .run(mixed),
    About::new(
        "crowd/same-port",
        Level::May,
        "RFC 9293, section 3.6.1",
        "A client that comes again from the same port MAY be greeted at once, though TIME-WAIT isn't over.",
    )
    .blames(Whose::Stack)
    .run(same_port),
];

fn mixed(session: &mut Session<'_>) -> Done {
    let Session { plan, .. } = *session;
    let fin = session.half_closes();
    let end = budget(session).map(|budget| session.stack.now() + budget);
    // Where segments are lost, one of the wave before may hold its place up to the deadline.
    let at_once = if session.known.is_lossy {
        plan.clients.div_ceil(2)
    } else {
        plan.clients
    };
    let (mut begun, mut greeted) = (0, 0);
    while begun < plan.rounds {
        if end.is_some_and(|end| session.stack.now() >= end) {
            let fact = Fact::Clients { greeted };
            (session.report)(Event::Found { fact });
            break;
        }
        let clients = at_once.min(plan.rounds - begun);
        // Each wave begins with another.
        let first = chosen(plan.seed, begun.into(), clients);
        greeted += wave(session, begun, clients, first, fin)?;
        begun += clients;
    }
    Ok(Verdict::Passed)
}

/// So many at once, and how many of them were greeted: all, or it is a failure.
fn wave(
    session: &mut Session<'_>,
    begun: u16,
    clients: u16,
    first: u16,
    fin: bool,
) -> Result<u16, Failure> {
    let text = |session: &Session<'_>, slot: u16| {
        let number = begun.saturating_add(slot);
        let seed = session.plan.seed.wrapping_add(number.into());
        let mut len = chosen(session.plan.seed, number.into(), session.longest_name() + 1);
        if !fin {
            // No byte would be no name.
            len = len.max(1);
        }
        Expected::Sample(Sample::new(seed, len))
    };
    let turn = |at: u16| (at + first) % clients;
    let connecting = "connecting one of many";
    let until = session.patience();
    for slot in 0..clients {
        session
            .begin(Mode::Name, slot.into(), Dial::Plain)
            .during(connecting)?;
    }
    for slot in (0..clients).map(usize::from) {
        match session.established(slot, until) {
            // Without a backlog there may be no place yet: it comes back.
            Err(cause) if session.is_turned_away(cause) => session.stack.close(slot),
            done => done.during(connecting)?,
        }
    }
    // No order is promised.
    for slot in (0..clients).map(turn) {
        let (text, slot) = (text(session, slot), usize::from(slot));
        if session.stack.is_open(slot) {
            session.send_name_of(slot, text);
            if fin {
                session.finish(slot);
            }
        }
    }
    let mut greeted = 0;
    for slot in (0..clients).rev().map(turn) {
        let (text, place) = (text(session, slot), usize::from(slot));
        let mut result = if session.stack.is_open(place) {
            session.expect(place, text)
        } else {
            session.greet_text_when_free(place, text, fin, until)
        };
        session.stack.close(place);
        // Where segments are lost, it may have had to give way to somebody of the wave before.
        if let Err(cause) = result
            && (session.is_turned_away(cause)
                || session.gave_way(cause)
                || session.loses() && session.may_be_lost(cause))
        {
            result = session.greet_text_when_free(place, text, fin, until);
        }
        result.during("the greeting of one of many")?;
        greeted += 1;
    }
    Ok(greeted)
}

/// The server closes first, so TIME-WAIT is its own. What is refused or silent for as long as that takes
/// keeps to the RFC.
fn same_port(session: &mut Session<'_>) -> Done {
    const NUMBER: u16 = 1;
    /// Its own end of the connection takes a moment to end.
    const AGAIN: Duration = Duration::from_millis(20);
    /// A SYN that isn't answered is repeated after a second; what comes later isn't at once.
    const AT_ONCE: Duration = Duration::from_millis(2200);
    session.greet(0, NUMBER).during("a greeting")?;
    let at_once = |session: &mut Session<'_>| session.bound().min(session.stack.now() + AT_ONCE);
    // Where segments are lost, the last of them may have to come again.
    let until = if session.loses() {
        session.bound()
    } else {
        at_once(session)
    };
    let begun = loop {
        match session.stack.connect_again(0, Mode::Name) {
            Err(StackError::Refused(ErrorKind::AddrInUse)) => {}
            done => break done,
        }
        if session.stack.now() >= until {
            return Ok(Verdict::Inconclusive(
                "this machine doesn't give the port back in time",
            ));
        }
        session.pause(AGAIN);
    };
    let until = at_once(session);
    begun
        .map_err(Cause::from)
        .and_then(|()| session.established(0, until))
        .during("connecting from the same port")?;
    session
        .ask(0, NUMBER + 1)
        .during("a greeting from the same port")?;
    Ok(Verdict::Passed)
}
