//! Causes in the server: first how it ends what is right, as other faults may follow from that; then what ends
//! it, then what keeps it from being graded. What else it does wrong, [`crosses`](super::crosses) says.

use greet_std::core::embedded_io::ErrorKind;
use greet_std::core::limits::MAX_TEXT;
use greet_std::core::probe::{Cause as Came, End, Fact, Mode, Whose};

use super::seen::{Of, ROW, Seen, Stopped};
use super::{Cause, Said, clock, like, some, stack, texts};
use crate::probe::link::grouped;

pub(super) const CAUSES: [Cause; 15] = [
    Cause {
        id: "server/resets",
        whose: Whose::Server,
        look: "how it closes: with bytes unread a close is RST (RFC 2525, section 2.17), so is an abort, and \
               lwIP's tcp_close inside the receive callback before tcp_recved",
        find: resets,
    },
    Cause {
        id: "server/no-fin",
        whose: Whose::Server,
        look: "whether it closes the connection, or its sending half, once the reply has left",
        find: no_fin,
    },
    Cause {
        id: "server/places-leak",
        whose: Whose::Server,
        look: "whether every way out of a connection closes it (after an error, and after the peer's FIN too), \
               and what becomes of closed ones: TIME-WAIT, FIN-WAIT and CLOSE-WAIT take control blocks, \
               buffers left unfreed take the rest",
        find: places_leak,
    },
    Cause {
        id: "server/dies",
        whose: Whose::Server,
        look: "the check by itself, with the board under a debugger (`--only` and its name)",
        find: dies,
    },
    Cause {
        id: "server/deadline",
        whose: Whose::Server,
        look: "the number that the server takes for its deadline, and its unit: the clock by which it counts is right",
        find: clock::another_deadline,
    },
    Cause {
        id: "server/one-by-one",
        whose: Whose::Server,
        look: "where the server waits for one client: a read that blocks, an accept only after a close. It needs \
               a task or a state for each connection",
        find: one_by_one,
    },
    Cause {
        id: "server/wrong-greeting",
        whose: Whose::Server,
        look: "PROTOCOL.md, *One greeting over TCP*: `Hello, `, the name byte for byte, and nothing behind it",
        find: wrong_greeting,
    },
    Cause {
        id: "server/wrong-answer",
        whose: Whose::Server,
        look: "PROTOCOL.md, *Replies over UDP*: `Hello, ` and the message, byte for byte",
        find: wrong_answer,
    },
    Cause {
        id: "server/empty-name",
        whose: Whose::Server,
        look: "what stands in for a name of no bytes, or is left from another: its reply is `Hello, ` alone",
        find: empty_name,
    },
    Cause {
        id: "server/wrong-refusal",
        whose: Whose::Server,
        look: "PROTOCOL.md, *Refusals*: each sentence to the byte, the line feed at its end as well; places are \
               counted in bytes",
        find: wrong_refusal,
    },
    Cause {
        id: "server/no-refusal",
        whose: Whose::Server,
        look: "PROTOCOL.md, *Refusals*: the sentence, then FIN, and a read for a while before the close",
        find: no_refusal,
    },
    Cause {
        id: "server/too-short",
        whose: Whose::Server,
        look: "the length that it takes for too long, and the buffer behind it: a name, and a message, may have \
               1024 bytes, and 1025 are too many",
        find: too_short,
    },
    Cause {
        id: "server/shared-buffer",
        whose: Whose::Server,
        look: "what is static or global in what serves a client: each connection needs its own",
        find: shared_buffer,
    },
    Cause {
        id: "server/one-read",
        whose: Whose::Server,
        look: "a read in a loop, until the name is complete: TCP keeps no borders, so a name comes in any \
               pieces",
        find: one_read,
    },
    Cause {
        id: "server/no-udp-answers",
        whose: Whose::Server,
        look: "whether the receiver runs, and replies (`greet serve --reply`), at that address and port",
        find: no_answers,
    },
];

