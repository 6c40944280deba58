//! Causes in the network stack and in the driver below it, in the order in which they void others.

use greet_std::core::limits::GREETING;
use greet_std::core::probe::{Again, Cause as Came, End, Fact, Mode, Way, Whose};

use super::seen::{LinkSeen, Of, Seen};
use super::{Cause, Said, clock, some, texts};
use crate::probe::Outcome;

pub(super) const CAUSES: [Cause; 9] = [
    Cause {
        id: "stack/long-frames-lost",
        whose: Whose::Stack,
        look: "the length of the driver's buffers and descriptors, and the chip's limit for a frame: each must \
               have room for 1514 bytes, and for 4 more where the checksum of the frame is kept",
        find: frames_lost,
    },
    Cause {
        id: "stack/small-window",
        whose: Whose::Stack,
        look: "the receive buffer of a connection (lwIP: TCP_WND; smoltcp: the socket's buffer): two segments \
               or more, and 1025 bytes for a name that is too long",
        find: small_window,
    },
    Cause {
        id: "stack/small-mss",
        whose: Whose::Stack,
        look: "the stack's MSS (lwIP: TCP_MSS) and the MTU that the driver tells it: 1460 and 1500 on Ethernet",
        find: small_mss,
    },
    Cause {
        id: "stack/no-half-close",
        whose: Whose::Stack,
        look: "what the server does when FIN comes (a receive callback with no data, or a read of 0 bytes): it \
               must answer first and close then. A stack that closes by itself there knows no half-close; no \
               server can mend that",
        find: no_half_close,
    },
    Cause {
        id: "stack/bytes-change",
        whose: Whose::Stack,
        look: "what touches bytes where no checksum sees it: DMA without cache maintenance or barriers, buffers \
               that aren't aligned to a cache line, a buffer handed back before it was read, two tasks in one \
               stack",
        find: bytes_change,
    },
    Cause {
        id: "stack/clock",
        whose: Whose::Stack,
        look: "what the stack and the server take for a millisecond: the timer's prescaler, the clock that feeds \
               it, the tick rate, and who else counts it on",
        find: clock::runs_otherwise,
    },
    Cause {
        id: "stack/few-places",
        whose: Whose::Stack,
        look: "how many connections the stack can hold (lwIP: MEMP_NUM_TCP_PCB, and its backlog; smoltcp: the \
               sockets that listen), or give --clients as many as it has",
        find: few_places,
    },
    Cause {
        id: "stack/half-open",
        whose: Whose::Stack,
        look: "the time after which the stack gives up a handshake, and what its backlog does when it is full",
        find: half_open,
    },
    Cause {
        id: "stack/no-reassembly",
        whose: Whose::Stack,
        look: "whether reassembly is turned on, and the length of its buffer; the MUST is 576 bytes alone \
               (RFC 1122, section 3.3.2), so this may be meant",
        find: no_reassembly,
    },
];

/// What shares a text's fate: it is silent, or somebody who came meanwhile was told late.
fn is_of_long_text(cross: &Of, is_long: impl Fn((usize, usize)) -> bool) -> bool {
    let is_lost = cross.is_silence() && cross.lengths().is_some_and(is_long);
    // Those have texts of all lengths.
    let has_long = cross.is(&["sizes/*", "crowd/mixed", "burst/long"]) && cross.is_silence();
    is_lost || has_long || cross.is(&["crowd/one-more"])
}

/// Which way something is lost, or changes.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    In,
    Out,
    Either,
}

impl Direction {
    fn of(way: Way) -> Self {
        match way {
            Way::Name | Way::Message => Self::In,
            Way::Greeting | Way::Answer => Self::Out,
            _ => Self::Either,
        }
    }

    fn texts(self, is_over_udp: bool) -> &'static str {
        match (self, is_over_udp) {
            (Self::In, false) => "names",
            (Self::In, true) => "messages",
            (Self::Out, false) => "replies",
            (Self::Out, true) => "answers",
            (Self::Either, _) => "texts",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::In => " on their way to the board",
            Self::Out => " on their way from the board",
            Self::Either => "",
        }
    }
}

pub(super) const fn is_over_udp(way: Way) -> bool {
    matches!(way, Way::Datagram | Way::Message | Way::Answer)
}

