//! Many clients: one after the other, at once, beside silent ones, and beside those who never finish
//! a handshake.

use core::time::Duration;

use super::super::Event;
use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level, Whose};
use super::super::need::{Mode, Need};
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Cause, Done, During, End, Expected, Verdict, deadline_in};
use super::REFUSALS;

pub(super) static CASES: [Case; 6] = [
    About::new(
        "crowd/in-a-row",
        Level::Must,
        "RFC 9293, section 3.6.1",
        "Places MUST come back: each of many clients in a row is greeted.",
    )
    .run(in_a_row),
    About::new(
        "crowd/at-once",
        Level::Must,
        REFUSALS,
        "Each of many clients at once MUST get its own greeting.",
    )
    .needs(&[Need::Name, Need::Clients])
    .run(at_once),
    About::new(
        "crowd/silent",
        Level::Must,
        REFUSALS,
        "A client that says nothing MUST NOT delay another.",
    )
    .needs(&[Need::Name, Need::Two])
    .run(silent),
    About::new(
        "crowd/latency",
        Level::Should,
        REFUSALS,
        "A greeting SHOULD NOT take longer beside silent clients than alone.",
    )
    .needs(&[Need::Name, Need::Timing, Need::Two])
    .run(latency),
    About::new(
        "crowd/half-open",
        Level::Must,
        "RFC 4987, section 3",
        "Handshakes that never end MUST NOT keep clients out for good.",
    )
    .needs(&[Need::Name, Need::HalfOpen])
    .blames(Whose::Stack)
    .run(half_open),
    About::new(
        "crowd/late",
        Level::Must,
        REFUSALS,
        "A client without a name by the deadline MUST be told so, and not before.",
    )
    .needs(&[Need::Name, Need::Deadline])
    .run(late),
];

/// Its half characters are the end of many a server, which other checks should find out first.
pub(super) static ROUGH: [Case; 1] = [About::new(
    "crowd/one-more",
    Level::Must,
    REFUSALS,
    "A client for whom there is no place MUST be greeted once one is free.",
)
.needs(&[Need::Name, Need::OneMore])
.run(one_more)];

/// A character. Its first byte holds a place up to the deadline.
const HELD: &[Repeat] = &[Repeat("世".as_bytes(), 1)];

fn in_a_row(session: &mut Session<'_>) -> Done {
    let start = session.stack.now();
    for number in 0..session.plan.rounds {
        let took = session
            .greet(0, number)
            .during("one greeting after the other")?;
        (session.report)(Event::Greeting { took });
    }
    let within = session.stack.now().since(start);
    (session.report)(Event::InARow {
        greetings: session.plan.rounds,
        within,
    });
    Ok(Verdict::Passed)
}

fn at_once(session: &mut Session<'_>) -> Done {
    let clients = session.plan.clients;
    for number in 0..clients {
        session
            .open(number.into(), Dial::Plain)
            .during("connecting one of many")?;
    }
    // The last comes first: no order is promised.
    for number in (0..clients).rev() {
        session.send_client(number.into(), number);
    }
    for number in 0..clients {
        let slot = number.into();
        let mut greeted = session.expect(slot, Expected::Client(number));
        // Where segments are lost, its handshake may have had to give way to somebody else's.
        if greeted.is_err() && session.stack.unsupported(Need::Timing).is_some() {
            session.stack.close(slot);
            greeted = session.greet(slot, number).map(drop);
        }
        greeted.during("the greeting of one of many")?;
    }
    Ok(Verdict::Passed)
}

fn silent(session: &mut Session<'_>) -> Done {
    session.open(1, Dial::Plain).during("connecting")?;
    for number in 0..3 {
        session
            .greet(0, number)
            .during("a greeting beside a silent client")?;
    }
    session.send_client(1, 7);
    session
        .expect(1, Expected::Client(7))
        .during("the silent client speaks at last")?;
    Ok(Verdict::Passed)
}

