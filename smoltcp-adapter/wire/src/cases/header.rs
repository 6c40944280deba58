//! What no segment should have in its header: bits that contradict, lengths that can't be, a wrong sum.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::craft::{self, Ends};
use crate::bench::flags::{ACK, FIN, PSH, RST, SYN, URG};
use crate::bench::{Bench, Body, Client, Done, Quiet, REST, Said, Verdict, Wants};

use smoltcp::wire::IpProtocol;

use super::{LIVENESS, case};

pub(super) static CASES: [Case<Body>; 7] = [
    case(
        "tcp/checksum",
        Level::Must,
        "RFC 9293, 3.1 (MUST-3)",
        "Text with a wrong checksum isn't taken",
        &[Wants::Server],
        checksum,
        "sums of what comes in aren't looked at: by the MAC that was told to, or by the stack",
    ),
    case(
        "flags/none",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.10.7.2",
        "A segment without any control bit is dropped",
        &[Wants::Server],
        none,
        "who is elsewhere can put text into a connection by its ports and one number",
    ),
    case(
        "flags/xmas",
        Level::Must,
        "RFC 9293, 3.10.7.4; 3.10.7.2",
        "A segment with FIN, PSH and URG, and without ACK, is dropped",
        &[Wants::Server],
        xmas,
        "who is elsewhere can end a connection by its ports and one number",
    ),
    case(
        "flags/syn-rst",
        Level::Must,
        "RFC 9293, 3.10.7.2; 3.10.7.4",
        "A SYN that is a reset as well is a reset: it begins nothing, and isn't answered",
        &[Wants::Server],
        syn_rst,
        "bits are looked at in another order than the standard has",
    ),
    case(
        "flags/reserved",
        Level::Must,
        "RFC 9293, 3.1",
        "Bits that are reserved are ignored",
        &[Wants::Server],
        reserved,
        "a segment is known by all of a word, in which a later standard may use a bit",
    ),
    case(
        "offset/short",
        Level::Must,
        LIVENESS,
        "A header that says that it is shorter than a header is no harm",
        &[Wants::Server],
        short,
        "the header's length is believed: part of it is taken for text",
    ),
    case(
        "offset/long",
        Level::Must,
        LIVENESS,
        "A header that says that it is longer than its segment is no harm",
        &[Wants::Server],
        long,
        "the header's length is believed: what is read as options is beyond the frame",
    ),
];

const NOT_TAKEN: &str = "a name isn't acknowledged, though it was said four times";

/// Where the sum stands in a header, and the header's length.
const SUM: usize = 16;
const OFFSET: usize = 12;

/// Sends frames that must not change a connection, and then ends its name.
fn nothing_of(bench: &mut Bench<'_>, client: &mut Client, frames: &[Vec<u8>], came: &str) -> Done {
    match bench.unmoved(client, frames)? {
        Quiet::Kept => {}
        quiet => return Ok(quiet.verdict(came)),
    }
    Ok(Verdict::unless(bench.finish(client)?.against()))
}

fn checksum(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let rest = client.segment(ACK | PSH, REST);
    let ends = rest.between();
    let right = rest.bytes();
    let mut bit = right.clone();
    if let Some(byte) = bit.get_mut(SUM) {
        *byte ^= 1;
    }
    let mut zero = right.clone();
    craft::put(&mut zero, SUM, &[0, 0]);
    // As if it were from somebody else: the addresses count.
    let mut other = right.clone();
    let from_itself = Ends {
        from: ends.to,
        to: ends.to,
    };
    craft::mend_transport(from_itself, IpProtocol::Tcp, SUM, &mut other);
    let frames: Vec<_> = [bit, zero, other]
        .iter()
        .filter(|bytes| **bytes != right)
        .map(|bytes| bench.packet(ends, bytes))
        .collect();
    nothing_of(bench, &mut client, &frames, "it is taken")
}