pub(super) fn frames_lost<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let measured = measured(seen);
    let inferred = || inferred(seen, open).map(|found| (found, false));
    let ((direction, passes, fails), is_over_udp) = measured.or_else(inferred)?;
    let what = format!(
        "long frames are lost, or cut,{}: {} of {passes} bytes pass, of {fails} they don't (headers are 42 to \
         66 bytes more)",
        direction.words(),
        direction.texts(is_over_udp)
    );
    let is_long = |(inward, outward): (usize, usize)| match direction {
        Direction::In => inward > passes,
        Direction::Out => outward > passes,
        Direction::Either => inward > passes || outward > passes,
    };
    let crosses = some(open, |cross| is_of_long_text(cross, is_long));
    Some(Said::new(what, crosses))
}

/// Also whether that was over UDP.
fn measured(seen: &Seen) -> Option<((Direction, usize, usize), bool)> {
    /// No check blames a shorter one, nor a longer one, which has several frames.
    const LENGTHS: std::ops::Range<u16> = 64..1025;
    seen.facts.iter().find_map(|fact| match *fact {
        Fact::Length { way, passes, fails } if LENGTHS.contains(&passes) => {
            let direction = Direction::of(way);
            // What is measured is a text; a greeting is longer.
            let more = match direction {
                Direction::Out => GREETING.len(),
                _ => 0,
            };
            let (passes, fails) = (more + usize::from(passes), more + usize::from(fails));
            let is_over_udp = is_over_udp(way);
            let contradicts = |of: &Of| {
                // What is refused has come, and so has the refusal.
                if of.refused_len() >= Some(fails - more) && of.is_over_udp() == is_over_udp {
                    return true;
                }
                // No frame is lost of a reply that ends early, nor of an answer to a part.
                let is_whole = direction == Direction::Out || is_over_udp;
                if is_whole && of.is_over_udp() == is_over_udp && of.is_cut() {
                    return true;
                }
                // A server may handle lines otherwise.
                let is_same = match of.check.group() {
                    "udp" => is_over_udp,
                    "lines" => false,
                    _ => !is_over_udp,
                };
                let is_as_long = |(inward, outward)| inward >= fails && outward >= fails;
                let is_passed = of.result == Outcome::Passed;
                is_passed && is_same && of.lengths().is_some_and(is_as_long)
            };
            // What comes in segments of less is in no frame so long.
            let is_one_frame = |mss: u16| usize::from(mss) >= passes || direction == Direction::Out;
            let is_in_frames = is_over_udp || seen.link.mss.is_none_or(is_one_frame);
            let is_clear = is_in_frames && !seen.results.iter().any(contradicts);
            is_clear.then_some(((direction, passes, fails), is_over_udp))
        }
        _ => None,
    })
}

/// From what passed and what was silent, by its length: of what goes at once, and of replies.
fn inferred(seen: &Seen, open: &[&Of]) -> Option<(Direction, usize, usize)> {
    /// With fewer bytes no frame is long.
    const SHORT: usize = 128;
    // A server may handle lines otherwise.
    let is_passed = |of: &&Of| of.result == Outcome::Passed && of.check.group() != "lines";
    let bounds = |which: fn((usize, usize)) -> usize| {
        let is_silent = |cross: &&&Of| cross.is_silence() && cross.check.group() != "lines";
        let silent = open.iter().filter(is_silent);
        let silent: Vec<_> = silent.filter_map(|of| of.lengths()).map(which).collect();
        // A server that stops reading long names is silent as well, but not over UDP.
        let passed = seen.results.iter().filter(is_passed);
        let longest = passed.filter_map(Of::lengths).map(which).max()?;
        let shortest = silent.iter().copied().min()?;
        let is_clear = silent.len() >= 3 && longest < shortest && shortest > SHORT;
        is_clear.then_some((longest, shortest))
    };
    let inward = bounds(|(inward, _)| inward);
    let outward = bounds(|(_, outward)| outward);
    Some(match (inward, outward) {
        (Some((passes, fails)), None) => (Direction::In, passes, fails),
        (None, Some((passes, fails))) => (Direction::Out, passes, fails),
        (Some((passes, fails)), Some(_)) => (Direction::Either, passes, fails),
        (None, None) => return None,
    })
}

