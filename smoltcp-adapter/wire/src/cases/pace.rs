//! How often it sends by itself: acknowledgments of what fills its window, the window, and keepalives.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH, RST};
use crate::bench::{
    Bench, Body, Client, Done, Feature, Segment, Stop, Trait, Verdict, Wants, further, is_after,
    opening,
};

use super::acks::{APART, HELD, LATEST, not_taken};
use super::case;
use super::receive::no_handshake;

pub(super) static CASES: [Case<Body>; 3] = [
    case(
        "ack/every-second",
        Level::Should,
        "RFC 9293, 3.8.6.3 (SHLD-19); RFC 5681, 4.2",
        "Of full segments at least every second is acknowledged at once",
        &[Wants::Server],
        every_second,
        "a client's window of congestion grows slowly, and small windows wait for a timer",
    ),
    case(
        "window/right-edge",
        Level::Should,
        "RFC 9293, 3.8.6 (SHLD-14)",
        "The right edge of its window never moves back",
        &[Wants::Server],
        right_edge,
        "the window is computed from what isn't free yet: what a client was allowed to send is thrown away",
    ),
    case(
        "keepalive/off",
        Level::May,
        "RFC 9293, 3.8.4 (MUST-25, MUST-28)",
        "Nobody is asked whether it is still there before two hours have passed",
        &[Wants::Server],
        keepalive_off,
        "radios are woken for nothing, and a short break of the network ends connections",
    ),
];

/// So long what is sent at once may take beside the round trip; a clock of a delayed one is slower.
const AT_ONCE: Duration = Duration::from_millis(20);

/// So many pairs are sent, as far as the server reads on that long.
const PAIRS: usize = 4;

fn every_second(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    let begun = bench.now();
    if !bench.syn(&mut client)? {
        return Ok(no_handshake(&client));
    }
    let round_trip = bench.now().since(begun);
    bench.transmit(&client.segment(ACK, b""))?;
    if !bench.refused(&mut client)? {
        return Ok(Verdict::Failed("what is no name isn't refused".to_owned()));
    }
    let full = bench.full(&client);
    let (mut of, mut soon, mut is_lost) = (0, 0, false);
    for _ in 0..PAIRS {
        let room = client.edge().wrapping_sub(client.next);
        if usize::try_from(room).unwrap_or_default() < 2 * full {
            break;
        }
        for _ in 0..2 {
            let segment = client.saying(ACK, &vec![b'.'; full]);
            bench.transmit(&segment)?;
            bench.listen(&mut client, Duration::from_millis(2))?;
        }
        let behind = client.next;
        let is_acked = |client: &Client| !is_after(behind, client.acked);
        wait(bench, &mut client, AT_ONCE + 2 * round_trip, is_acked)?;
        let is_soon = is_acked(&client);
        wait(bench, &mut client, LATEST, is_acked)?;
        if !is_acked(&client) {
            is_lost = true; // or nobody reads on
            break;
        }
        of += 1;
        soon += usize::from(is_soon);
    }
    bench.abort(&mut client)?;
    if of == 0 {
        return Ok(if is_lost {
            Verdict::Inconclusive("the first pair isn't acknowledged at all".to_owned())
        } else {
            Verdict::Skipped("its window takes no two full segments")
        });
    }
    let is_soon = soon * 2 >= of;
    let every = if is_soon {
        "two or fewer"
    } else {
        "more than two"
    };
    bench.portray(Feature::AckEvery, Trait::Word(every));
    let against = (!is_soon).then(|| format!("{soon} of {of} pairs"));
    Ok(Verdict::unless(against))
}

/// Takes what comes for some time, or until it `is_enough`.
fn wait(
    bench: &mut Bench<'_>,
    client: &mut Client,
    time: Duration,
    is_enough: impl Fn(&Client) -> bool,
) -> Result<(), Stop> {
    let until = bench.now() + time;
    while !is_enough(client) && bench.hear(client, until)?.is_some() {}
    Ok(())
}

/// So much goes in each segment, and so many are sent: of a name, and after its refusal.
const CRUMB: usize = 100;

const CRUMBS: [usize; 2] = [5, 20];

fn right_edge(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.open(&mut client)? {
        return Ok(no_handshake(&client));
    }
    let (mut last, mut edge) = (client.acked, client.edge());
    let mut back = 0;
    let mut look = |heard: &[(_, Segment)]| {
        for (_, segment) in heard {
            // What was overtaken says what was so before.
            if !segment.has(ACK) || segment.has(RST) || is_after(last, segment.ack) {
                continue;
            }
            last = segment.ack;
            let now = segment.ack.wrapping_add(segment.window.into());
            if is_after(edge, now) {
                back = edge.wrapping_sub(now).max(back);
            } else {
                edge = now;
            }
        }
    };
    let mut text = opening(b"edges");
    for (is_refused, count) in [false, true].into_iter().zip(CRUMBS) {
        for _ in 0..count {
            let piece = client.saying(ACK | PSH, &text);
            bench.transmit(&piece)?;
            look(&bench.listen(&mut client, APART / 4)?);
            bench.taken(&mut client, &piece)?;
            text = further(&[b'.'; CRUMB]);
        }
        if is_refused {
            break;
        }
        let nonsense = client.saying(ACK | PSH, &[0xff]);
        bench.transmit(&nonsense)?;
        look(&bench.listen(&mut client, APART)?);
    }
    bench.abort(&mut client)?;
    let against = (back > 0).then(|| format!("by {back} bytes"));
    Ok(Verdict::unless(against))
}

fn keepalive_off(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(HELD)? else {
        return Ok(not_taken());
    };
    let idle = bench.setup.deadline / 2;
    let heard = bench.listen(&mut client, idle)?;
    let asks = |segment: &Segment| segment.seq == client.due.wrapping_sub(1) && !segment.has(RST);
    let asked = heard.iter().filter(|(_, segment)| asks(segment)).count();
    let word = if asked > 0 {
        "within seconds"
    } else {
        "none within seconds"
    };
    bench.portray(Feature::KeepAlive, Trait::Word(word));
    if let Some(what) = bench.finish(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    let against = (asked > 0).then(|| format!("{asked} times within {} s", idle.as_secs()));
    Ok(Verdict::unless(against))
}
