//! Lines over TCP, as data: what a client sends over one connection, in which segments, and what must
//! come back.

use core::time::Duration;

use super::super::bytes::Repeat;
use super::super::case::AfterSend::{self, Fin, Quiet};
use super::super::case::{About, Body, Case, Dialog, Level, Line};
use super::super::need::{Mode, Need};
use super::super::session::Session;
use super::super::stack::Dial;
use super::super::verdict::{Done, During, Expected, Verdict};
use super::LINES;

pub(super) static CASES: [Case; 18] = [
    lines(
        "lines/two",
        "Two lines in one segment MUST each be answered, line feed included, in their order.",
        &[Repeat(b"Ada\nBob\n", 1)],
        0,
        Fin,
        &[ADA, BOB],
        None,
    ),
    of_fin(lines(
        "lines/rest-at-fin",
        "What is left at FIN MUST be answered as the last name.",
        &[Repeat(b"Ada\nBob", 1)],
        0,
        Fin,
        &[ADA, Line(&[Repeat(b"Bob", 1)], 1)],
        None,
    )),
    of_fin(lines(
        "lines/nothing",
        "FIN without a byte is no name and MUST NOT be answered but with FIN.",
        &[],
        0,
        Fin,
        &[],
        None,
    )),
    lines(
        "lines/split-line",
        "A line in three segments MUST be answered once, and whole.",
        &[Repeat(b"A", 1), Repeat(b"d", 1), Repeat(b"a\n", 1)],
        5,
        Fin,
        &[ADA],
        None,
    ),
    lines(
        "lines/split-character",
        "A line that is cut inside a character MUST be answered once, and whole.",
        &[Repeat(b"Ada\n\xe4\xb8", 1), Repeat(b"\x96\nBob\n", 1)],
        5,
        Fin,
        &[ADA, Line(&[Repeat(b"\xe4\xb8\x96\n", 1)], 1), BOB],
        None,
    ),
    lines(
        "lines/empty-line",
        "An empty line is the name of one line feed and MUST be answered.",
        &[Repeat(b"\n\n", 1)],
        0,
        Fin,
        &[Line(&[Repeat(b"\n", 1)], 2)],
        None,
    ),
    lines(
        "lines/crlf",
        "A carriage return MUST be taken for a byte like any other.",
        &[Repeat(b"Ada\r\n", 1), Repeat(b"\rBob\n", 1)],
        0,
        Fin,
        &[
            Line(&[Repeat(b"Ada\r\n", 1)], 1),
            Line(&[Repeat(b"\rBob\n", 1)], 1),
        ],
        None,
    ),
    lines(
        "lines/control",
        "NUL, ESC and DEL MUST be taken for bytes like any other.",
        &[Repeat(b"a\0b\n\x1b[31m\x7f\n", 1)],
        0,
        Fin,
        &[
            Line(&[Repeat(b"a\0b\n", 1)], 1),
            Line(&[Repeat(b"\x1b[31m\x7f\n", 1)], 1),
        ],
        None,
    ),
    lines(
        "lines/reply-as-name",
        "Lines that look like replies MUST be answered like any other.",
        &[Repeat(b"Hello, Ada\nError: Bob\n", 1)],
        0,
        Fin,
        &[
            Line(&[Repeat(b"Hello, Ada\n", 1)], 1),
            Line(&[Repeat(b"Error: Bob\n", 1)], 1),
        ],
        None,
    ),
    lines(
        "lines/hundred",
        "Each of a hundred lines in one segment MUST be answered.",
        &[Repeat(b"Ada\n", 100)],
        0,
        Fin,
        &[Line(&[Repeat(b"Ada\n", 1)], 100)],
        None,
    ),
    lines(
        "lines/full-line",
        "A line of 1024 bytes, line feed included, MUST be answered.",
        &[Repeat(b"f", 1023), Repeat(b"\nBob\n", 1)],
        0,
        Fin,
        &[Line(&[Repeat(b"f", 1023), Repeat(b"\n", 1)], 1), BOB],
        None,
    ),
    of_fin(lines(
        "lines/full-rest",
        "A last name of 1024 bytes without a line feed MUST be answered.",
        &[Repeat(b"Ada\n", 1), Repeat(b"f", 1024)],
        0,
        Fin,
        &[ADA, Line(&[Repeat(b"f", 1024)], 1)],
        None,
    )),
    lines(
        "lines/too-long-line",
        "A line of 1025 bytes, line feed included, MUST be refused after all replies before it.",
        &[
            Repeat(b"Ada\n", 1),
            Repeat(b"g", 1024),
            Repeat(b"\nBob\n", 1),
        ],
        0,
        Fin,
        &[ADA],
        Some("Error: name is longer than 1024 bytes\n"),
    ),
    lines(
        "lines/too-long-open",
        "1025 bytes without a line feed MUST be refused before one comes.",
        &[Repeat(b"Ada\n", 1), Repeat(b"g", 1025)],
        0,
        Quiet,
        &[ADA],
        Some("Error: name is longer than 1024 bytes\n"),
    ),
    needing(
        &[Need::Lines, Need::Connections],
        lines(
            "lines/bad-line",
            "A line that is not UTF-8 MUST be refused with the place in it, and end it all.",
            &[Repeat(b"Ada\na\xffb\nBob\n", 1)],
            0,
            Fin,
            &[ADA],
            Some("Error: name is not UTF-8 at byte 1\n"),
        ),
    ),
    needing(
        &[Need::Lines, Need::FlowControl],
        lines(
            "lines/bad-in-pipeline",
            "A refusal MUST arrive, with all replies before it, though more lines follow.",
            &[
                Repeat(b"Ada\n", 20),
                Repeat(b"\xffb\n", 1),
                Repeat(b"Bob\n", 2000),
            ],
            0,
            Fin,
            &[Line(&[Repeat(b"Ada\n", 1)], 20)],
            Some("Error: name is not UTF-8 at byte 0\n"),
        ),
    ),
    lines(
        "lines/cut-by-line-feed",
        "A line feed inside a character MUST be refused where the character starts.",
        &[Repeat(b"Ada\nab\xe4\xb8\n\x96\n", 1)],
        0,
        Fin,
        &[ADA],
        Some("Error: name is not UTF-8 at byte 2\n"),
    ),
    of_fin(lines(
        "lines/cut-by-fin",
        "FIN inside a character MUST be refused where the character starts.",
        &[Repeat(b"Ada\na\xe4\xb8", 1)],
        0,
        Fin,
        &[ADA],
        Some("Error: name is not UTF-8 at byte 1\n"),
    )),
];

