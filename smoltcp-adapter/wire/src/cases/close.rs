//! Ends with text, before it and behind it.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, FIN, PSH};
use crate::bench::{Bench, Body, Done, Verdict, Wants, is_after};

use super::case;
use super::receive::{NOT_TAKEN, no_handshake};

pub(super) static CASES: [Case<Body>; 3] = [
    case(
        "fin/with-data",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "Text in the segment of an end is taken, and both are acknowledged",
        &[Wants::Server],
        with_data,
        "clients that shut down with their last text aren't understood, or wait for ever",
    ),
    case(
        "fin/early",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "An end that comes before its turn waits for what is missing",
        &[Wants::Server],
        early,
        "half a name is greeted where a frame was lost",
    ),
    case(
        "fin/data-after",
        Level::Must,
        "RFC 9293, 3.10.7.4",
        "Text behind an end isn't taken",
        &[Wants::Server],
        data_after,
        "what is forged or left over becomes part of a name that was complete",
    ),
];

/// So long segments are apart, so that each is answered by itself.
pub(super) const APART: Duration = Duration::from_millis(50);

/// How much of a name is held.
pub(super) const HELD: usize = 30;

pub(super) fn not_taken() -> Verdict {
    Verdict::Failed(NOT_TAKEN.to_owned())
}

pub(super) fn failed(what: &str) -> Verdict {
    Verdict::Failed(what.to_owned())
}

fn with_data(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.client();
    if !bench.open(&mut client)? {
        return Ok(no_handshake(&client));
    }
    let all = client.saying(ACK | PSH | FIN, b"Ada");
    let is_taken = bench.taken(&mut client, &all)?;
    if let Some(what) = bench.reply(&mut client)?.against() {
        return Ok(Verdict::Failed(what));
    }
    let against = (!is_taken).then(|| "its end isn't acknowledged, four times".to_owned());
    Ok(Verdict::unless(against))
}

fn early(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(HELD)? else {
        return Ok(not_taken());
    };
    // The other half of the character is missing, so the name can't have ended.
    let gap = client.segment(ACK | PSH, &[0x96]);
    let end = client.segment(ACK | FIN, b"").seq(gap.end());
    bench.transmit(&end)?;
    bench.listen(&mut client, APART * 4)?;
    if is_after(client.acked, client.next) || !client.text.is_empty() || client.has_fin {
        return Ok(failed("the end counts before what stands in front of it"));
    }
    client.said.push(0x96);
    client.next = gap.end();
    bench.taken(&mut client, &gap)?;
    client.next = end.end();
    client.is_over = true;
    if is_after(end.end(), client.acked) {
        // It wasn't kept, which it needn't be; so it comes again, as from any client.
        let end = end.ack(client.due);
        bench.taken(&mut client, &end)?;
    }
    Ok(Verdict::unless(bench.reply(&mut client)?.against()))
}

fn data_after(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(HELD)? else {
        return Ok(not_taken());
    };
    // It would make the name whole, which ends in the middle of a character; so that has to be refused.
    let end = client.saying(ACK | FIN, b"");
    let after = client.segment(ACK | PSH, &[0x96]);
    bench.transmit(&after)?;
    bench.listen(&mut client, APART)?;
    // At once behind it, too, before anybody has read that it is the end.
    bench.transmit(&end)?;
    bench.transmit(&after)?;
    bench.listen(&mut client, APART)?;
    if is_after(end.end(), client.acked) {
        bench.taken(&mut client, &end)?;
    }
    if is_after(client.acked, end.end()) {
        return Ok(failed("it is acknowledged"));
    }
    bench.reply(&mut client)?;
    let line = client.text.starts_with(b"Error: name is not UTF-8");
    Ok(if line {
        Verdict::Passed
    } else if client.text.starts_with(b"Hello, ") {
        Verdict::Failed("a name is greeted to which it belongs".to_owned())
    } else {
        Verdict::Failed(format!(
            "{} bytes, which are no refusal, answer a name that ends in the middle of a character",
            client.text.len()
        ))
    })
}
