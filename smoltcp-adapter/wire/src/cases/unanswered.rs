//! Handshakes whose last part never comes: how their second part is sent again, and for how long.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;

use crate::bench::flags::{ACK, SYN};
use crate::bench::{Bench, Body, Client, Done, Feature, Stop, Trait, Verdict, Wants};

use super::case;
use super::rto::{growth, unasked};

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "syn/backoff",
        Level::Must,
        "RFC 9293, 3.8.2 (MUST-19); RFC 6298, 5.5",
        "Each time, the wait until a handshake's answer is sent again is twice as long",
        &[Wants::Server],
        backoff,
        "whoever forges SYNs in somebody's name makes it send to him at the same pace",
    ),
    case(
        "syn/gives-up",
        Level::May,
        "RFC 9293, 3.8.3 (MUST-20)",
        "The answer to a SYN isn't sent again for more than ten minutes",
        &[Wants::Server, Wants::Patience],
        gives_up,
        "each forged SYN makes it send to whom it names for as long as it runs",
    ),
];

/// So long the next is waited for: at first, and compared with the last interval.
const LATE: Duration = Duration::from_secs(30);

fn patience(gaps: &[Duration]) -> Duration {
    gaps.last().map_or(LATE, |gap| *gap * 5 / 2)
}

/// When the answer to a SYN came last, and the intervals before: until they are enough, or it comes no more, or until
/// some time.
fn answers(
    bench: &mut Bench<'_>,
    client: &mut Client,
    are_enough: impl Fn(&[Duration]) -> bool,
    until: Instant,
) -> Result<(Instant, Vec<Duration>), Stop> {
    let mut last = bench.now();
    let mut gaps = Vec::new();
    while !are_enough(&gaps) && last < until && !client.is_reset {
        let Some((came, segment)) = bench.hear(client, last + patience(&gaps))? else {
            break;
        };
        if segment.has(SYN | ACK) {
            gaps.push(came.since(last));
            last = came;
        }
    }
    Ok((last, gaps))
}

fn backoff(bench: &mut Bench<'_>) -> Done {
    let is_patient = bench.setup.is_patient;
    let known = &bench.lessons.synacks;
    if are_enough(known, is_patient) && growth(known).0 == Verdict::Passed {
        return Ok(Verdict::Passed);
    }
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(unasked());
    }
    let until = bench.now() + LATE * 2;
    let are_enough = |gaps: &[Duration]| are_enough(gaps, is_patient);
    let (_, gaps) = answers(bench, &mut client, are_enough, until)?;
    bench.abort(&mut client)?;
    let (verdict, _) = growth(&gaps);
    bench.lessons.synacks = gaps;
    Ok(verdict)
}

/// Whether these intervals show it: three, or two where the third would take long. At such a pace nobody is flooded.
fn are_enough(gaps: &[Duration], is_patient: bool) -> bool {
    const SLOW: Duration = Duration::from_secs(4);
    match gaps {
        [_, _, _, ..] => true,
        [_, second] => !is_patient && *second >= SLOW && growth(gaps).0 == Verdict::Passed,
        _ => false,
    }
}

fn gives_up(bench: &mut Bench<'_>) -> Done {
    /// A SYN goes again for three minutes at least (MUST-23). Where the wait doubles from a second on, the last one
    /// that begins within those is over after eight and a half.
    const LONGEST: Duration = Duration::from_mins(10);
    let mut client = bench.client();
    if !bench.syn(&mut client)? {
        return Ok(unasked());
    }
    let begun = bench.now();
    let (last, gaps) = answers(bench, &mut client, |_| false, begun + LONGEST)?;
    bench.abort(&mut client)?;
    let (count, took) = (gaps.len(), last.since(begun));
    if took >= LONGEST {
        return Ok(Verdict::Failed(format!(
            "it was sent again {count} times within {} s, and may go on",
            took.as_secs()
        )));
    }
    if count > 0 {
        bench.portray(Feature::HandshakeEnds, Trait::Time(took));
    }
    Ok(Verdict::Passed)
}
