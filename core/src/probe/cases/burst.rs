//! Messages that come all at once: how many of them are answered. A driver has room for so many frames, a
//! socket for so many datagrams, and neither has to have room for 64.

use core::time::Duration;

use super::super::Event;
use super::super::case::{About, Case, Level, Whose};
use super::super::fact::Fact;
use super::super::need::Need;
use super::super::sample::Sample;
use super::super::session::Session;
use super::super::stack::StackError;
use super::super::verdict::{Cause, Done, End, Expected, Failure, Verdict};
use super::udp::REPLIES;
use crate::limits::GREETING;
use crate::time::Instant;

pub(super) static CASES: [Case; 2] = [
    About::new(
        "burst/short",
        Level::May,
        REPLIES,
        "Of 64 messages of 12 bytes at once all MAY be answered; where not, of 2, 4, 8 and so on.",
    )
    .needs(&[Need::Udp])
    .blames(Whose::Stack)
    .run(|session| burst(session, 12)),
    About::new(
        "burst/long",
        Level::May,
        REPLIES,
        "Of 64 messages of 1024 bytes at once all MAY be answered; where not, of 2, 4, 8 and so on.",
    )
    .needs(&[Need::Udp])
    .blames(Whose::Stack)
    .run(|session| burst(session, 1024)),
];

const MOST: u16 = 64;

/// How often a burst is sent of which some aren't answered.
const TRIES: u8 = 3;

/// How long nothing more may come before a burst counts as over: a few times what one takes, within these
/// bounds. What follows a burst at once falls into the same second, in which a receiver may have granted all
/// that it grants.
const OVER: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(500));

/// The client that comes alone.
const ALONE: Expected = Expected::Client(1000);

fn burst(session: &mut Session<'_>, len: u16) -> Done {
    most(session, len).or_else(Ok)
}

/// An error ends the check before its time.
fn most(session: &mut Session<'_>, len: u16) -> Result<Verdict, Verdict> {
    if session.plan.quick {
        return Ok(Verdict::Skipped("a quick run doesn't wait between bursts"));
    }
    let sent = MOST;
    let alone = text(session, len, 0);
    if !is_answered(session, alone, OVER.1)? {
        return Ok(Verdict::Skipped("a message so long isn't answered alone"));
    }
    let answered = best_of(session, len, sent)?;
    if answered == sent {
        return Ok(Verdict::Passed);
    }
    if is_most(answered, sent) {
        return Ok(Verdict::PassedWithLoss { sent, answered });
    }
    let (mut size, mut most) = (2, answered);
    while size < sent {
        let best = best_of(session, len, size)?;
        if !is_most(best, size) {
            most = best;
            break;
        }
        size *= 2;
    }
    let fact = Fact::Burst { len, most };
    (session.report)(Event::Found { fact });
    Err(failed(Cause::Lost { sent, answered }))
}

fn failed(cause: Cause) -> Verdict {
    Failure {
        during: "a burst of messages",
        cause,
    }
    .into()
}

/// More than half: chance loses some, and not so many.
const fn is_most(answered: u16, sent: u16) -> bool {
    answered * 2 > sent
}

/// How many of so many are answered, in the best of some tries.
fn best_of(session: &mut Session<'_>, len: u16, size: u16) -> Result<u16, Verdict> {
    let mut best = 0;
    for turn in 0..TRIES {
        session.make_way(size);
        let (seen, over) = answered(session, len, size)?;
        let Seen { number, late, .. } = seen;
        // An answer that comes later still may be from the try before.
        if turn == 0 && late > 0 {
            let fact = Fact::Overtaken {
                answers: number,
                late,
            };
            (session.report)(Event::Found { fact });
        }
        best = best.max(number);
        if is_most(best, size) {
            break;
        }
        // Who answers nothing more now has room, and holds back.
        if !is_answered(session, ALONE, over)? {
            session.make_way(u16::MAX);
            if is_answered(session, ALONE, OVER.1)? {
                return Err(Verdict::Inconclusive(
                    "it answers a few messages, and nothing more in that second (is it told to?)",
                ));
            }
        }
    }
    Ok(best)
}

/// Which of a burst were answered.
#[derive(Default)]
struct Seen {
    /// A bit for each.
    which: u64,
    number: u16,
    /// How many answers came behind that to a later one.
    late: u16,
}

impl Seen {
    fn note(&mut self, number: u16) {
        let from_here = self.which >> number;
        // Who is answered twice isn't late.
        if from_here & 1 == 0 {
            self.late += u16::from(from_here > 0);
            self.which |= 1 << number;
            self.number += 1;
        }
    }
}

/// Sends so many at once, and notes those that are answered. And how long one of them may take.
fn answered(session: &mut Session<'_>, len: u16, size: u16) -> Result<(Seen, Duration), Verdict> {
    session.drain_datagrams();
    let mut seen = Seen::default();
    let start = session.stack.now();
    let mut over = OVER.1;
    for number in 0..size {
        send(session, text(session, len, number))?;
        // It is the other side's room that is tried.
        let now = session.stack.now();
        take(session, len, size, &mut seen, now)?;
    }
    while seen.number < size {
        let until = session.stack.now() + over;
        if !take(session, len, size, &mut seen, until)? {
            break;
        }
        let took = session.stack.now().since(start);
        over = took.saturating_mul(4).clamp(OVER.0, OVER.1);
    }
    Ok((seen, over))
}

/// Text that only one message of a burst has.
fn text(session: &Session<'_>, len: u16, number: u16) -> Expected {
    let seed = session.plan.seed.wrapping_add(number.into());
    Expected::Sample(Sample::plain(seed, len))
}

fn send(session: &mut Session<'_>, text: Expected) -> Result<(), Verdict> {
    let until = session.bound();
    match session.send_datagram(|at| text.name_byte(at), until) {
        Err(StackError::Lacks(reason)) => Err(Verdict::Skipped(reason)),
        // Whether it was answered tells.
        _ => Ok(()),
    }
}

/// Takes an answer until this time, if one comes, and notes which it is.
fn take(
    session: &mut Session<'_>,
    len: u16,
    size: u16,
    seen: &mut Seen,
    until: Instant,
) -> Result<bool, Verdict> {
    match session.take_datagram(until) {
        End::Fin => {}
        end => return Ok(matches!(end, End::Broken(_))),
    }
    let is = |number: &u16| text(session, len, *number).is(session.actual());
    match (0..size).find(is) {
        Some(number) => seen.note(number),
        // Another length is somebody else's, late.
        None if session.received != usize::from(len) + GREETING.len() => {}
        None => {
            return Err(failed(Cause::Reply {
                expected: text(session, len, 0),
                end: End::Fin,
            }));
        }
    }
    Ok(true)
}

/// Whether one that comes alone is answered.
fn is_answered(
    session: &mut Session<'_>,
    alone: Expected,
    over: Duration,
) -> Result<bool, Verdict> {
    /// What is alone may be lost on any link.
    const TRIES: u8 = 6;
    for _ in 0..TRIES {
        session.drain_datagrams();
        send(session, alone)?;
        let until = session.stack.now() + over;
        while session.take_datagram(until) != End::Silence {
            if alone.is(session.actual()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
