//! Causes in the link and in this machine. They come first: what they do looks like anybody's fault.

use greet_std::core::probe::{Fact, Whose};

use super::seen::{Every, LinkSeen, Of, Seen};
use super::{Cause, Said};
use crate::probe::link::{grouped, share};

pub(super) const CAUSES: [Cause; 8] = [
    Cause {
        id: "stack/wrong-checksums",
        whose: Whose::Stack,
        look: "what makes the checksums: an offload that is turned on in the driver but not in the chip (or in \
               both, so that it is done twice), a descriptor without its flag, or a sum that forgets an odd \
               last byte",
        find: wrong_checksums,
    },
    Cause {
        id: "link/impaired",
        whose: Whose::Link,
        look: "the same checks without --impair, or with more --timeout: what fails there too is the board's",
        find: impaired,
    },
    Cause {
        id: "stack/bursts-lost",
        whose: Whose::Stack,
        look: "how many receive descriptors and packet buffers there are, whether the interrupt's handler takes \
               all frames that are there and not one, and how many datagrams a UDP socket holds",
        find: super::stack::bursts_lost,
    },
    Cause {
        id: "stack/stalls",
        whose: Whose::Stack,
        look: "a frame that stays where it is until the next one comes or leaves: an interrupt that is \
               acknowledged after the ring was read and not before, a descriptor's owner bit that is read from \
               a cache, a transmitter that isn't told of its last descriptor, a poll without a timer",
        find: stalls,
    },
    Cause {
        id: "link/loss",
        whose: Whose::Link,
        look: "the cable, its plugs, the duplex mode and the switch; then what the driver counts as dropped, \
               overrun or of a wrong checksum. Grade on a better link: what loss explains is nobody else's \
               fault",
        find: loss,
    },
    Cause {
        id: "link/reordering",
        whose: Whose::Link,
        look: "two queues or two ways where there should be one: a driver that serves its rings by turns, a \
               bonded link, Wi-Fi; where messages alone show it, also a server that answers from several threads",
        find: reordering,
    },
    Cause {
        id: "link/duplicates",
        whose: Whose::Link,
        look: "a descriptor that is handed to the chip twice, or a loop between two switches",
        find: duplicates,
    },
    Cause {
        id: "tester/few-ports",
        whose: Whose::Tester,
        look: "fewer --rounds, or a wider net.ipv4.ip_local_port_range on this machine, and four minutes' rest \
               for the server",
        find: few_ports,
    },
];

/// What a link does that may have been told to is no fault of it.
fn unless_told<'a>(seen: &Seen, said: Said<'a>) -> Said<'a> {
    if !seen.is_impaired {
        return said;
    }
    Said {
        what: format!("--impair is at work here: {}", said.what),
        only_noted: true,
        ..said.look(
            "nothing, unless --impair asks for less than that: then the same checks without it",
        )
    }
}

fn lost<'a>(open: &[&'a Of]) -> Vec<&'a Of> {
    open.iter()
        .copied()
        .filter(|cross| cross.may_be_loss())
        .collect()
}

fn wrong_checksums<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let link = &seen.link;
    let which = match (link.only_odd_sums, link.wrong_sums_every) {
        (true, _) => {
            ": those of all segments with an odd number of bytes, and no others".to_owned()
        }
        (_, Some(every)) => format!(", each {every} segments apart"),
        _ => String::new(),
    };
    let what = match link.wrong_sums {
        0 => return None,
        1 => "a packet came with a wrong checksum, and was thrown away here".to_owned(),
        wrong => {
            format!(
                "{} packets came with wrong checksums, and were thrown away here{which}",
                grouped(wrong)
            )
        }
    };
    Some(Said::new(what, lost(open)))
}

fn impaired<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let crosses = lost(open);
    (seen.is_impaired && !crosses.is_empty()).then(|| {
        let what = "the link was told to lose and delay (--impair), which explains these";
        Said::new(what, crosses)
    })
}

fn stalls<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let counted = seen.facts.iter().find_map(|fact| match *fact {
        Fact::Nudged {
            nudged,
            came,
            left,
            came_alone,
        } => Some(format!(
            ": of {nudged} greetings that stood still {came} went on at once when another client's frame was \
             sent, of {left} without one {came_alone}"
        )),
        _ => None,
    });
    seen.link.stalling.then(|| {
        let what = format!(
            "frames stand still until the next one follows{}",
            counted.unwrap_or_default()
        );
        Said::new(what, lost(open))
    })
}