fn places_leak<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    if seen.ended_in_row() {
        return None;
    }
    let in_a_row = some(open, |cross| {
        cross.is(&[ROW]) && (cross.is_turned_away() || cross.is_silence())
    });
    let stopped = seen.stopped.filter(|stopped| stopped.after.id == ROW);
    // What else looks like it.
    let or = match stopped.map(|stopped| stopped.cause) {
        Some(Came::Unreachable) => ", or the stack stands still (does it answer a ping?)",
        Some(Came::Reply {
            end: End::Silence, ..
        }) => ", or the server stands still",
        _ => "",
    };
    let ends = match stopped {
        Some(_) => "and nobody after that",
        None => "until it had rested",
    };
    let what = format!(
        "places don't come back{or}: it served {} clients in a row, {ends}",
        grouped(seen.greetings)
    );
    (!in_a_row.is_empty()).then(|| Said::new(what, in_a_row))
}

fn one_by_one<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const FOLLOW: &[&str] = &[
        "crowd/at-once",
        "crowd/silent",
        "crowd/latency",
        "crowd/one-more",
    ];
    let is_kept_out = |cross: &Of| {
        let is_out = cross.is_turned_away() || cross.is_silence() || cross.told_late();
        cross.is(FOLLOW) && is_out
    };
    like(
        open,
        "crowd/silent",
        is_kept_out,
        "it serves one client after the other: one that says nothing keeps all others out",
    )
}

fn shared_buffer<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const AT_ONCE: &[&str] = &[
        "crowd/at-once",
        "crowd/in-any-order",
        "lines/at-once",
        "lines/beside-pipeline",
    ];
    const OF_ALL_LENGTHS: &[&str] = &["crowd/mixed"];
    // A part of what was due is nobody else's.
    let crosses = some(open, |cross| {
        (cross.is(AT_ONCE) || cross.is(OF_ALL_LENGTHS))
            && cross.is_another_reply()
            && !cross.is_cut()
    });
    if texts::is_ascii_alone(open) {
        return None;
    }
    // A text that goes wrong alone goes wrong among others, too.
    let goes_wrong_alone = open.iter().any(|cross| cross.is(&["sizes/stream"]));
    (crosses.iter())
        .any(|cross| cross.is(AT_ONCE) || !goes_wrong_alone)
        .then(|| Said::new("clients who come at once get each other's replies", crosses))
}

fn wrong_greeting<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let is_wrong = |cross: &Of| !cross.is(&["udp/*"]) && cross.is_another_reply();
    like(
        open,
        "tcp/world",
        is_wrong,
        "it answers a name with another greeting than is due",
    )
}

fn empty_name<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let crosses = some(open, Of::is_empty_name);
    let what = "it answers the empty name with another reply than `Hello, `";
    (!crosses.is_empty()).then(|| Said::new(what, crosses))
}

fn wrong_refusal<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let crosses = some(open, Of::is_wrong_refusal);
    let what = if crosses.iter().all(|cross| cross.is_beginning) {
        "it refuses what it should, but the end of the sentence is missing, as the line feed may be"
    } else {
        "it refuses what it should, but in other words than are due"
    };
    (!crosses.is_empty()).then(|| Said::new(what, crosses))
}

/// It may have ended otherwise where a refusal was due, but not without a byte.
fn no_refusal<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const SOME: usize = 2;
    let crosses = some(open, |cross| cross.is_no_refusal() && !cross.is(&["udp/*"]));
    (crosses.len() >= SOME).then(|| {
        Said::new(
            "it closes the connection without a word where a refusal is due",
            crosses,
        )
    })
}

