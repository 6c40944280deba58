//! Text of every length, of which no two places look alike: what is lost, stale or shifted shows.

use core::time::Duration;

use super::super::case::{About, Case, Level, Whose};
use super::super::fact::{Fact, Way};
use super::super::need::Need;
use super::super::pace::APART;
use super::super::sample::{LENGTHS, Sample, shuffled};
use super::super::session::Session;
use super::super::stack::StackError;
use super::super::verdict::{Cause, Done, During, End, Expected, Failure, Verdict};
use super::super::{Event, Plan};
use super::NAMES;
use super::udp::REPLIES;
use crate::limits::GREETING;
use crate::time::Instant;

pub(super) static STREAM: [Case; 1] = [About::new(
    "sizes/stream",
    Level::Must,
    NAMES,
    "Names of random UTF-8 of all lengths up to 1024 bytes MUST come back byte for byte (as many lengths as fit into 4 s, unless thorough).",
)
.blames(Whose::Stack)
.run(stream)];

pub(super) static DATAGRAM: [Case; 1] = [About::new(
    "sizes/datagram",
    Level::Must,
    REPLIES,
    "Messages of random UTF-8 of every third length up to 1024 bytes MUST come back byte for byte (of every length, if thorough; of fewer, where some are lost).",
)
.needs(&[Need::Udp])
.blames(Whose::Stack)
.run(datagram)];

/// So long a check of many names goes on. `None`: to its end. Where segments are lost, each name takes long, and
/// there are others to come.
pub(super) fn budget(session: &Session<'_>) -> Option<Duration> {
    match session.plan {
        Plan { thorough: true, .. } => None,
        Plan { quick: true, .. } => Some(Duration::from_millis(300)),
        _ if session.known.is_lossy => Some(Duration::from_secs(1)),
        _ => Some(Duration::from_secs(4)),
    }
}

/// Of so many lengths one is tried over UDP, where ninety messages a second are answered; of twice as many where
/// those that are lost are sent again.
fn step(session: &Session<'_>) -> u16 {
    match session.plan {
        Plan { thorough: true, .. } => 1,
        Plan { quick: true, .. } => 30,
        _ if session.known.is_lossy => 6,
        _ => 3,
    }
}

fn stream(session: &mut Session<'_>) -> Done {
    let fin = session.half_closes();
    let end = budget(session).map(|budget| session.stack.now() + budget);
    let seed = session.plan.seed;
    let longest = session.longest_name();
    for (tried, len) in (0..).zip(shuffled(seed).filter(|len| *len <= longest)) {
        if end.is_some_and(|end| session.stack.now() >= end) {
            let way = Way::Stream;
            let fact = Fact::Lengths { way, tried };
            (session.report)(Event::Found { fact });
            break;
        }
        // Without FIN, no byte is no name.
        let len = if fin { len } else { len.max(1) };
        let text = Expected::Sample(Sample::new(seed, len));
        let mut greeted = session.greet_text(0, text, fin);
        // A connection may stand still where segments are lost. What is wrong once is wrong.
        if let Err(cause) = greeted
            && session.may_be_lost(cause)
        {
            greeted = session.greet_text(0, text, fin);
        }
        greeted.during("a name of random characters")?;
    }
    Ok(passed(longest))
}

/// Where longer ones are known to be lost, not all was tried.
fn passed(longest: u16) -> Verdict {
    if longest < LENGTHS - 1 {
        return Verdict::Skipped("longer texts are lost, as was measured; all others come back");
    }
    Verdict::Passed
}

/// Which lengths were answered.
struct Answered([u32; WORDS]);

const WORDS: usize = LENGTHS.div_ceil(32) as usize;

impl Answered {
    fn bit(len: u16) -> (usize, u32) {
        (usize::from(len / 32), 1 << (len % 32))
    }

