//! ARP: who asks is answered, and who doesn't answer isn't asked without end.

use core::net::Ipv4Addr;
use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::{ArpOperation, EthernetAddress};

use crate::bench::craft::{self, Hop};
use crate::bench::{Bench, Body, Done, Heard, Said, Symptom, Verdict, Wants};

use super::entries::asked_for;
use super::{LIVENESS, case, flood};

pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "arp/request",
        Level::Must,
        "RFC 826",
        "A broadcast request for its address is answered, with the right fields, to who asked",
        &[Wants::Nobody, Wants::V4],
        request,
        "nobody can send it anything: the MAC's filter loses broadcasts, or the stack has another address",
    ),
    case(
        "arp/unicast",
        Level::Must,
        "RFC 826; RFC 1122, 2.3.2.1",
        "A request that goes to it alone is answered: neighbors ask so whether it is still there",
        &[Wants::V4],
        unicast,
        "connections break after a minute, when neighbors look whether their entry still holds",
    ),
    case(
        "arp/probe",
        Level::Must,
        "RFC 5227, 2.5",
        "A probe, which comes from no address, is answered: somebody else may be about to take its address",
        &[Wants::V4],
        probe,
        "two hosts get one address, as who looks before it takes one hears nothing",
    ),
    case(
        "arp/not-mine",
        Level::Must,
        "RFC 826",
        "A request for somebody else's address isn't answered",
        &[Wants::V4],
        not_mine,
        "it takes other hosts' traffic: it answers for what it doesn't have",
    ),
    case(
        "arp/again",
        Level::Must,
        LIVENESS,
        "ARP is answered as often as it is asked",
        &[Wants::V4],
        again,
        "it works until a neighbor's entry expires: a buffer or an entry isn't given back",
    ),
];

/// Those that a weak stack may not survive.
pub(super) static ROUGH: [Case<Body>; 3] = [
    case(
        "arp/unanswered",
        Level::Must,
        "RFC 1122, 2.3.2.1",
        "Who doesn't answer ARP isn't asked more than about once a second",
        &[Wants::V4, Wants::Echo, Wants::Alone],
        unanswered,
        "one host that is gone makes it flood the network with requests",
    ),
    case(
        "arp/malformed",
        Level::Must,
        LIVENESS,
        "ARP with wrong lengths, types and operations is ignored, and harms nobody",
        &[Wants::V4],
        malformed,
        "lengths of an ARP packet are believed before they are looked at",
    ),
    case(
        "arp/flood",
        Level::Must,
        LIVENESS,
        "Requests of 300 senders don't stop a greeting that goes on, or echoes where no server greets",
        &[Wants::V4, Wants::Alone],
        flood::flood,
        "a full table of neighbors has to give up its oldest entry, and not its own work",
    ),
];

/// So long nothing comes, where there is time for that: what sleeps then has to wake up.
const IDLE: Duration = Duration::from_mins(1);

fn is_reply(heard: &Heard) -> bool {
    matches!(
        heard.said,
        Said::Arp {
            operation: ArpOperation::Reply,
            ..
        }
    )
}

fn silence() -> Verdict {
    Verdict::Failed("no answer, three times".to_owned())
}

fn request(bench: &mut Bench<'_>) -> Done {
    if !bench.find()? {
        return Ok(Verdict::Failed("nobody answers".to_owned()));
    }
    let verdict = asked_at(bench, EthernetAddress::BROADCAST)?;
    let is_silent = verdict == silence();
    let is_deaf = bench.symptoms().contains(&Symptom::BroadcastLost);
    match bench.watch().arp_replies {
        // It was found by one.
        after if after > 0 && is_silent && !is_deaf => bench.found(Symptom::ArpStops { after }),
        _ => {}
    }
    if !bench.setup.is_patient || verdict != Verdict::Passed {
        return Ok(verdict);
    }
    bench.pause(IDLE)?;
    let verdict = asked_at(bench, EthernetAddress::BROADCAST)?;
    if verdict == silence() {
        bench.found(Symptom::ArpSleeps);
    }
    Ok(match verdict {
        Verdict::Failed(said) => Verdict::Failed(format!("once nothing came for a minute: {said}")),
        verdict => verdict,
    })
}

fn unicast(bench: &mut Bench<'_>) -> Done {
    let Some(board) = bench.board else {
        return Ok(Verdict::Skipped("nobody answers"));
    };
    asked_at(bench, board)
}

/// Asks for the board's address in a frame to this hardware address, and looks at the answer.
fn asked_at(bench: &mut Bench<'_>, to: EthernetAddress) -> Done {
    let (Some(frame), Some((own, board))) = (bench.arp_request(to), bench.v4()) else {
        return Ok(Verdict::Skipped("IPv4 alone has ARP"));
    };
    let own_hardware = bench.setup.hardware;
    let Some(answer) = bench.ask(&frame, is_reply)? else {
        return Ok(silence());
    };
    let Said::Arp { source, target, .. } = answer.said else {
        return Ok(Verdict::Passed);
    };
    if source != (answer.from, board) {
        return Ok(Verdict::Failed(format!(
            "the answer says that {} is at {}, in a frame from {}",
            source.1, source.0, answer.from
        )));
    }
    if target != (own_hardware, own) {
        return Ok(Verdict::Failed(format!(
            "the answer is for {} at {}, not for who asked",
            target.1, target.0
        )));
    }
    if answer.to.is_broadcast() {
        return Ok(Verdict::Noted(
            "the answer goes to all, which RFC 5227, 2.6 doesn't recommend".to_owned(),
        ));
    }
    Ok(Verdict::Passed)
}

