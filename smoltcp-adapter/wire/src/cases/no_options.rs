//! Options that nobody can mean: of a length that can't be, or with a value that makes no sense. Whoever gets over
//! them may do so in any way.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH};
use crate::bench::{Bench, Body, Done, REST, Stop, Verdict, Wants};

use super::options::{mss, with};
use super::{LIVENESS, case};

pub(super) static CASES: [Case<Body>; 3] = [
    case(
        "mss/absurd",
        Level::Must,
        LIVENESS,
        "An MSS that nobody can mean is no harm",
        &[Wants::Server],
        absurd,
        "a length is divided by it, or made less by what a header has",
    ),
    case(
        "opt/length-zero",
        Level::Must,
        "RFC 9293, 3.1 (MUST-7)",
        "Options that say that they are of no length are no harm",
        &[Wants::Server],
        length_zero,
        "a loop over options that goes on by their length never ends",
    ),
    case(
        "opt/overrun",
        Level::Must,
        "RFC 9293, 3.1 (MUST-7)",
        "Options that end behind the header are no harm",
        &[Wants::Server],
        overrun,
        "an option's length is believed before it is looked at: what is read is beyond the header",
    ),
];

/// Whether the board gets over a SYN with these options, and what a client does that says so.
fn survives(bench: &mut Bench<'_>, options: &[u8]) -> Result<bool, Stop> {
    let mut client = with(bench, options);
    let syn = client.syn();
    client.next = syn.end();
    for _ in 0..2 {
        bench.transmit(&syn)?;
        let until = bench.now() + Duration::from_millis(200);
        bench.hear(&mut client, until)?;
        if client.acked == client.next || client.is_reset {
            break;
        }
    }
    if client.acked == client.next {
        bench.transmit(&client.segment(ACK, b""))?;
        bench.transmit(&client.segment(ACK | PSH, b"Ada"))?;
        client.next = client.next.wrapping_add(3);
        let until = bench.now() + Duration::from_secs(2);
        while !client.has_fin && bench.hear(&mut client, until)?.is_some() {}
    }
    bench.abort(&mut client)?;
    bench.is_alive()
}

fn absurd(bench: &mut Bench<'_>) -> Done {
    for (options, what) in [
        (&mss(0)[..], "an MSS of 0"),
        (&mss(1), "an MSS of 1"),
        (&mss(7), "an MSS of 7"),
        (&mss(u16::MAX), "an MSS of 65535"),
        (&[2, 3, 2], "an MSS of one byte"),
        (&[2, 5, 2, 0, 0], "an MSS of three bytes"),
    ] {
        if !survives(bench, options)? {
            return Ok(Verdict::Failed(format!("it dies of {what}")));
        }
    }
    Ok(Verdict::Passed)
}

/// Whether the board gets over these options in a SYN each, and beside text.
fn survives_all(bench: &mut Bench<'_>, all: &[&[u8]]) -> Done {
    for options in all {
        if !survives(bench, options)? {
            return Ok(Verdict::Failed(format!(
                "it dies of a SYN with {options:?}"
            )));
        }
        let Some(mut client) = bench.hold(10)? else {
            return Ok(Verdict::Failed(
                "a name isn't acknowledged, four times".to_owned(),
            ));
        };
        bench.transmit(&client.segment(ACK | PSH, REST).options(options))?;
        bench.listen(&mut client, Duration::from_millis(50))?;
        bench.abort(&mut client)?;
        if !bench.is_alive()? {
            return Ok(Verdict::Failed(format!(
                "it dies of text beside {options:?}"
            )));
        }
    }
    Ok(Verdict::Passed)
}

fn length_zero(bench: &mut Bench<'_>) -> Done {
    survives_all(
        bench,
        &[
            &[253, 0, 0, 0],
            &[2, 0, 2, 24],
            &[255, 0, 0, 0],
            &[3, 0, 7, 0],
            &[8, 0, 0, 0],
        ],
    )
}

fn overrun(bench: &mut Bench<'_>) -> Done {
    survives_all(
        bench,
        &[
            &[2, 200, 2, 24],
            &[253, 255, 0, 0],
            &[1, 1, 1, 2],
            &[3, 40, 7, 0],
            &[8, 10, 0, 0],
            &[5, 34, 0, 0],
        ],
    )
}