    fn has(&self, len: u16) -> bool {
        let (word, bit) = Self::bit(len);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn note(&mut self, len: u16) {
        let (word, bit) = Self::bit(len);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }
}

const ONE: &str = "a message of random characters";

fn datagram(session: &mut Session<'_>) -> Done {
    /// What isn't answered is sent again so often.
    const PASSES: u32 = 4;
    const OVER: Duration = Duration::from_millis(300);
    let seed = session.plan.seed;
    let step = step(session);
    let longest = session.longest_message();
    // Of those that follow each other one, and the others by other seeds.
    let rest = u16::try_from(seed % u64::from(step)).unwrap_or(0);
    let picked = move |len: &u16| len % step == rest && *len <= longest;
    let mut answered = Answered([0; WORDS]);
    session.drain_datagrams();
    session.make_way(u16::MAX);
    for pass in 0..PASSES {
        for len in shuffled(seed).filter(picked) {
            if answered.has(len) {
                continue;
            }
            let sample = Sample::new(seed, len);
            let until = session.stack.now() + APART;
            if let Err(StackError::Lacks(reason)) =
                session.send_datagram(|at| sample.byte(at), until)
            {
                return Ok(Verdict::Skipped(reason));
            }
            collect(session, &mut answered, seed, until)?;
        }
        // On a long way the last ones take longer.
        let over = OVER.saturating_mul(1 << pass).min(session.plan.timeout);
        loop {
            if shuffled(seed).filter(picked).all(|len| answered.has(len)) {
                return Ok(passed(longest));
            }
            let until = session.stack.now() + over;
            if !collect(session, &mut answered, seed, until)? {
                break;
            }
        }
        let missing = shuffled(seed).filter(|len| picked(len) && !answered.has(*len));
        if pass == 0 && missing.count() >= SOME && !session.loses() && !session.plan.quick {
            unchecked(session);
        }
    }
    alone(session, &answered, seed, picked)
}

/// So many messages of a row aren't lost without a reason.
const SOME: usize = 8;

/// Sends messages without a checksum: what one catches comes back wrong then, and isn't lost.
fn unchecked(session: &mut Session<'_>) {
    const SENT: u16 = 64;
    const LEN: u16 = 512;
    const OVER: Duration = Duration::from_millis(100);
    let mut wrong = 0;
    for number in 0..SENT {
        session.make_way(1);
        session.drain_datagrams();
        let text = Expected::Sample(Sample::plain(session.plan.seed, LEN + number));
        let until = session.stack.now() + OVER;
        if session
            .send_unchecked(|at| text.name_byte(at), until)
            .is_err()
        {
            return;
        }
        if session.take_datagram(until) != End::Fin {
            continue;
        }
        let actual = session.actual();
        let is_ours = text.bytes().zip(actual).take(TELLING);
        let is_ours = is_ours.filter(|(due, came)| due == *came).count() == TELLING;
        wrong += u16::from(is_ours && !text.is(actual));
    }
    if wrong > 1 {
        let fact = Fact::Unchecked { sent: SENT, wrong };
        (session.report)(Event::Found { fact });
    }
}

/// Takes answers until this time, and says whether there was one.
fn collect(
    session: &mut Session<'_>,
    answered: &mut Answered,
    seed: u64,
    until: Instant,
) -> Result<bool, Failure> {
    let mut came = false;
    loop {
        match session.take_datagram(until) {
            End::Fin => {}
            End::Broken(_) => continue,
            _ => return Ok(came),
        }
        came = true;
        if let Some(len) = asked(session, seed).map_err(|cause| Failure { during: ONE, cause })? {
            answered.note(len);
        }
    }
}

/// So many bytes tell whose a text is.
const TELLING: usize = 17;

/// Of which length the message was that is answered by what came. `None`: of none, it is late from before.
fn asked(session: &Session<'_>, seed: u64) -> Result<Option<u16>, Cause> {
    let actual = session.actual();
    let whole = actual.len().checked_sub(GREETING.len());
    let len = whole.and_then(|len| u16::try_from(len).ok());
    let of = |len| Expected::Sample(Sample::new(seed, len));
    if let Some(len) = len.filter(|len| of(*len).is(actual)) {
        return Ok(Some(len));
    }
    let wrong = |len| {
        Err(Cause::Reply {
            expected: of(len),
            end: End::Fin,
        })
    };
    let begins = |len| {
        let begin = of(len).bytes().zip(actual).take(TELLING);
        begin.filter(|(due, came)| due == *came).count() == TELLING
    };
    if let Some(len) = (0..LENGTHS).find(|len| begins(*len)) {
        return wrong(len);
    }
    // What is so short may be from before.
    match len {
        Some(len) if usize::from(len) > 2 * TELLING => wrong(len),
        _ => Ok(None),
    }
}

/// Asks for what wasn't answered once more, each alone.
fn alone(
    session: &mut Session<'_>,
    answered: &Answered,
    seed: u64,
    picked: impl Fn(&u16) -> bool,
) -> Done {
    const TRIES: u8 = 3;
    /// So many of them tell enough.
    const ENOUGH: usize = 8;
    /// So many may be lost on any link, three times each.
    const FEW: usize = 3;
    let missing = || shuffled(seed).filter(|len| picked(len) && !answered.has(*len));
    session.make_way(u16::MAX);
    for len in missing().take(ENOUGH) {
        let expected = Expected::Sample(Sample::new(seed, len));
        let mut end = End::Silence;
        for _ in 0..TRIES {
            session.make_way(1);
            session.drain_datagrams();
            let until = session.stack.now() + Duration::from_secs(1).min(session.plan.timeout);
            let _ = session.send_datagram(|at| expected.name_byte(at), until);
            end = session.take_datagram(until);
            if end != End::Silence {
                break;
            }
        }
        session.judge(expected, end).during(ONE)?;
    }
    Ok(match missing().count() {
        0..=FEW => passed(session.longest_message()),
        _ => Verdict::Inconclusive(
            "each message is answered alone, but not all of ninety in a second (does it grant fewer?)",
        ),
    })
}
