//! Sequence numbers that go round.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH};
use crate::bench::{Bench, Body, Done, Stop, Verdict, Wants, further, is_after};

use super::case;
use super::receive::{NOT_TAKEN, no_handshake};

pub(super) static CASES: [Case<Body>; 1] = [case(
    "seq/wrap",
    Level::Must,
    "RFC 9293, 3.4",
    "Sequence numbers go round, and change their sign, as any others follow each other",
    &[Wants::Server],
    wrap,
    "one connection in some thousands hangs, or loses text: numbers are compared as if they were no circle",
)];

/// The first numbers: shortly before both edges, behind one, and at it.
const FIRSTS: [u32; 4] = [0xffff_fff0, 0x7fff_fff0, 0, u32::MAX];

/// So long each piece is.
const PIECE: usize = 10;

fn wrap(bench: &mut Bench<'_>) -> Done {
    for first in FIRSTS {
        if let Some(what) = against(bench, first)? {
            return Ok(Verdict::Failed(format!("from {first:#010x} on: {what}")));
        }
    }
    Ok(Verdict::Passed)
}

/// What is wrong with a conversation whose numbers begin so; its pieces come out of order and overlap.
fn against(bench: &mut Bench<'_>, first: u32) -> Result<Option<String>, Stop> {
    let mut client = bench.client();
    (client.first, client.next, client.acked) = (first, first, first);
    if !bench.held(&mut client, PIECE)? {
        return Ok(Some(if client.said.is_empty() {
            match no_handshake(&client) {
                Verdict::Failed(what) => what,
                _ => String::new(),
            }
        } else {
            NOT_TAKEN.to_owned()
        }));
    }
    // Around the edge, for the first two.
    let second = client.saying(ACK | PSH, &further(&[b'y'; PIECE - 3]));
    let third = client.saying(ACK | PSH, &further(&[b'z'; PIECE - 3]));
    bench.transmit(&third)?;
    bench.listen(&mut client, Duration::from_millis(50))?;
    if is_after(client.acked, second.seq) {
        return Ok(Some("it acknowledges what hasn't come".to_owned()));
    }
    let twice = [&[b'!'; PIECE / 2], &second.text[..]].concat();
    let back = u32::try_from(PIECE / 2).unwrap_or_default();
    let overlapping = second.clone().seq(second.seq.wrapping_sub(back));
    bench.taken(&mut client, &overlapping.text(&twice))?;
    if is_after(third.end(), client.acked) {
        bench.taken(&mut client, &third)?;
    }
    Ok(bench.finish(&mut client)?.against())
}