const ADA: Line = Line(&[Repeat(b"Ada\n", 1)], 1);
const BOB: Line = Line(&[Repeat(b"Bob\n", 1)], 1);

const fn lines(
    id: &'static str,
    sentence: &'static str,
    send: &'static [Repeat],
    gap_ms: u8,
    then: AfterSend,
    greeted: &'static [Line],
    refusal: Option<&'static str>,
) -> Case {
    let dialog = Dialog {
        send,
        gap_ms,
        then,
        greeted,
        refusal,
    };
    Case {
        about: About::new(id, Level::Must, LINES, sentence).needs(&[Need::Lines]),
        body: Body::Lines(dialog),
    }
}

/// One whose sentence is about FIN. The others send none where FIN costs the replies.
const fn of_fin(case: Case) -> Case {
    needing(&[Need::Lines, Need::HalfClose], case)
}

const fn needing(needs: &'static [Need], mut case: Case) -> Case {
    case.about = case.about.needs(needs);
    case
}

/// Sends the pieces of some lines, and compares the answers.
pub(in super::super) fn dialog(session: &mut Session<'_>, dialog: &Dialog) -> Done {
    let fin = session.half_closes();
    session
        .open_in(Mode::Lines, 0, Dial::Plain)
        .during("connecting")?;
    for (index, piece) in dialog.send.iter().enumerate() {
        if index > 0 {
            session.pause(Duration::from_millis(dialog.gap_ms.into()));
        }
        session.send(0, core::slice::from_ref(piece), 0, usize::MAX);
    }
    if dialog.then == Fin && fin {
        session.finish(0);
    }
    for Line(pieces, times) in dialog.greeted {
        for _ in 0..*times {
            session
                .expect_one(0, Expected::Greeting(pieces))
                .during("one reply of many")?;
        }
    }
    if let Some(refusal) = dialog.refusal {
        let until = session.bound();
        session
            .expect_refusal(0, Expected::Refusal(refusal), until)
            .during("the refusal of a line")?;
        return Ok(Verdict::Passed);
    }
    match dialog.then {
        _ if !fin => return Ok(Verdict::Passed),
        Quiet => session.finish(0),
        Fin => {}
    }
    session
        .expect(0, Expected::Nothing)
        .during("the end of the connection")?;
    Ok(Verdict::Passed)
}