fn small_mss<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    /// What a stack takes that says nothing (RFC 9293, section 3.7.1).
    const DEFAULT: u16 = 536;
    let mss = seen.link.mss.filter(|mss| *mss < DEFAULT)?;
    // A sender takes half a small window for a segment.
    let is_half = |window: u32| window / 2 <= mss.into();
    if seen.link.window.is_some_and(is_half) {
        return None;
    }
    let what =
        format!("it announces an MSS of {mss}: each name and line that is longer comes in pieces");
    Some(Said::new(what, in_pieces(open, mss.into())))
}

fn small_window<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    /// The name that is too long by one.
    const LONGEST: u32 = 1025;
    let window = seen.link.window.filter(|window| *window < LONGEST)?;
    let what = format!(
        "its window is {window} bytes: a peer sends half of that at once, and waits, so that a longer name \
         seems to end early"
    );
    let longest = usize::try_from(window / 2).unwrap_or(usize::MAX);
    Some(Said::new(what, in_pieces(open, longest)))
}

/// What comes of longer texts in pieces, where a server waits for the rest too shortly.
fn in_pieces<'a>(open: &[&'a Of], longest: usize) -> Vec<&'a Of> {
    let is_long = |(inward, _)| inward > longest;
    some(open, |cross| {
        let of_all_lengths = cross.is(&["sizes/stream", "crowd/mixed"]) && cross.is_another_reply();
        let is_udp = cross.check.group() == "udp";
        of_all_lengths || !is_udp && cross.lengths().is_some_and(is_long)
    })
}

fn no_half_close<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const BUILDS_ON: &[&str] = &[
        "first/half-close",
        "close/with-name",
        "close/after-name",
        "close/before-name",
    ];
    let is_known = seen.facts.contains(&Fact::NoHalfClose);
    let crosses = some(open, |cross| cross.is(BUILDS_ON));
    let first = crosses.iter().find(|cross| cross.is(&["first/half-close"]));
    if !is_known && first.is_none() {
        return None;
    }
    let instead = match first.and_then(|cross| cross.end()) {
        Some(End::Fin) => "it closes the connection (FIN) instead",
        Some(End::Broken(_)) => "it resets the connection (RST) instead",
        _ => "nothing comes instead",
    };
    let what = format!(
        "a client that sends FIN behind its name gets no reply: {instead}. The stack knows no half-close, or \
         the server takes FIN for a farewell; what needs it is skipped, and the other names go without FIN"
    );
    Some(Said::new(what, crosses))
}

fn bytes_change<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let measured = seen.facts.iter().find_map(|fact| match *fact {
        Fact::Wrong {
            way,
            len,
            first,
            count,
            again,
        } => Some((way, len, first, count, again)),
        _ => None,
    });
    // What a server makes of text, it makes of short messages, and of characters.
    let measured = measured.filter(|(way, ..)| !texts::is_changed(open, is_over_udp(*way)));
    let caught = seen.facts.iter().find_map(|fact| match *fact {
        Fact::Unchecked { sent, wrong } => Some(format!(
            "bytes change on their way in, and checksums catch it: messages weren't answered, and of {sent} \
             without a checksum {wrong} came back wrong"
        )),
        _ => None,
    });
    // Alone, after so many who were greeted: no server does that by itself.
    let is_wrong = |cross: &&&Of| cross.is(&["crowd/in-a-row"]) && cross.is_another_reply();
    let what = match measured {
        Some((way, len, first, count, again)) => {
            let carrier = if is_over_udp(way) { "UDP" } else { "TCP" };
            let where_ = match again {
                Again::At { modulo, rest } => {
                    format!("; the first wrong byte is always {rest} behind a multiple of {modulo}")
                }
                Again::Anywhere => "; it happened again, at other places".to_owned(),
                Again::Never => String::new(),
            };
            format!(
                "bytes change behind the checksum{}: of {len} bytes of text over {carrier} {count} came back \
                 wrong, from byte {first} on{where_}",
                Direction::of(way).words()
            )
        }
        None if open.iter().any(|cross| is_wrong(&cross)) => {
            "bytes change behind the checksum: one of many like clients in a row had another reply than the \
             rest"
                .to_owned()
        }
        None => caught?,
    };
    Some(Said::new(what, some(open, Of::is_another_reply)))
}