/// Whether a driver has room for so few frames that a greeting's own may find none. Of long datagrams a socket may
/// hold few as well.
fn has_no_room(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Burst {
            len: ..64,
            most: ..=16
        }
    )
}

fn loss<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let LinkSeen {
        lossy,
        stalling,
        sent,
        sent_again,
        wrong_sums,
        every,
        ..
    } = seen.link;
    // What has a wrong checksum is sent again as well, and what is too long or comes too fast.
    let is_known = stalling
        || wrong_sums.saturating_mul(2) > sent_again
        || super::stack::frames_lost(seen, open).is_some()
        || (seen.facts.iter()).any(has_no_room);
    if !lossy || is_known {
        return None;
    }
    let share = share(sent_again, sent);
    let (sent, sent_again) = (grouped(sent), grouped(sent_again));
    let counted = format!("{sent_again} of {sent} segments were sent again ({share})");
    let crosses = lost(open);
    let said = match every {
        None => Said::new(format!("it loses segments: {counted}"), crosses),
        Some(Every { number, to_server }) => {
            let way = if to_server { "to" } else { "from" };
            let what = format!(
                "it loses one of {number} segments {way} the board, with that period and not by chance: {counted}"
            );
            Said::new(what, crosses).look(
                "what is counted in the driver or the chip: a ring in which one descriptor isn't handed back or \
                 has no buffer, a counter that wraps; then its counters of frames dropped. No cable has a period",
            )
        }
    };
    Some(unless_told(seen, said))
}

/// So many of a hundred segments may overtake others, or come twice, on a link that is well.
const FEW: u64 = 1;

fn is_much(part: u64, all: u64) -> bool {
    part >= 10 && part.saturating_mul(100) > all.saturating_mul(FEW)
}

/// So many answers of all bursts show it. One or two may have had to wait.
const LATE: u64 = 3;

fn reordering<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let LinkSeen {
        received,
        reordered,
        ..
    } = seen.link;
    let (answers, late) = overtaken(seen);
    let by_segments = is_much(reordered, received);
    let what = if by_segments {
        let (reordered, received) = (grouped(reordered), grouped(received));
        format!("segments overtake each other: {reordered}, while {received} came")
    } else if late >= LATE && late.saturating_mul(100) > answers.saturating_mul(FEW) {
        format!(
            "of {} answers to messages sent at once, {} came behind the answer to a later one",
            grouped(answers),
            grouped(late)
        )
    } else {
        return None;
    };
    let slow = open
        .iter()
        .copied()
        .filter(|cross| cross.is(&["crowd/latency"]));
    let said = Said {
        // A server may answer from several threads.
        only_noted: !by_segments,
        ..Said::new(what, slow.collect())
    };
    Some(unless_told(seen, said))
}

/// How many answers to bursts of messages came, and how many of them late.
fn overtaken(seen: &Seen) -> (u64, u64) {
    let bursts = seen.facts.iter().filter_map(|fact| match *fact {
        Fact::Overtaken { answers, late } => Some((u64::from(answers), u64::from(late))),
        _ => None,
    });
    bursts.fold((0, 0), |sum, burst| (sum.0 + burst.0, sum.1 + burst.1))
}

fn duplicates<'a>(seen: &'a Seen, _: &[&'a Of]) -> Option<Said<'a>> {
    let LinkSeen {
        received,
        received_again,
        sent_again,
        lossy,
        ..
    } = seen.link;
    // What is sent again comes twice as well, and is answered twice.
    let is_answer = lossy || received_again <= sent_again;
    (!is_answer && is_much(received_again, received)).then(|| {
        let (again, all) = (grouped(received_again), grouped(received));
        let what = format!("frames come twice: {again} of {all} segments");
        unless_told(seen, Said::new(what, Vec::new()))
    })
}

fn few_ports<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let crosses: Vec<_> = open
        .iter()
        .copied()
        .filter(|cross| cross.is_turned_away() || cross.is_silence())
        .collect();
    (seen.reuses_ports && !crosses.is_empty()).then(|| {
        Said::new(
            "this machine had fewer ports than connections; a server that holds the earlier ones in TIME-WAIT \
             needn't answer those that came from the same port",
            crosses,
        )
    })
}