/// What is refused has arrived. Where longer texts are greeted, it isn't for their length.
fn too_short<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let is_too_long = |cross: &Of| {
        let is_longest = |len| seen.longest_passed(cross.is_over_udp()) < len;
        cross.check.group() != "lines" && cross.refused_len().is_some_and(is_longest)
    };
    let crosses = some(open, is_too_long);
    let over = |is_over_udp| {
        let of_it = crosses
            .iter()
            .filter(move |cross| cross.is_over_udp() == is_over_udp);
        let shortest = of_it.filter_map(|cross| cross.refused_len()).min()?;
        let searched = seen.facts.iter().find_map(|fact| match *fact {
            Fact::Length { way, fails, .. } if stack::is_over_udp(way) == is_over_udp => {
                Some(usize::from(fails))
            }
            _ => None,
        });
        Some(searched.map_or(shortest, |fails| fails.min(shortest)))
    };
    let of = |texts, len| format!("{texts} of {len} bytes");
    let refused = match (over(false), over(true)) {
        (Some(name), Some(message)) if name == message => of("names and messages", name),
        (Some(name), Some(message)) => {
            format!("{} and {}", of("names", name), of("messages", message))
        }
        (Some(name), None) => of("names", name),
        (None, Some(message)) => of("messages", message),
        (None, None) => return None,
    };
    let what = format!("it refuses {refused}, where up to 1024 are to be greeted");
    Some(Said::new(what, crosses))
}

fn one_read<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const PIECES: &[&str] = &["tcp/split-*", "tcp/segments-settle", "tcp/bytewise"];
    const TOO_LONG: &[&str] = &["tcp/too-long-pieces"];
    let mut crosses = some(open, |cross| {
        let is_whole = cross.end() == Some(End::Fin);
        is_whole && cross.is_beginning || cross.is(PIECES) && !cross.is_silence()
    });
    let cut_at = texts::cut_at(open);
    // Who closes behind the first piece resets at the next, but not where a whole name comes at once.
    let is_whole = seen.longest_passed(false) == MAX_TEXT;
    let is_in_pieces = |cross: &&&Of| {
        let is_cut = cross.is_beginning && Some(cross.came) != cut_at;
        cross.is(PIECES) && (is_cut || is_whole && cross.is_reset())
    };
    let is_one_read = crosses.iter().filter(is_in_pieces).count() >= 2;
    // One that is too long is refused, if it comes at once.
    let too_long = some(open, |cross| cross.is(&["tcp/too-long*"]));
    if is_whole && too_long.iter().all(|cross| cross.is(TOO_LONG)) {
        crosses.extend(too_long);
    }
    is_one_read.then(|| {
        Said::new(
            "one read is taken for one message: a name that comes in pieces is cut",
            crosses,
        )
    })
}

/// Where bytes are left unread as a name is too long, or ended too early, RST says something else; and so it
/// does from a server that greets nobody any more.
fn resets<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const WHOLE: &[&str] = &["tcp/world*", "tcp/one-byte", "close/with-name"];
    let last = seen.stopped.map(|stopped| stopped.after.id);
    let is_last = |cross: &Of| Some(cross.check.id) == last;
    let resets = some(open, |cross| cross.is_reset() && !is_last(cross));
    let mut whole = resets.iter().filter(|cross| cross.is(WHOLE));
    let always = always(seen, Fact::EndsWithReset);
    if always.is_none() && whole.clone().next().is_none() {
        return None;
    }
    let mode = always.unwrap_or_default();
    let what = if whole.all(|cross| cross.is_right) {
        format!(
            "{mode}its replies are right, but end with RST, not FIN: whoever is slow to read may lose them"
        )
    } else {
        "it ends connections with RST, not FIN, which costs its clients replies".to_owned()
    };
    Some(Said::new(what, resets))
}

fn no_fin<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let always = always(seen, Fact::NeverEnds);
    let crosses = some(open, |cross| {
        // Where nothing is due but the end, that may be a deadline.
        let is_reply = cross.came > 0 || always.is_some() && cross.is(&["lines/nothing"]);
        is_reply && cross.is_right && cross.end() == Some(End::Silence)
    });
    let is_each = always.is_some() || crosses.iter().any(|cross| cross.is(&["tcp/world"]));
    let what = if is_each {
        format!(
            "{}its replies are right, but no FIN comes behind them: a client that waits for the end waits \
             for ever",
            always.unwrap_or_default()
        )
    } else {
        "some of its replies are right, but have no FIN behind them".to_owned()
    };
    (is_each || !crosses.is_empty()).then(|| Said::new(what, crosses))
}

