//! Urgent data, which nobody uses and everybody has to read past.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, FIN, PSH};
use crate::bench::{Bench, Body, Done, Feature, Greeting, Trait, Verdict, Wants, further};

use super::receive::NOT_TAKEN;
use super::{LIVENESS, case};

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "urg/in-band",
        Level::Must,
        "RFC 9293, 3.8.5 (MUST-30, MUST-31); RFC 6093, 3.1",
        "Text with an urgent pointer is taken, if not for the byte to which it points",
        &[Wants::Server],
        in_band,
        "a flag that anybody may set loses text",
    ),
    case(
        "urg/beyond",
        Level::Must,
        LIVENESS,
        "Urgent pointers that lead nowhere are no harm: behind the text, without text, with SYN",
        &[Wants::Server],
        beyond,
        "the pointer is believed: what is read or copied is beyond the segment",
    ),
];

/// How much of a name is held: so much that no server takes what stands in front of the pointer for all of it, as
/// some of them read up to there.
const HELD: usize = 600;

fn in_band(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(HELD)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let urgent = 6;
    let piece = client
        .saying(ACK | PSH, &further(b"up to here!"))
        .urgent(urgent);
    if !bench.taken(&mut client, &piece)? {
        return Ok(Verdict::Failed(
            "it isn't acknowledged, four times".to_owned(),
        ));
    }
    let Greeting::Wrong(what) = bench.finish(&mut client)? else {
        bench.portray(Feature::Urgent, Trait::Word("in the stream"));
        return Ok(Verdict::Passed);
    };
    // The byte in front of the pointer, or that at which it points: both were in use (RFC 6093, 3.1).
    let place = HELD + usize::from(urgent);
    let is_taken_out = [place - 1, place].into_iter().any(|place| {
        let mut other = client.clone();
        other.said.remove(place);
        other.greeting() == Greeting::Right
    });
    Ok(if is_taken_out {
        bench.portray(Feature::Urgent, Trait::Word("taken out"));
        Verdict::Noted("the byte at the pointer is taken out of the text".to_owned())
    } else {
        Verdict::Failed(what)
    })
}

fn beyond(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    bench.transmit(&client.syn().urgent(0xffff))?;
    bench.listen(&mut client, Duration::from_millis(200))?;
    bench.abort(&mut client)?;
    for urgent in [0, 1000, 0xffff] {
        let Some(mut client) = bench.hold(HELD)? else {
            return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
        };
        let bare = client.segment(ACK, b"").urgent(urgent);
        bench.transmit(&bare)?;
        let piece = client
            .saying(ACK | PSH, &further(b"up to here!"))
            .urgent(urgent);
        bench.taken(&mut client, &piece)?;
        // A byte may have been taken out: whether the rest is still a name doesn't matter here.
        bench.finish(&mut client)?;
        let Some(mut client) = bench.hold(HELD)? else {
            return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
        };
        let end = client.saying(ACK | FIN, b"").urgent(urgent);
        bench.taken(&mut client, &end)?;
        bench.reply(&mut client)?;
    }
    Ok(Verdict::Passed)
}