fn one_more(session: &mut Session<'_>) -> Done {
    let clients = session.plan.clients;
    let last = usize::from(clients);
    for slot in 0..last {
        session
            .open(slot, Dial::Plain)
            .during("connecting one of many")?;
        // Who has sent nothing may have to give way.
        session.send(slot, HELD, 0, 1);
    }
    // Where there is no backlog it may be refused, or hear nothing while the others' deadline comes
    // near: it tries again when there is a place.
    let mut until = session.bound();
    if !session.plan.deadline.is_zero() {
        until = until.min(session.stack.now() + session.plan.deadline / 2);
    }
    match session.open_until(Mode::Name, last, Dial::Plain, until) {
        Err(cause @ Cause::Lacks(_)) => return Err(cause).during("connecting one more"),
        Err(_) => session.stack.close(last),
        Ok(()) => {}
    }
    let greeted = complete_held(session, 0);
    // Where segments are lost, its first byte may have come too late to hold a place.
    if session.stack.unsupported(Need::Timing).is_none() {
        greeted.during("a greeting while all places are taken")?;
    }
    session.stack.close(0);
    one_more_is_greeted(session, last, clients).during("the greeting of one more")?;
    // A refusal of who leaves inside a character would be reset, which is another check's.
    for slot in 1..last {
        let _ = complete_held(session, slot);
    }
    Ok(Verdict::Passed)
}

/// Who was turned away, by RST at once or a little later, may come back when there is a place. Whom a
/// server has taken in and then closes on, it doesn't greet.
fn one_more_is_greeted(session: &mut Session<'_>, slot: usize, number: u16) -> Result<(), Cause> {
    if session.stack.is_open(slot) {
        let now = session.stack.now();
        session.received = 0;
        let expected = Expected::Client(number);
        let greeted = match session.take(slot, usize::MAX, now) {
            Err(End::Silence) => session.ask(slot, number),
            Err(end) => session.judge(expected, end),
            Ok(()) => session.go_on_expecting(slot, expected),
        };
        match greeted {
            Err(cause) if session.is_turned_away(cause) => session.stack.close(slot),
            done => return done,
        }
    }
    let until = session.patience();
    session.greet_when_free(slot, number, until).map(drop)
}

/// The name of a client who holds a place, to its end.
fn complete_held(session: &mut Session<'_>, slot: usize) -> Result<(), Cause> {
    session.send(slot, HELD, 1, usize::MAX);
    session.expect(slot, Expected::Greeting(HELD))
}

fn latency(session: &mut Session<'_>) -> Done {
    /// Below this no difference is worth a word.
    const FLOOR: Duration = Duration::from_millis(100);
    let crowd = usize::from(session.plan.clients)
        .min(session.stack.slots())
        .saturating_sub(1);
    if crowd == 0 {
        return Ok(Verdict::Skipped("one client is no crowd"));
    }
    let alone = median(session).during("a greeting alone")?;
    for slot in 1..=crowd {
        session
            .open(slot, Dial::Plain)
            .during("connecting one of many")?;
    }
    let beside = match median(session) {
        Err(cause) if session.is_turned_away(cause) => {
            return Ok(Verdict::Inconclusive(
                "there is no place beside the silent clients (are there so many?)",
            ));
        }
        done => done.during("a greeting beside silent clients")?,
    };
    if beside > FLOOR.max(alone.saturating_mul(10)) {
        return Err(Cause::Slow { alone, beside }).during("a greeting beside silent clients");
    }
    Ok(Verdict::Passed)
}

/// The median of a few greetings. Who is turned away isn't slow: the next try counts from its start.
fn median(session: &mut Session<'_>) -> Result<Duration, Cause> {
    let mut took = [Duration::ZERO; 11];
    for (place, number) in took.iter_mut().zip(0..) {
        let until = session.patience();
        *place = session.greet_when_free(0, number, until)?;
    }
    took.sort_unstable();
    Ok(took.get(took.len() / 2).copied().unwrap_or_default())
}

fn half_open(session: &mut Session<'_>) -> Done {
    session
        .stack
        .half_open(session.plan.clients.into())
        .map_err(Cause::from)
        .during("sending SYNs")?;
    // One that never ends is a silent client: it may hold its place up to the deadline.
    let until = session.bound() + session.plan.deadline;
    session
        .greet_with_retry(1, until)
        .during("a greeting beside half-open connections")?;
    Ok(Verdict::Passed)
}

fn late(session: &mut Session<'_>) -> Done {
    // The server counts from later on: its clock, not the network, is early.
    let start = session.stack.now();
    session.open(0, Dial::Plain).during("connecting")?;
    let until = session.patience();
    session
        .expect_until(0, Expected::Late, until)
        .during("waiting for the deadline")?;
    let took = session.stack.now().since(start);
    let due = deadline_in(session.actual()).unwrap_or_default();
    // No clock that keeps time differs from another by a tenth.
    if took.saturating_add(due / 10) < due {
        return Err(Cause::Early { due, took }).during("waiting for the deadline");
    }
    Ok(Verdict::Passed)
}