pub(super) fn bursts_lost<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const BURSTS: &[&str] = &["udp/burst", "burst/*"];
    let bursts = some(open, |cross| {
        cross.is(BURSTS) && matches!(cross.cause(), Some(Came::Lost { .. }))
    });
    let (sent, answered) = bursts.iter().find_map(|cross| match cross.cause() {
        Some(Came::Lost { sent, answered }) => Some((sent, answered)),
        _ => None,
    })?;
    let measured = seen.facts.iter().filter_map(|fact| match *fact {
        Fact::Burst { len, most } => Some(format!("{most} of {len} bytes each")),
        _ => None,
    });
    let measured: Vec<_> = measured.collect();
    // One burst may be hit by chance.
    if measured.is_empty() && seen.link.lossy {
        return None;
    }
    let what = if measured.is_empty() {
        format!("of {sent} datagrams at once {answered} were answered: the others found no room")
    } else {
        format!(
            "of a burst of datagrams what comes behind the first is lost: it has room for {}",
            measured.join(", and for ")
        )
    };
    let LinkSeen {
        lossy,
        sent,
        sent_again,
        ..
    } = seen.link;
    let loses_segments = !measured.is_empty() && (lossy || sent_again * 100 > sent);
    let is_burst = |cross: &Of| {
        // Fragments are a burst as well, and so are segments, those of many clients above all.
        let is_several = cross.is(&["udp/too-long-far"]) || loses_segments;
        let is_of_many = loses_segments && cross.is(&["crowd/*", "lines/at-once"]);
        is_several && cross.is_silence()
            || is_of_many && cross.may_be_loss()
            || bursts.iter().any(|burst| std::ptr::eq(*burst, cross))
    };
    Some(Said::new(what, some(open, is_burst)))
}

fn few_places<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const CROWDS: &[&str] = &[
        "first/places",
        "crowd/at-once",
        "crowd/silent",
        "crowd/latency",
        "crowd/one-more",
        "lines/at-once",
        "lines/beside-pipeline",
    ];
    /// So few are worth a word.
    const FEW: u16 = 3;
    // Whose clock is fast lets silent clients go before they are counted.
    let is_fast = |fact: &Fact| matches!(*fact, Fact::Deadline { said, took } if took * 2 < said);
    let counts = !seen.facts.iter().any(is_fast);
    let places = seen.facts.iter().find_map(|fact| match *fact {
        Fact::Places(places) if counts => Some(places),
        _ => None,
    });
    // Who ends all with RST turns nobody away by it.
    let is_end =
        |cross: &Of| cross.is_reset() && seen.facts.contains(&Fact::EndsWithReset(Mode::Name));
    let crosses = some(open, |cross| {
        let is_out = cross.is_turned_away() || cross.is_silence() || cross.told_late();
        cross.is(CROWDS) && is_out && !is_end(cross)
    });
    // One who says nothing keeps others out of a server that is one after the other.
    let one_by_one = |cross: &&Of| cross.is(&["first/places", "crowd/silent"]);
    if places.is_none_or(|places| places == 1) && open.iter().any(one_by_one) {
        return None;
    }
    let is_at_once = crosses.iter().any(|cross| cross.is(&["crowd/at-once"]));
    let clients = seen.clients;
    Some(match places {
        Some(places) if places < clients => {
            let what = format!("it serves {places} clients at once, not the {clients} that came");
            Said::new(what, crosses)
        }
        _ if is_at_once => Said::new(
            format!("it doesn't serve {clients} clients at once"),
            crosses,
        ),
        Some(places @ 1..=FEW) if seen.is_found => Said {
            only_noted: true,
            ..Said::new(
                match places {
                    1 => "it serves one client at a time".to_owned(),
                    _ => format!("it serves {places} clients at once, and no more"),
                },
                crosses,
            )
        },
        _ => return None,
    })
}

fn half_open<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let crosses = some(open, |cross| cross.is(&["crowd/half-open"]));
    (!crosses.is_empty()).then(|| {
        Said::new(
            "handshakes that never end keep their places for longer than the deadline: a scan, or a client \
             that vanishes, locks everybody out",
            crosses,
        )
    })
}

fn no_reassembly<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let crosses = some(open, |cross| {
        cross.is(&["first/reassembly", "udp/too-long-far"]) && cross.is_silence()
    });
    let is_none = crosses.iter().any(|cross| cross.is(&["first/reassembly"]));
    (!crosses.is_empty()).then(|| {
        let what = if is_none {
            "a message of 1600 bytes, in two fragments, isn't answered: it puts no fragments together"
        } else {
            "a message of 8000 bytes, in six fragments, isn't answered: it puts not so many together"
        };
        Said::new(what, crosses)
    })
}
