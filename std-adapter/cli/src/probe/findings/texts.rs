//! Causes in what a server makes of names and messages: where they end, what they may be, and what comes back.

use greet_std::core::limits::{GREETING, MAX_TEXT};
use greet_std::core::probe::{Fact, Whose};

use super::rewritten::Rewritten;
use super::seen::{Of, Seen};
use super::{Cause, Said, like, some};
use crate::probe::link::grouped;

pub(super) const CAUSES: [Cause; 11] = [
    Cause {
        id: "server/utf-8",
        whose: Whose::Server,
        look: "what is made of bytes above 127 before they are answered: names and messages are UTF-8 (RFC 3629), and \
               come back byte for byte",
        find: ascii_alone,
    },
    Cause {
        id: "server/no-bytes",
        whose: Whose::Server,
        look: "what is done when a read returns 0 and no name has come: it is the empty name, and is answered",
        find: no_bytes,
    },
    Cause {
        id: "server/name-as-string",
        whose: Whose::Server,
        look: "`strlen`, `strcpy`, `%s`: the length that a read returned must stay beside the bytes",
        find: name_as_string,
    },
    Cause {
        id: "server/name-as-line",
        whose: Whose::Server,
        look: "`fgets`, `read_line`, `trim`: a line feed is a byte of the name, and so is a space",
        find: name_as_line,
    },
    Cause {
        id: "server/reply-cut",
        whose: Whose::Server,
        look: "the buffer for a reply: it needs room for 1031 bytes, 7 more than the longest name",
        find: reply_cut,
    },
    Cause {
        id: "server/too-long",
        whose: Whose::Server,
        look: "where a name may end that has no end: what is counted, and against which limit, before it is greeted",
        find: no_limit,
    },
    Cause {
        id: "server/never-ends",
        whose: Whose::Server,
        look: "PROTOCOL.md, *Where a name ends*: 20 ms of quiet end a name that fills its last segment",
        find: never_ends,
    },
    Cause {
        id: "server/datagram-cut",
        whose: Whose::Server,
        look: "the buffer that a datagram is received into: with 1025 bytes or more, 1025 are seen to be too many",
        find: datagram_cut,
    },
    Cause {
        id: "server/answer-as-shown",
        whose: Whose::Server,
        look: "where text is made fit for a terminal or a log: behind the answer, not before it",
        find: answer_as_shown,
    },
    Cause {
        id: "server/text-changed",
        whose: Whose::Server,
        look: "what is made of text between the read and the write: line ends, normal forms of Unicode, escapes; it \
               comes back byte for byte",
        find: text_changed,
    },
    Cause {
        id: "stack/texts",
        whose: Whose::Stack,
        look: "where a buffer ends, when it is handed back, and who else has it then; `--thorough` tries all lengths",
        find: texts,
    },
];

fn ascii_alone<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    is_ascii_alone(open).then(|| {
        Said::new(
            "it knows ASCII alone: whatever has another character gets another reply than is due",
            some(open, Of::is_another_reply),
        )
    })
}

/// Only what has other characters than those of ASCII comes back otherwise.
pub(super) fn is_ascii_alone(open: &[&Of]) -> bool {
    const OTHERS: &[&str] = &["tcp/chinese", "tcp/emoji"];
    const ASCII: &[&str] = &["tcp/world", "tcp/one-byte", "tcp/below-mss", "tcp/full"];
    others(open, OTHERS) == OTHERS.len() && others(open, ASCII) == 0
}

/// How many of these get another reply than is due.
fn others(open: &[&Of], ids: &[&str]) -> usize {
    let others = open
        .iter()
        .filter(|cross| cross.is(ids) && cross.is_another_reply());
    others.count()
}

fn no_bytes<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    like(
        open,
        "tcp/empty-fin",
        Of::is_no_empty_name,
        "it answers no name of no bytes: FIN without a byte is the empty name",
    )
}

fn name_as_string<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    like(
        open,
        "tcp/nul",
        |cross| cross.stops_before(0),
        "a name ends at NUL: it is handled as a C string",
    )
}

fn name_as_line<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    // A message is told by the length of its answer, so one that is trimmed looks like another.
    let trims = open.iter().any(|cross| cross.is_trimmed);
    let is_another = |cross: &Of| cross.is(&["sizes/datagram"]) && cross.is_another_reply();
    like(
        open,
        "tcp/line-feed",
        |cross| cross.stops_before(b'\n') || cross.is_trimmed || trims && is_another(cross),
        "a name is handled as a line: it ends at a line feed, or white space around it is missing",
    )
}

fn reply_cut<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let len = cut_at(open)?;
    let what = format!(
        "its replies end after {} bytes, whatever is longer",
        grouped(u64::try_from(len).unwrap_or(u64::MAX))
    );
    let crosses = some(open, |cross| cross.is_cut() && cross.came == len);
    Some(Said::new(what, crosses))
}