/// Whether all that is right ends so, and where, if it isn't everywhere: words that begin a sentence.
fn always(seen: &Seen, ends: fn(Mode) -> Fact) -> Option<&'static str> {
    let ends_so = |mode| seen.facts.contains(&ends(mode));
    match (ends_so(Mode::Name), ends_so(Mode::Lines)) {
        (true, _) => Some(""),
        (false, true) => Some("in lines mode "),
        (false, false) => None,
    }
}

fn wrong_answer<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    like(
        open,
        "udp/ada",
        texts::is_another_answer,
        "it answers a message with another text than is due",
    )
}

fn dies<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let stopped = seen.stopped?;
    let is_of_it = |cross: &Of| cross.check.id == stopped.after.id;
    let is_open = open.iter().any(|cross| is_of_it(cross));
    let is_leak = stopped.after.id == ROW && !seen.ended_in_row() && !is_open;
    if is_leak {
        return None;
    }
    let (how, look) = how_it_is_dead(stopped);
    // Neither a SYN that is lost nor a silence tells a dead server from a link that loses.
    let is_silence = matches!(
        stopped.cause,
        Came::Unreachable
            | Came::Reply {
                end: End::Silence,
                ..
            }
    );
    let is_lossy = seen.is_impaired || seen.link.lossy || seen.is_spoilt();
    let may_be_link = is_silence && is_lossy;
    let or = if may_be_link {
        "; or the link lost what was sent: the same check over a better one tells"
    } else {
        ""
    };
    let what = format!(
        "it greets nobody since {} (\"{}\"): {how}{or}",
        stopped.after.id, stopped.after.sentence
    );
    let crosses = if may_be_link {
        some(open, is_of_it)
    } else {
        seen.crosses().filter(|cross| is_of_it(cross)).collect()
    };
    let said = Said {
        // What the link explains is nobody else's.
        only_noted: may_be_link && !is_open,
        ..Said::new(what, crosses)
    };
    Some(said.look(format!(
        "{look}; then run `--only {}` again",
        stopped.after.id
    )))
}

fn how_it_is_dead(stopped: Stopped) -> (&'static str, &'static str) {
    match stopped.cause {
        Came::Refused(_) if stopped.after.id == ROW => (
            "connections are refused (RST), so the stack lives, and nobody listens",
            "how the server's loop or task can end: a panic, an assertion, an error of one client that it \
             returns; where each connection needs a socket that listens, whether closed ones listen again",
        ),
        Came::Refused(_) => (
            "connections are refused (RST), so the stack lives, and nobody listens",
            "how the server's loop or task can end: a panic, an assertion, an error of one client that it \
             returns",
        ),
        Came::Unreachable => (
            "no SYN is answered any more, so the stack stands still, or has no connection free",
            "a fault handler, a loop that never ends, a lock that is held, packet buffers or connections that \
             leaked; does it still answer a ping?",
        ),
        Came::Reply {
            end: End::Silence, ..
        } => (
            "connections are accepted, but nobody answers, so the stack lives, and the server doesn't",
            "where its task waits: a read or write without a bound, a client whose place never comes back",
        ),
        Came::Reply {
            end: End::Broken(ErrorKind::ConnectionReset),
            ..
        } => (
            "each connection is reset (RST) before its greeting",
            "what of an earlier client is still in its buffers, or has failed for good",
        ),
        Came::Reply { .. } => (
            "each client gets another reply than is due",
            "what of an earlier client is still in its buffers, or has failed for good",
        ),
        _ => ("no client is greeted", "its log, and what its task does"),
    }
}

fn no_answers<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let cross = open.iter().find(|cross| cross.is(&["first/udp-answers"]))?;
    let what = match cross.end() {
        Some(End::Broken(ErrorKind::ConnectionRefused)) => "nobody listens at the UDP port",
        _ => "no message over UDP is answered",
    };
    Some(Said::new(what, vec![cross]))
}
