//! Handshakes that never end.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::{Bench, Body, Done, Feature, Greeting, Stop, Trait, Verdict, Wants};

use super::case;
use super::states::greeted;

pub(super) static CASES: [Case<Body>; 1] = [case(
    "syn/half-open",
    Level::Should,
    "RFC 4987, 3",
    "Handshakes that never end don't keep others out for good",
    &[Wants::Server],
    half_open,
    "a handshake has no timeout, or while one goes on nobody else is accepted",
)];

fn half_open(bench: &mut Bench<'_>) -> Done {
    /// More than a small server has places.
    const MANY: usize = 32;
    /// As many as a board has no places for, and as are no burden for anybody.
    const MOST: usize = 256;
    const STEP: usize = 16;
    let (one, _) = beside(bench, 1)?;
    if one != Beside::Greeted {
        return Ok(match one {
            Beside::Later(after) => Verdict::Failed(format!(
                "one that doesn't end keeps others out for {} s",
                after.as_secs()
            )),
            _ => Verdict::Failed(format!(
                "one that doesn't end keeps others out for more than {} s",
                GIVE_UP.as_secs()
            )),
        });
    }
    let (many, mut held) = beside(bench, MANY)?;
    // Where they kept others out, each was answered again and again meanwhile.
    bench.lessons.keep_handshake();
    // Who greets beside so many may hold more.
    let mut goes_on = many == Beside::Greeted && held == MANY;
    while goes_on && held < MOST {
        let more = begin(bench, STEP)?;
        held += more;
        goes_on = more == STEP;
    }
    let held = if held == MOST {
        Trait::Word("256 or more")
    } else {
        Trait::Count(u64::try_from(held).unwrap_or(u64::MAX))
    };
    bench.portray(Feature::HalfOpen, held);
    // The board is as full as it gets. Where a reset is lost, a place is free only once its handshake is given up.
    bench.hang_up()?;
    served(bench)?;
    Ok(match many {
        Beside::Greeted => Verdict::Passed,
        Beside::Later(after) => Verdict::Noted(format!(
            "{MANY} that don't end keep others out for {} s",
            after.as_secs()
        )),
        Beside::Never => Verdict::Failed(format!(
            "{MANY} that don't end keep others out for more than {} s",
            GIVE_UP.as_secs()
        )),
    })
}

/// So long a handshake may keep its place.
const GIVE_UP: Duration = Duration::from_secs(200);

/// How an honest client fares beside handshakes that never end.
#[derive(PartialEq, Eq)]
enum Beside {
    Greeted,
    Later(Duration),
    Never,
}

/// And how many of those handshakes were answered.
fn beside(bench: &mut Bench<'_>, count: usize) -> Result<(Beside, usize), Stop> {
    let held = begin(bench, count)?;
    Ok((served(bench)?, held))
}

/// How long it takes until one is greeted.
fn served(bench: &mut Bench<'_>) -> Result<Beside, Stop> {
    let begun = bench.now();
    let mut is_first = true;
    while bench.now() < begun + GIVE_UP {
        if greeted(bench)? == Greeting::Right {
            return Ok(if is_first {
                Beside::Greeted
            } else {
                Beside::Later(bench.now().since(begun))
            });
        }
        is_first = false;
        bench.pause(Duration::from_secs(1))?;
    }
    Ok(Beside::Never)
}

/// Begins so many handshakes. How many were answered.
fn begin(bench: &mut Bench<'_>, count: usize) -> Result<usize, Stop> {
    let mut held = 0;
    for _ in 0..count {
        let mut client = bench.client();
        client.acknowledges = false;
        bench.transmit(&client.syn())?;
        // So that none is lost for coming with the others.
        let until = bench.now() + bench.usual();
        bench.hear(&mut client, until)?;
        held += usize::from(client.acked != client.first);
    }
    Ok(held)
}