/// Text with these control bits, of which ACK isn't one, to who listens and on a connection.
fn without_ack(bench: &mut Bench<'_>, flags: u8) -> Done {
    let stranger = bench.client();
    let stray = bench.forged(&stranger.segment(flags, b"Ada"), |_| ());
    let quiet = bench.quiet(&[stray], |heard| {
        matches!(&heard.said, Said::Tcp(segment) if stranger.is_of(segment) && segment.has(SYN))
    })?;
    match quiet {
        Quiet::Kept => {}
        quiet => return Ok(quiet.verdict("it is taken for a SYN")),
    }
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let frame = bench.forged(&client.segment(flags, REST), |_| ());
    nothing_of(bench, &mut client, &[frame], "on a connection it is taken")
}

fn none(bench: &mut Bench<'_>) -> Done {
    without_ack(bench, 0)
}

fn xmas(bench: &mut Bench<'_>) -> Done {
    without_ack(bench, FIN | PSH | URG)
}

fn syn_rst(bench: &mut Bench<'_>) -> Done {
    let stranger = bench.client();
    let stray = bench.forged(&stranger.syn().flags(SYN | RST), |_| ());
    match bench.silence(&stranger, &[stray])? {
        Quiet::Kept => {}
        quiet => return Ok(quiet.verdict("it is answered")),
    }
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    bench.listen(&mut client, Duration::from_millis(50))?;
    // A reset within the window is another check's.
    let outside = client.next.wrapping_add(0x2000_0000);
    let stray = client.segment(SYN | RST, b"").seq(outside);
    let frame = bench.packet(stray.between(), &stray.bytes());
    match bench.silence(&client, &[frame])? {
        Quiet::Kept => {}
        quiet => return Ok(quiet.verdict("on a connection it is answered")),
    }
    Ok(Verdict::unless(bench.finish(&mut client)?.against()))
}

fn reserved(bench: &mut Bench<'_>) -> Done {
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let rest = client.segment(ACK | PSH, REST);
    let frame = bench.forged(&rest, |bytes| {
        if let Some(byte) = bytes.get_mut(OFFSET) {
            *byte |= 0x0f;
        }
    });
    let behind = rest.end();
    client.next = behind;
    client.said.extend_from_slice(REST);
    if !bench.insist(&mut client, &frame, |client| client.acked == behind)? {
        return Ok(Verdict::Failed(
            "text with them isn't acknowledged, three times".to_owned(),
        ));
    }
    Ok(Verdict::unless(bench.reply(&mut client)?.against()))
}

/// Text on a connection, and a SYN, under a header of so many words.
fn of_words(bench: &mut Bench<'_>, words: u8) -> Done {
    let edit = |bytes: &mut [u8]| craft::put(bytes, OFFSET, &[words << 4]);
    let stranger = bench.client();
    let mut syn = stranger.syn();
    syn.options.clear();
    let stray = bench.forged(&syn, edit);
    let Some(mut client) = bench.hold(10)? else {
        return Ok(Verdict::Failed(NOT_TAKEN.to_owned()));
    };
    let text = bench.forged(&client.segment(ACK | PSH, REST), edit);
    let quiet = bench.quiet(&[stray], |heard| {
        matches!(&heard.said, Said::Tcp(segment) if stranger.is_of(segment) && segment.has(SYN))
    })?;
    let verdict = match quiet {
        Quiet::Kept => nothing_of(bench, &mut client, &[text], "text under it is taken")?,
        quiet => quiet.verdict("a SYN with it is answered"),
    };
    Ok(match verdict {
        Verdict::Failed(came) => Verdict::Worse(format!("{words} words: {came}")),
        verdict => verdict,
    })
}

fn short(bench: &mut Bench<'_>) -> Done {
    for words in [4, 0] {
        let verdict = of_words(bench, words)?;
        if verdict != Verdict::Passed {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Passed)
}

fn long(bench: &mut Bench<'_>) -> Done {
    for words in [6, 15] {
        let verdict = of_words(bench, words)?;
        if verdict != Verdict::Passed {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Passed)
}
