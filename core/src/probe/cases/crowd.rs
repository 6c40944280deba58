//! Many clients: one after the other, at once, beside silent ones, and beside those who never finish
//! a handshake.

use core::time::Duration;

use super::super::Event;
use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level, Whose};
use super::super::need::{Mode, Need};
use super::super::nudge::Nudges;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Cause, Done, During, End, Expected, Failure, Verdict};
use super::REFUSALS;

pub(super) static CASES: [Case; 5] = [
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
        Level::Should,
        "RFC 4987, section 3",
        "Handshakes that never end SHOULD NOT keep clients out for longer than the deadline.",
    )
    .needs(&[Need::Name, Need::HalfOpen])
    .blames(Whose::Stack)
    .run(half_open),
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

/// Fewer come one after the other where that takes long, but no fewer than these. Where segments are lost, more
/// are worth their time, until enough were hit: they tell how many are lost, and whether they come with a period.
const LEAST: u16 = 50;
const BUDGET: Duration = Duration::from_secs(5);
const LOSSY_BUDGET: Duration = Duration::from_secs(8);
const LOSSY_BUDGET_AT_MOST: Duration = Duration::from_secs(9);
const HIT: u16 = 8;

/// So many greetings must be late, and one of so many, until a link is one that loses.
const LATE: u16 = 5;
const ONE_OF: u16 = 50;

fn in_a_row(session: &mut Session<'_>) -> Done {
    let fin = session.half_closes();
    session.tell_link(None);
    let start = session.stack.now();
    let (mut greetings, mut disturbed, mut late) = (0, 0_u16, 0_u16);
    let mut nudges = Nudges::new(session.plan.seed);
    for number in 0..session.plan.rounds {
        let budget = match disturbed {
            0 => BUDGET,
            1..HIT => LOSSY_BUDGET_AT_MOST,
            _ => LOSSY_BUDGET,
        };
        let is_enough = greetings >= LEAST && session.stack.now().since(start) >= budget;
        if is_enough && !session.plan.thorough {
            break;
        }
        nudges.watch(session);
        let mut greeted = one_of_a_row(session, number, fin);
        nudges.note(session, greeted.ok());
        // Places that don't come back are missing for the next one as well; segments aren't lost each time.
        if disturbed > 0 && greeted.is_err_and(|cause| session.may_be_lost(cause)) {
            greeted = one_of_a_row(session, number, fin);
        }
        let took = greeted.during("one greeting after the other")?;
        (session.report)(Event::Greeting { took });
        let seen = session.tell_link(Some(took));
        let (again, is_late) = (
            seen.is_some_and(|seen| seen.sent_again > 0),
            nudges.is_late(took),
        );
        disturbed += u16::from(again || is_late);
        late += u16::from(is_late);
        session.tell_link(None); // what connections before this one saw as they closed
        greetings += 1;
    }
    nudges.tell(session);
    // What a busy machine sends again in vain makes nobody late.
    session.known.is_lossy = late >= LATE && late >= greetings / ONE_OF;
    let within = session.stack.now().since(start);
    (session.report)(Event::InARow { greetings, within });
    Ok(Verdict::Passed)
}

