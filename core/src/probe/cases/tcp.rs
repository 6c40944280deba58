//! Names over TCP, as data: what a client sends, in which segments, and what must come back.

use core::time::Duration;

use super::super::bytes::{Repeat, len_of};
use super::super::case::AfterSend::{self, Fin, Quiet};
use super::super::case::{About, Body, Case, Level, Vector};
use super::super::need::Need;
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Done, During, Expected, Verdict};
use super::{NAMES, REFUSALS};
use crate::limits::{DEFAULT_MSS, GREETING, MAX_REPLY};

pub(super) static CASES: [Case; 32] = [
    tcp(
        "tcp/world",
        NAMES,
        "A name MUST be answered with `Hello, ` and the name, then FIN.",
        &[Repeat(b"World", 1)],
        0,
        Quiet,
        None,
    ),
    of_fin(tcp(
        "tcp/world-fin",
        NAMES,
        "A name that FIN follows MUST be answered in the same way.",
        &[Repeat(b"World", 1)],
        0,
        Fin,
        None,
    )),
    tcp(
        "tcp/one-byte",
        NAMES,
        "A name of one byte MUST be answered.",
        &[Repeat(b"a", 1)],
        0,
        Quiet,
        None,
    ),
    of_fin(tcp(
        "tcp/empty-fin",
        NAMES,
        "FIN without a byte is the empty name and MUST be answered with `Hello, `.",
        &[],
        0,
        Fin,
        None,
    )),
    tcp(
        "tcp/chinese",
        NAMES,
        "A name in characters of three bytes MUST come back byte for byte.",
        &[Repeat(b"\xe4\xb8\x96\xe7\x95\x8c", 1)],
        0,
        Quiet,
        None,
    ),
    tcp(
        "tcp/emoji",
        NAMES,
        "A name of joined emoji MUST come back byte for byte.",
        &[Repeat(b"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7\xe2\x80\x8d\xf0\x9f\x91\xa6", 1)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/nul",
        NAMES,
        "A name MUST NOT end at a NUL.",
        &[Repeat(b"a\x00b", 1)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/line-feed",
        NAMES,
        "A line feed MUST come back as part of the name.",
        &[Repeat(b"World\n", 1)],
        0,
        Quiet,
        None,
    ),
    tcp(
        "tcp/greeting-as-name",
        NAMES,
        "A name that looks like a greeting MUST be greeted.",
        &[Repeat(b"Hello, World", 1)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/error-as-name",
        NAMES,
        "A name that looks like a refusal MUST be greeted.",
        &[Repeat(b"Error: x\n", 1)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/below-mss",
        NAMES,
        "A name of 535 bytes MUST be answered whole.",
        &[Repeat(b"a", 535)],
        0,
        Quiet,
        None,
    ),
    tcp(
        "tcp/at-mss",
        NAMES,
        "A name of 536 bytes without FIN MUST be answered, once the stream has settled.",
        &[Repeat(b"a", 536)],
        0,
        Quiet,
        None,
    ),
    tcp(
        "tcp/reply-1024",
        NAMES,
        "A name of 1017 bytes MUST be answered with 1024 bytes.",
        &[Repeat(b"b", 1017)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/reply-1025",
        NAMES,
        "A name of 1018 bytes MUST be answered with 1025 bytes: more than a buffer of 1024.",
        &[Repeat(b"b", 1018)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/full",
        NAMES,
        "A name of 1024 bytes MUST be answered with all 1031 bytes.",
        &[Repeat(b"c", 1024)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/full-quiet",
        NAMES,
        "A name of 1024 bytes without FIN MUST be answered with all 1031 bytes.",
        &[Repeat(b"c", 1024)],
        0,
        Quiet,
        None,
    ),
    tcp(
        "tcp/full-chinese",
        NAMES,
        "A name of 1024 bytes in characters of three MUST come back byte for byte.",
        &[Repeat(b"\xe7\x95\x8c", 341), Repeat(b"x", 1)],
        0,
        Fin,
        None,
    ),
    tcp(
        "tcp/too-long-by-one",
        REFUSALS,
        "A name of 1025 bytes MUST be refused.",
        &[Repeat(b"d", 1025)],
        0,
        Fin,
        Some("Error: name is longer than 1024 bytes\n"),
    ),
    tcp(
        "tcp/too-long-quiet",
        REFUSALS,
        "A name of 1025 bytes MUST be refused without waiting for FIN.",
        &[Repeat(b"d", 1025)],
        0,
        Quiet,
        Some("Error: name is longer than 1024 bytes\n"),
    ),
    tcp(
        "tcp/too-long-far",
        REFUSALS,
        "A name of 5000 bytes MUST be refused, and the refusal MUST arrive.",
        &[Repeat(b"d", 5000)],
        0,
        Fin,
        Some("Error: name is longer than 1024 bytes\n"),
    ),
    tcp(
        "tcp/too-long-pieces",
        REFUSALS,
        "A name MUST be refused when its 1025th byte comes in a later segment.",
        &[Repeat(b"d", 1000), Repeat(b"d", 25)],
        1,
        Fin,
        Some("Error: name is longer than 1024 bytes\n"),
    ),
    tcp(
        "tcp/split-character",
        NAMES,
        "Quiet inside a character MUST NOT end the name.",
        &[Repeat(b"\xe4\xb8", 1), Repeat(b"\x96", 1)],
        30,
        Quiet,
        None,
    ),
    tcp(
        "tcp/split-four",
        NAMES,
        "A character that comes one byte at a time MUST be waited for.",
        &[Repeat(b"\xf0", 1), Repeat(b"\x9f", 1), Repeat(b"\x91", 1), Repeat(b"\x8b", 1)],
        10,
        Quiet,
        None,
    ),
    of_fin(tcp(
        "tcp/cut-by-fin",
        REFUSALS,
        "FIN inside a character MUST be answered with a refusal that says where it starts.",
        &[Repeat(b"\xe4\xb8", 1)],
        0,
        Fin,
        Some("Error: name is not UTF-8 at byte 0\n"),
    )),
    of_fin(tcp(
        "tcp/cut-after-text",
        REFUSALS,
        "FIN inside the second character MUST be refused at its first byte.",
        &[Repeat(b"ok\xe4\xb8", 1)],
        0,
        Fin,
        Some("Error: name is not UTF-8 at byte 2\n"),
    )),
    tcp(
        "tcp/bad-first",
        REFUSALS,
        "A byte that no UTF-8 has MUST be refused at once, with its place.",
        &[Repeat(b"\xff", 1)],
        0,
        Quiet,
        Some("Error: name is not UTF-8 at byte 0\n"),
    ),
    tcp(
        "tcp/bad-middle",
        REFUSALS,
        "A stray continuation byte MUST be refused with its place.",
        &[Repeat(b"ab\x80cd", 1)],
        0,
        Quiet,
        Some("Error: name is not UTF-8 at byte 2\n"),
    ),
    tcp(
        "tcp/overlong",
        REFUSALS,
        "An overlong encoding MUST be refused.",
        &[Repeat(b"\xc0\x80", 1)],
        0,
        Fin,
        Some("Error: name is not UTF-8 at byte 0\n"),
    ),
    tcp(
        "tcp/surrogate",
        REFUSALS,
        "An encoded surrogate MUST be refused.",
        &[Repeat(b"\xed\xa0\x80", 1)],
        0,
        Fin,
        Some("Error: name is not UTF-8 at byte 0\n"),
    ),
    tcp(
        "tcp/past-unicode",
        REFUSALS,
        "A code point past U+10FFFF MUST be refused.",
        &[Repeat(b"\xf4\x90\x80\x80", 1)],
        0,
        Fin,
        Some("Error: name is not UTF-8 at byte 0\n"),
    ),
    tcp(
        "tcp/segments-settle",
        NAMES,
        "A name of 1000 bytes in two segments, 2 ms apart, MUST be answered whole.",
        &[Repeat(b"e", 536), Repeat(b"e", 464)],
        2,
        Quiet,
        None,
    ),
    About::new(
        "tcp/bytewise",
        Level::Must,
        NAMES,
        "A long name whose last bytes come one by one MUST be answered whole.",
    )
    .needs(&[Need::Name, Need::Timing])
    .run(bytewise),
];

const fn tcp(
    id: &'static str,
    source: &'static str,
    sentence: &'static str,
    send: &'static [Repeat],
    gap_ms: u8,
    then: AfterSend,
    refusal: Option<&'static str>,
) -> Case {
    let vector = Vector {
        send,
        gap_ms,
        then,
        refusal,
    };
    let mut about = About::new(id, Level::Must, source, sentence);
    if vector.settles() {
        about = about.needs(&[Need::Name, Need::Timing]);
    }
    Case {
        about,
        body: Body::Tcp(vector),
    }
}

/// One whose sentence is about FIN. The others end their name by quiet where FIN costs the reply.
const fn of_fin(mut case: Case) -> Case {
    case.about = case.about.needs(&[Need::Name, Need::HalfClose]);
    case
}

/// A gap that a busy machine has stretched to this is no fault of the server's.
const STRETCHED: Duration = Duration::from_millis(15);

/// How often a check is repeated whose gaps were stretched, here or maybe on the way. A server that
/// can't take them fails each time.
const TRIES: usize = 5;

const BUSY: Verdict =
    Verdict::Inconclusive("this machine is too busy to send two segments closer than 15 ms");

impl Vector {
    /// Whether its pieces are one name only if they come soon after one another. Nothing ends a
    /// shorter name but a gap that the protocol allows for.
    const fn settles(&self) -> bool {
        let mut len = 0;
        let mut index = 0;
        while index < self.send.len() {
            let Repeat(bytes, times) = self.send[index];
            len += bytes.len() * times as usize;
            index += 1;
        }
        self.send.len() > 1 && len >= DEFAULT_MSS
    }

    /// What must come back.
    pub(in super::super) fn expected(&self) -> Expected {
        match self.refusal {
            Some(sentence) => Expected::Refusal(sentence),
            None => Expected::Greeting(self.send),
        }
    }
}

/// Sends the pieces of a name, and compares the answer.
pub(in super::super) fn vector(session: &mut Session<'_>, vector: &Vector) -> Done {
    let fin = vector.then == Fin && session.half_closes();
    let mut verdict = Ok(BUSY);
    for _ in 0..TRIES {
        session.open(0, Dial::Plain).during("connecting")?;
        let mut longest = Duration::ZERO;
        for (index, piece) in vector.send.iter().enumerate() {
            let before = session.stack.now();
            if index > 0 {
                session.pause(Duration::from_millis(vector.gap_ms.into()));
            }
            session.send(0, core::slice::from_ref(piece), 0, usize::MAX);
            longest = longest.max(session.stack.now().since(before));
        }
        if fin {
            session.finish(0);
        } else if vector.refusal.is_none() {
            session.end_name(0);
        }
        let result = session.expect(0, vector.expected());
        session.stack.close(0);
        if result.is_err() && is_cut_by_the_window(session, vector) {
            return Ok(Verdict::Skipped(
                "a round trip takes longer than a name settles, and the server's window takes no more before",
            ));
        }
        let once = result.is_ok() || !vector.settles();
        if once || longest < STRETCHED {
            verdict = result.during("one greeting").map(|()| Verdict::Passed);
        }
        if once {
            break;
        }
    }
    verdict
}

/// Whether the first 1024 bytes of a longer name were greeted, as the window was full then, and the rest came
/// after a round trip: the name had settled.
fn is_cut_by_the_window(session: &Session<'_>, vector: &Vector) -> bool {
    /// A name settles in 20 ms.
    const SETTLED: Duration = Duration::from_millis(15);
    let greeted =
        session.received == MAX_REPLY && session.actual().starts_with(GREETING.as_bytes());
    vector.refusal.is_some()
        && len_of(vector.send) > MAX_REPLY
        && greeted
        && session.known.handshake.is_some_and(|took| took >= SETTLED)
}

/// Of a name that comes bytewise: how much comes at once, and all of it. No more segments than a sender
/// may have under way at first (ten, RFC 6928, section 2), so that none waits for an ACK, which the
/// server may delay for longer than a name takes to settle.
const AT_ONCE: usize = 560;
const BYTEWISE: &[Repeat] = &[Repeat(b"0123456789", 56), Repeat(b"abcdef", 1)];

/// Between two bytes. From the first to the last a name would settle, if one didn't keep it open.
const APART: Duration = Duration::from_millis(5);

fn bytewise(session: &mut Session<'_>) -> Done {
    let mut verdict = Ok(BUSY);
    for _ in 0..TRIES {
        session.open(0, Dial::Plain).during("connecting")?;
        let mut longest = Duration::ZERO;
        session.send(0, BYTEWISE, 0, AT_ONCE);
        for at in AT_ONCE..len_of(BYTEWISE) {
            let before = session.stack.now();
            session.pause(APART);
            session.send(0, BYTEWISE, at, at + 1);
            longest = longest.max(session.stack.now().since(before));
        }
        session.end_name(0);
        let result = session.expect(0, Expected::Greeting(BYTEWISE));
        session.stack.close(0);
        if result.is_ok() || longest < STRETCHED {
            verdict = result.during("one greeting").map(|()| Verdict::Passed);
        }
        if result.is_ok() {
            break;
        }
    }
    verdict
}