/// Where all long replies end.
pub(super) fn cut_at(open: &[&Of]) -> Option<usize> {
    const LONGEST: &[&str] = &["tcp/reply-1025", "tcp/full"];
    let mut longest = open
        .iter()
        .filter(|cross| cross.is(LONGEST) && cross.is_cut());
    let (one, other) = (longest.next()?, longest.next()?);
    (one.came == other.came).then_some(one.came)
}

/// Whoever greets it has no short buffer.
fn no_limit<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let is_greeted = |cross: &Of| cross.is(&["tcp/too-long*"]) && cross.greeted > MAX_TEXT;
    let most = open.iter().filter(|cross| is_greeted(cross));
    let most = most.map(|cross| cross.greeted).max()?;
    let what =
        format!("it greets names that are too long: one of {most} bytes, where 1024 are the most");
    Some(Said::new(
        what,
        some(open, |cross| cross.is(&["tcp/too-long*"])),
    ))
}

fn never_ends<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const WITHOUT_FIN: &[&str] = &[
        "tcp/at-mss",
        "tcp/full-quiet",
        "tcp/segments-settle",
        "tcp/bytewise",
    ];
    if seen.facts.contains(&Fact::NeedsFin) {
        return Some(ends_with_fin_alone(open));
    }
    like(
        open,
        "tcp/at-mss",
        |cross| cross.is(WITHOUT_FIN) && cross.is_silence(),
        "a name that fills its last segment never ends without FIN",
    )
}

fn ends_with_fin_alone<'a>(open: &[&'a Of]) -> Said<'a> {
    let crosses = some(open, |cross| cross.is(&["tcp/*"]) && cross.is_silence());
    Said::new(
        "a name ends with FIN alone: without, it isn't answered, however short it is and however long the quiet \
         behind it",
        crosses,
    )
    .look(
        "where the server reads until there is nothing more: PROTOCOL.md, *Where a name ends*: a segment below the \
         MSS ends a name, and 20 ms of quiet, as FIN does",
    )
}

/// What is put together and cut isn't lost.
fn datagram_cut<'a>(seen: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    const TOO_LONG: &[&str] = &["udp/too-long*", "first/reassembly"];
    let len = |cross: &Of| cross.came.saturating_sub(GREETING.len());
    let whole = seen.longest_passed(true);
    let is_cut = |cross: &Of| cross.is_over_udp() && cross.is_cut() && len(cross) >= whole;
    let is_of_it = |cross: &Of| is_cut(cross) || cross.is(TOO_LONG) && cross.is_another_reply();
    // A shorter one, whose end is missing as well.
    let short = open.iter().find(|cross| is_cut(cross));
    let what = match short {
        Some(cross) => format!(
            "a message is cut behind {} bytes, and answered as if that were all of it",
            len(cross)
        ),
        None => {
            "a message that is too long is cut, and answered as if that were all of it".to_owned()
        }
    };
    let telling = short.map_or("udp/too-long", |cross| cross.check.id);
    like(open, telling, is_of_it, what)
}

fn answer_as_shown<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    is_as_shown(open).then(|| {
        Said::new(
            "it answers with the message as a terminal may show it, not as it came",
            some(open, is_another_answer),
        )
    })
}

pub(super) fn is_another_answer(cross: &Of) -> bool {
    cross.is(&["udp/*", "first/reassembly", "sizes/datagram"]) && cross.is_another_reply()
}

/// Only what a terminal wouldn't show comes back otherwise, in short messages as well.
pub(super) fn is_as_shown(open: &[&Of]) -> bool {
    const SHOWN: &[&str] = &["udp/forged-line", "udp/terminal", "udp/bidi", "udp/c1"];
    const PLAIN: &[&str] = &["udp/ada", "udp/chinese", "udp/full"];
    others(open, SHOWN) >= 2 && others(open, PLAIN) == 0
}

/// What goes wrong alone goes wrong among many, and not in the first place alone.
fn text_changed<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    let Rewritten { at, due, came } = open.iter().find_map(|cross| cross.rewritten)?;
    let what = format!(
        "it answers with other characters than came: where U+{:04X} was due, at byte {at} of a text, U+{:04X} came, \
         and what is behind is right again",
        u32::from(due),
        u32::from(came)
    );
    let is_of_all = |cross: &Of| cross.is(&["sizes/*", "crowd/mixed"]) && cross.is_another_reply();
    let crosses = some(open, |cross| cross.rewritten.is_some() || is_of_all(cross));
    Some(Said::new(what, crosses))
}

/// A server changes text where it should not, so that bytes needn't change by themselves.
pub(super) fn is_changed(open: &[&Of], is_over_udp: bool) -> bool {
    let is_of_it = |cross: &&Of| cross.rewritten.is_some() || cross.is_trimmed;
    open.iter().any(is_of_it) || is_over_udp && is_as_shown(open)
}

/// What goes wrong alone goes wrong among many.
fn texts<'a>(_: &'a Seen, open: &[&'a Of]) -> Option<Said<'a>> {
    like(
        open,
        "sizes/stream",
        |cross| cross.is(&["sizes/*", "crowd/mixed"]),
        "text of some length is lost, or bytes of it are another's or at another place",
    )
}
