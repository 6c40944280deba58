//! What stands behind packets and before them in a frame: padding, tags, other hosts' addresses.

use greet_core::probe::{Case, Level};
use smoltcp::wire::EthernetAddress;

use crate::bench::craft::{self, ETHERNET, Hop, SHORTEST};
use crate::bench::{Bench, Body, Done, Said, Symptom, Verdict, Wants};

use super::{LIVENESS, case};

pub(super) static CASES: [Case<Body>; 4] = [
    case(
        "eth/padding-in",
        Level::Must,
        "RFC 894; RFC 791, 3.1",
        "Bytes behind a packet in its frame are none of its data",
        &[Wants::Echo],
        padding_in,
        "the length of the frame is taken for that of the packet",
    ),
    case(
        "eth/not-mine",
        Level::May,
        "IEEE 802.3",
        "A frame for another hardware address isn't answered",
        &[Wants::Echo],
        not_mine,
        "the MAC is promiscuous, and the stack takes all that it gets: on a hub or behind a bridge it answers twice",
    ),
    case(
        "eth/priority",
        Level::May,
        "IEEE 802.1Q",
        "A frame with a tag for priority alone (VLAN 0) is answered",
        &[],
        priority,
        "switches and hosts that set priorities aren't heard",
    ),
    case(
        "eth/llc",
        Level::Must,
        LIVENESS,
        "Frames of IEEE 802.3, with a length in place of a type, harm nobody",
        &[],
        llc,
        "a type is taken for granted",
    ),
];

fn padding_in(bench: &mut Bench<'_>) -> Done {
    for len in [SHORTEST, 66, 100, 534] {
        let (mut frame, wanted) = bench.ping(b"abc");
        let end = ETHERNET + if bench.setup.board.is_ipv4() { 31 } else { 51 };
        frame.truncate(end);
        let trailer = bench.fill(len.max(end) - end);
        frame.extend(trailer);
        let answer = bench.ask(&frame, |heard| heard.is_reply_to(wanted))?;
        let Some(answer) = answer else {
            // Whether it is the length alone, a packet of that length tells.
            let (frame, wanted) = bench.ping(&vec![7; len.saturating_sub(end)]);
            if bench
                .ask(&frame, |heard| heard.is_reply_to(wanted))?
                .is_none()
            {
                return Ok(Verdict::Inconclusive(
                    "frames of that length are lost, whatever is in them".to_owned(),
                ));
            }
            bench.found(Symptom::TrailerTaken);
            return Ok(Verdict::Failed(format!(
                "an echo with {} bytes behind it isn't answered",
                len.saturating_sub(end)
            )));
        };
        if let Said::Echo { data, .. } = &answer.said
            && data != b"abc"
        {
            bench.found(Symptom::TrailerTaken);
            return Ok(Verdict::Failed(format!(
                "an echo of 3 bytes with {} behind it comes back with {}",
                len.saturating_sub(end),
                data.len()
            )));
        }
    }
    Ok(Verdict::Passed)
}

fn not_mine(bench: &mut Bench<'_>) -> Done {
    let Some(board) = bench.board else {
        return Ok(Verdict::Skipped("nobody answers"));
    };
    let mut other = board.0;
    other[5] ^= 0x55;
    let to = EthernetAddress(other);
    let ends = bench.ends();
    let ident = bench.fresh();
    let icmp = craft::echo(ends, false, ident, 1, b"not for you");
    let hop = Hop { to, ..bench.hop() };
    let frame = craft::ip(hop, ends, craft::icmp_of(ends), craft::HOPS, &icmp);
    let quiet = bench.quiet(&[frame], |heard| heard.is_reply_to((ident, 1)))?;
    Ok(quiet.verdict("it is answered"))
}

fn priority(bench: &mut Bench<'_>) -> Done {
    let (mut frame, sought) = bench.question(b"a tagged frame");
    // Priority 5, VLAN 0.
    frame.splice(12..12, [0x81, 0x00, 0xa0, 0x00]);
    let own = bench.setup.board;
    let answer = bench.ask(&frame, |heard| sought.is_met_by(heard, own))?;
    Ok(Verdict::unless(
        answer.is_none().then(|| "it is ignored".to_owned()),
    ))
}

fn llc(bench: &mut Bench<'_>) -> Done {
    let spanning_tree = [0x42, 0x42, 0x03, 0, 0, 0, 0, 0];
    let snap = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00, 0x45, 0];
    let hop = bench.hop();
    let frames = [
        craft::frame(hop, 46, &spanning_tree),
        craft::frame(hop, 1500, &snap),
        craft::frame(hop, 3, &snap),
        craft::frame(hop, 0, &[]),
        craft::frame(hop, 1501, &[0xff; 46]),
    ];
    for frame in &frames {
        bench.send(frame)?;
    }
    let is_alive = bench.is_alive()?;
    Ok(Verdict::unless(
        (!is_alive).then(|| "nothing is answered afterwards".to_owned()),
    ))
}