/// In a row of equals, a loss with a period could hit what nobody misses each time.
fn one_of_a_row(session: &mut Session<'_>, number: u16, fin: bool) -> Result<Duration, Cause> {
    let is_longer = number.wrapping_mul(40_503).count_ones() % 2 == 1;
    if is_longer && fin {
        session.greet_and_finish(0, number)
    } else {
        session.greet(0, number)
    }
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
        let untimely = session.stack.unsupported(Need::Timing).is_some();
        let loses = session.loses();
        if greeted.is_err_and(|cause| {
            untimely || session.gave_way(cause) || loses && session.may_be_lost(cause)
        }) {
            session.stack.close(slot);
            let until = session.patience();
            greeted = session.greet_when_free(slot, number, until).map(drop);
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
    match session.expect(1, Expected::Client(7)) {
        Err(cause) if session.gave_way(cause) => {}
        greeted => greeted.during("the silent client speaks at last")?,
    }
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
    // Where there is no backlog it may be refused, and tries again when there is a place; or it hears nothing
    // until then, and repeats its SYN.
    let mut until = session.bound().min(session.stack.now() + SOON);
    if !session.plan.deadline.is_zero() {
        until = until.min(session.stack.now() + session.plan.deadline / 2);
    }
    match session.open_until(Mode::Name, last, Dial::Plain, until) {
        Err(cause @ Cause::Lacks(_)) => return Err(cause).during("connecting one more"),
        Err(Cause::Unreachable) | Ok(()) => {}
        Err(_) => session.stack.close(last),
    }
    let greeted = complete_held(session, 0);
    // Where segments are lost, its first byte may have come too late to hold a place.
    if session.stack.unsupported(Need::Timing).is_none() {
        greeted.during("a greeting while all places are taken")?;
    }
    session.stack.close(0);
    one_more_is_greeted(session, clients).during("the greeting of one more")?;
    // A refusal of who leaves inside a character would be reset, which is another check's.
    for slot in 1..last {
        let _ = complete_held(session, slot);
    }
    Ok(Verdict::Passed)
}

/// So soon somebody is told that there is no place, unless it is by silence.
const SOON: Duration = Duration::from_millis(500);

/// Who was turned away, by RST at once or a little later, may come back when there is a place. Whom a
/// server has taken in and then closes on, it doesn't greet.
fn one_more_is_greeted(session: &mut Session<'_>, number: u16) -> Result<(), Cause> {
    let slot = usize::from(number);
    if session.stack.is_open(slot) {
        let now = session.stack.now();
        session.received = 0;
        let expected = Expected::Client(number);
        let greeted = match session.take(slot, usize::MAX, now) {
            Err(End::Silence) => {
                session.send_client(slot, number);
                its_reply(session, number)
            }
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

/// The reply to who came last. Where segments are lost, more may have been counted than there are places: who is
/// before it is served first then.
fn its_reply(session: &mut Session<'_>, number: u16) -> Result<(), Cause> {
    /// A segment that was lost is sent again within this time (RFC 6298, section 2).
    const AGAIN: Duration = Duration::from_millis(1200);
    let (slot, expected) = (usize::from(number), Expected::Client(number));
    let before = if session.known.is_lossy { slot } else { 0 };
    for other in 1..before {
        let until = session.stack.now() + AGAIN;
        let result = session.expect_until(slot, expected, until);
        if result.is_ok() || session.received > 0 || session.stack.now() < until {
            return result;
        }
        let _ = complete_held(session, other);
        session.stack.close(other);
    }
    session.expect(slot, expected)
}

/// The name of a client who holds a place, to its end.
fn complete_held(session: &mut Session<'_>, slot: usize) -> Result<(), Cause> {
    session.send(slot, HELD, 1, usize::MAX);
    session.end_name(slot);
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
    // Each that is hit may take seconds, where segments are lost.
    let few = if session.known.is_lossy { 5 } else { 11 };
    let took = took.get_mut(..few).unwrap_or_default();
    for (place, number) in took.iter_mut().zip(0..) {
        let until = session.patience();
        *place = session.greet_when_free(0, number, until)?;
    }
    took.sort_unstable();
    Ok(took.get(took.len() / 2).copied().unwrap_or_default())
}

/// A SYN that isn't answered is repeated after a second (RFC 6298, section 2).
const ONCE_MORE: Duration = Duration::from_millis(2200);

fn half_open(session: &mut Session<'_>) -> Done {
    let done = beside_half_open(session);
    session.stack.end_half_open();
    done?;
    Ok(Verdict::Passed)
}

fn beside_half_open(session: &mut Session<'_>) -> Result<(), Failure> {
    let begun = session.stack.half_open(session.plan.clients.into());
    begun.map_err(Cause::from).during("sending SYNs")?;
    // One that never ends is a silent client: it may hold its place up to the deadline. Who comes then isn't kept
    // out any more, and repeats its SYN once.
    let free = session.stack.now() + session.plan.deadline;
    let until = session.bound().max(free + ONCE_MORE);
    let greeted = session.greet_with_retry(1, free, until);
    greeted.during("a greeting beside half-open connections")
}