fn probe(bench: &mut Bench<'_>) -> Done {
    let Some((_, board)) = bench.v4() else {
        return Ok(Verdict::Skipped("IPv4 alone has ARP"));
    };
    let hop = Hop {
        from: bench.setup.hardware,
        to: EthernetAddress::BROADCAST,
    };
    let nobody = EthernetAddress([0; 6]);
    let source = (hop.from, Ipv4Addr::UNSPECIFIED);
    let frame = craft::arp(hop, ArpOperation::Request, source, (nobody, board));
    let answer = bench.ask(
        &frame,
        |heard| matches!(heard.said, Said::Arp { source: (_, from), .. } if from == board),
    )?;
    Ok(match answer {
        Some(_) => Verdict::Passed,
        None => silence(),
    })
}

fn not_mine(bench: &mut Bench<'_>) -> Done {
    let Some((own, board)) = bench.v4() else {
        return Ok(Verdict::Skipped("IPv4 alone has ARP"));
    };
    let hop = Hop {
        from: bench.setup.hardware,
        to: EthernetAddress::BROADCAST,
    };
    let foreign = foreign(bench, board);
    let target = (EthernetAddress([0; 6]), foreign);
    let frame = craft::arp(hop, ArpOperation::Request, (hop.from, own), target);
    let quiet = bench.quiet(&[frame], is_reply)?;
    Ok(quiet.verdict(&format!("it answers for {foreign}")))
}

/// An address that surely isn't the board's: beside it where nobody else is, or one for documents (RFC 5737).
pub(super) fn foreign(bench: &Bench<'_>, board: Ipv4Addr) -> Ipv4Addr {
    if bench.setup.is_alone {
        Ipv4Addr::from_bits(board.to_bits() ^ 0x15)
    } else {
        Ipv4Addr::new(198, 51, 100, 77)
    }
}

fn again(bench: &mut Bench<'_>) -> Done {
    const TIMES: usize = 40;
    /// So many silences behind each other are no losses.
    const ENOUGH: usize = 10;
    let (mut asked, mut count, mut silent) = (0, 0, 0);
    // Where the last ones weren't answered, whether that stays so.
    while asked < TIMES || (3..ENOUGH).contains(&silent) {
        let Some(frame) = bench.arp_request(EthernetAddress::BROADCAST) else {
            return Ok(Verdict::Skipped("IPv4 alone has ARP"));
        };
        bench.send(&frame)?;
        asked += 1;
        silent += 1;
        let until = bench.now() + Duration::from_millis(100);
        while let Some(heard) = bench.next(until)? {
            if is_reply(&heard) {
                (count, silent) = (count + 1, 0);
                break;
            }
        }
        if silent > 0 {
            bench.mark(bench.last_sent(), "not answered");
        }
        bench.pause(Duration::from_millis(10))?;
    }
    if silent >= ENOUGH {
        let after = bench.watch().arp_replies;
        bench.found(Symptom::ArpStops { after });
        return Ok(Verdict::Failed(format!(
            "{count} of {asked} were answered, and none of the last ones"
        )));
    }
    Ok(match count {
        all if all == asked => Verdict::Passed,
        count if count * 10 >= asked * 9 => {
            Verdict::Noted(format!("{count} of {asked} were answered"))
        }
        count => Verdict::Failed(format!("{count} of {asked} were answered")),
    })
}

fn unanswered(bench: &mut Bench<'_>) -> Done {
    let Some((own, _)) = bench.v4() else {
        return Ok(Verdict::Skipped("IPv4 alone has ARP"));
    };
    // A neighbor that it has never heard of, and who never says where it is. RFC 1122, 2.3.2.1 recommends one request
    // a second.
    let absent = Ipv4Addr::from_bits(own.to_bits() ^ 0x2a);
    asked_for(bench, absent.into(), "requests", |heard| {
        matches!(
            heard.said,
            Said::Arp { operation: ArpOperation::Request, target: (_, wanted), .. } if wanted == absent
        )
    })
}

fn malformed(bench: &mut Bench<'_>) -> Done {
    let Some(right) = bench.arp_request(EthernetAddress::BROADCAST) else {
        return Ok(Verdict::Skipped("IPv4 alone has ARP"));
    };
    // Hardware type, protocol type, lengths, operation: each wrong alone.
    let wrong = [
        (14, [0, 6]),
        (16, [0x86, 0xdd]),
        (18, [0, 4]),
        (18, [8, 4]),
        (18, [0xff, 0xff]),
        (18, [6, 0]),
        (18, [6, 16]),
        (20, [0, 0]),
        (20, [0, 9]),
        (20, [0xff, 0xff]),
    ];
    let frames = wrong.map(|(at, bytes)| {
        let mut frame = right.clone();
        craft::put(&mut frame, at, &bytes);
        frame
    });
    let quiet = bench.quiet(&frames, is_reply)?;
    // The hardware type is ignored by some, who need no other (RFC 826 asks for it with a "?").
    Ok(match quiet.verdict("it answers one of them") {
        Verdict::Failed(came) => Verdict::Noted(came),
        verdict => verdict,
    })
}
