//! How long somebody is sent to who is gone.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::{Bench, Body, Done, Feature, MSS, Trait, Verdict, Wants};

use super::case;
use super::rto::{gaps, unasked};

pub(super) static CASES: [Case<Body>; 1] = [case(
    "rto/gives-up",
    Level::May,
    "RFC 9293, 3.8.3 (MUST-20, SHLD-11)",
    "What is never acknowledged is given up, after 90 seconds at the earliest and 20 minutes at the latest",
    &[Wants::Server, Wants::Patience],
    gives_up,
    "whoever vanishes keeps a connection, and its memory, for ever; or loses it where a cable is pulled for a moment",
)];

/// So long it is watched: Linux takes 15 minutes where nobody says otherwise.
const LONGEST: Duration = Duration::from_mins(20);

/// A little less than a SHOULD has it, as nobody sees when exactly something is given up.
const SHORTEST: Duration = Duration::from_secs(90);

/// So exactly a server keeps its deadline.
const AROUND: Duration = Duration::from_secs(2);

/// So long the first is waited for.
const LATE: Duration = Duration::from_secs(30);

fn gives_up(bench: &mut Bench<'_>) -> Done {
    let client = bench.taker(MSS);
    let Some(mut reply) = bench.asked(client, 3)? else {
        return Ok(unasked());
    };
    let begun = bench.now();
    let early = |after: Duration| {
        let is_early = after < SHORTEST;
        Verdict::unless(is_early.then(|| format!("it is given up after {after:.1?} at the latest")))
    };
    loop {
        let gaps = gaps(&reply.times());
        // The next one would come after twice as long at most.
        let patience = gaps.last().map_or(LATE, |gap| LATE.max(*gap * 5 / 2));
        let until = bench.now() + patience;
        let came = bench.part(&mut reply, until)?;
        if reply.client.is_reset {
            let after = bench.now().since(begun);
            bench.portray(Feature::GivesUp, Trait::Time(after));
            let deadline = bench.setup.deadline;
            // That may be the server's.
            let is_the_servers = after + AROUND > deadline && after < deadline + AROUND;
            return Ok(if is_the_servers {
                Verdict::Passed
            } else {
                early(after)
            });
        }
        if came.is_none() {
            bench.abort(&mut reply.client)?;
            let times = reply.times();
            let (Some(time), Some(gap)) = (times.last(), gaps.last()) else {
                return Ok(Verdict::Inconclusive(
                    "it isn't sent again at all".to_owned(),
                ));
            };
            // It said nothing more since, so that nobody knows when exactly.
            bench.portray(Feature::GivesUp, Trait::Longer(gaps.iter().sum()));
            return Ok(early(time.since(begun) + *gap * 2));
        }
        if bench.now() > begun + LONGEST {
            bench.abort(&mut reply.client)?;
            return Ok(Verdict::Failed(format!(
                "it was sent again {} times by then",
                gaps.len()
            )));
        }
    }
}
