//! A rule after the other, each over a machine that may have a flaw.

use embedded_io::ErrorKind;
use greet_core::error::{Abandonment, Refusal, TextError};
use greet_core::lines::End;
use greet_core::machine::{Machine, Want};
use greet_core::time::Instant;

use crate::flaws::{Flaw, Flawed, begun};
use crate::{DEADLINE, SETTLE, START};

/// A rule, by the name of what proves it.
pub(crate) type Rule = (&'static str, fn(Flaw));

/// All of them.
pub(crate) const RULES: &[Rule] = &[
    (
        "a_refusal_ends_nothing_but_its_line",
        a_refusal_ends_nothing_but_its_line,
    ),
    (
        "what_comes_of_a_refused_line_is_thrown_away_up_to_its_end",
        what_comes_of_a_refused_line_is_thrown_away_up_to_its_end,
    ),
    ("or_up_to_a_pause", or_up_to_a_pause),
    (
        "noise_that_goes_on_is_refused_once",
        noise_that_goes_on_is_refused_once,
    ),
    ("between_lines_nothing_is_due", between_lines_nothing_is_due),
    (
        "half_a_line_is_late_and_forgotten",
        half_a_line_is_late_and_forgotten,
    ),
    (
        "half_a_line_that_goes_on_is_thrown_away_once_it_is_late",
        half_a_line_that_goes_on_is_thrown_away_once_it_is_late,
    ),
    (
        "who_takes_no_replies_keeps_nobody_waiting_for_ever",
        who_takes_no_replies_keeps_nobody_waiting_for_ever,
    ),
    (
        "a_stop_answers_what_has_begun_and_nothing_behind_it",
        a_stop_answers_what_has_begun_and_nothing_behind_it,
    ),
    (
        "a_stop_waits_for_nobody_longer_than_the_deadline",
        a_stop_waits_for_nobody_longer_than_the_deadline,
    ),
    ("a_fault_ends_it", a_fault_ends_it),
];

#[test]
fn each_rule_is_kept() {
    for (name, rule) in RULES {
        println!("{name}");
        rule(Flaw::None);
    }
}

/// Gives it bytes as it has room for them, and takes all that it answers meanwhile.
fn say(lines: &mut Flawed, mut bytes: &[u8], now: Instant) -> Vec<u8> {
    let mut replies = Vec::new();
    for _ in 0..100_000 {
        let space = lines.space();
        let n = space.len().min(bytes.len());
        space[..n].copy_from_slice(&bytes[..n]);
        lines.received(n, now);
        bytes = &bytes[n..];
        replies.extend(lines.transmit());
        lines.transmitted(lines.transmit().len(), now);
        if bytes.is_empty() && lines.transmit().is_empty() {
            return replies;
        }
    }
    panic!("it doesn't take all, or answers without end")
}

#[track_caller]
fn answers(lines: &mut Flawed, bytes: &[u8], now: Instant, expected: &str) {
    let replies = say(lines, bytes, now);
    assert_eq!(String::from_utf8_lossy(&replies), expected);
}

fn a_refusal_ends_nothing_but_its_line(flaw: Flaw) {
    let mut lines = begun(flaw);
    let sent = b"Ada\nb\xffd\nBob\n\xe4\xb8\nEve\n";
    let expected = "Hello, Ada\nError: name is not UTF-8 at byte 1\nHello, Bob\n\
                    Error: name is not UTF-8 at byte 0\nHello, Eve\n";
    answers(&mut lines, sent, START, expected);
    let why = Refusal::Name(TextError::NotUtf8 { at: 0 });
    assert_eq!(lines.take_refusals(), Some((2, why)));
    assert_eq!(lines.take_refusals(), None);
    let tally = lines.tally();
    assert_eq!((tally.greeted, tally.refused, tally.abandoned), (3, 2, 0));
}

fn what_comes_of_a_refused_line_is_thrown_away_up_to_its_end(flaw: Flaw) {
    let mut lines = begun(flaw);
    let refusal = "Error: name is longer than 1024 bytes\n";
    answers(&mut lines, &[b'x'; 1025], START, refusal);
    let soon = START + SETTLE / 2;
    answers(&mut lines, &[b'x'; 5000], soon, "");
    answers(&mut lines, b"xx\nAda\n", soon + SETTLE / 2, "Hello, Ada\n");
}

fn or_up_to_a_pause(flaw: Flaw) {
    let mut lines = begun(flaw);
    answers(
        &mut lines,
        b"\xff\xff",
        START,
        "Error: name is not UTF-8 at byte 0\n",
    );
    assert_eq!(lines.due(), START + SETTLE);
    lines.timeout(START + SETTLE);
    assert_eq!((lines.due(), lines.want()), (Instant::NEVER, Want::Read));
    answers(&mut lines, b"Ada\n", START + SETTLE, "Hello, Ada\n");
}

fn noise_that_goes_on_is_refused_once(flaw: Flaw) {
    let mut lines = begun(flaw);
    let mut now = START;
    let refusal = "Error: name is not UTF-8 at byte 0\n";
    answers(&mut lines, b"\xff", now, refusal);
    for _ in 0..10_000 {
        now += SETTLE / 2;
        lines.timeout(now);
        answers(&mut lines, b"\xff\xfe", now, "");
    }
    assert_eq!(lines.tally().refused, 1);
}

fn between_lines_nothing_is_due(flaw: Flaw) {
    let mut lines = begun(flaw);
    assert_eq!(lines.due(), Instant::NEVER);
    answers(&mut lines, b"Ada\n", START, "Hello, Ada\n");
    assert_eq!(lines.due(), Instant::NEVER);
    lines.timeout(START + 1000 * DEADLINE);
    answers(
        &mut lines,
        b"Bob\n",
        START + 1000 * DEADLINE,
        "Hello, Bob\n",
    );
}

fn half_a_line_is_late_and_forgotten(flaw: Flaw) {
    let mut lines = begun(flaw);
    let begin = START + 5 * DEADLINE;
    answers(&mut lines, b"Ad", begin, "");
    answers(&mut lines, b"a", begin + DEADLINE / 2, "");
    assert_eq!(lines.due(), begin + DEADLINE);
    let now = begin + DEADLINE;
    lines.timeout(now);
    answers(&mut lines, b"", now, "Error: no name within 10 s\n");
    // The line has been quiet for long.
    answers(&mut lines, b"Bob\n", now, "Hello, Bob\n");
}

fn half_a_line_that_goes_on_is_thrown_away_once_it_is_late(flaw: Flaw) {
    let mut lines = begun(flaw);
    let late = START + DEADLINE;
    answers(&mut lines, b"A", START, "");
    answers(&mut lines, b"d", late - SETTLE / 2, "");
    lines.timeout(late);
    answers(
        &mut lines,
        b"a\nBob\n",
        late,
        "Error: no name within 10 s\nHello, Bob\n",
    );
}

fn who_takes_no_replies_keeps_nobody_waiting_for_ever(flaw: Flaw) {
    let mut lines = begun(flaw);
    let mut sent = 0;
    while !lines.space().is_empty() && sent < 100_000 {
        let space = lines.space();
        let n = space.len().min(4);
        space[..n].copy_from_slice(&b"Ada\n"[..n]);
        lines.received(n, START);
        sent += 1;
    }
    assert!(sent > 100 && sent < 100_000, "{sent}");
    assert_eq!((lines.want(), lines.due()), (Want::Write, START + DEADLINE));
    lines.transmitted(11, START + DEADLINE / 2);
    let mut now = START + DEADLINE;
    lines.timeout(now);
    assert_eq!(lines.tally().abandoned, 0, "a byte left meanwhile");
    while lines.due() != Instant::NEVER {
        assert!(lines.due() > now);
        now = lines.due();
        lines.timeout(now);
    }
    let tally = lines.tally();
    assert_eq!(tally.greeted, 1);
    assert!(tally.abandoned >= 2, "{tally:?}");
}

fn a_stop_answers_what_has_begun_and_nothing_behind_it(flaw: Flaw) {
    let mut lines = begun(flaw);
    answers(&mut lines, b"A", START, "");
    lines.wind_down(START);
    assert_eq!(lines.want(), Want::Read);
    answers(&mut lines, b"da\nBob\n", START, "Hello, Ada\n");
    assert!(lines.fin_follows() && lines.space().is_empty());
    lines.finished(START);
    let outcome = lines.outcome().expect("it stopped");
    assert_eq!((outcome.greeted, outcome.end), (1, End::Stopped));
}

fn a_stop_waits_for_nobody_longer_than_the_deadline(flaw: Flaw) {
    for begun_line in [&b""[..], b"Ad", b"\xff"] {
        let mut lines = begun(flaw);
        say(&mut lines, begun_line, START);
        lines.wind_down(START);
        let mut now = START;
        for _ in 0..4 {
            if lines.outcome().is_none() {
                now = lines.due();
                lines.timeout(now);
            }
        }
        let outcome = lines.outcome().expect("it stopped");
        assert_eq!(outcome.end, End::Stopped);
        assert!(now <= START + 3 * DEADLINE);
    }
}

fn a_fault_ends_it(flaw: Flaw) {
    let mut lines = begun(flaw);
    answers(&mut lines, b"Ada\n", START, "Hello, Ada\n");
    lines.lost(ErrorKind::BrokenPipe);
    let outcome = lines.outcome().expect("it is over");
    let why = Abandonment::Connection(ErrorKind::BrokenPipe);
    assert_eq!((outcome.greeted, outcome.end), (1, End::Abandoned(why)));
    assert!(lines.space().is_empty() && lines.transmit().is_empty());

    let mut lines = begun(flaw);
    lines.received_fin(START); // of which a serial line has none
    let outcome = lines.outcome().expect("it is over");
    assert_eq!((outcome.greeted, outcome.end), (0, End::Abandoned(why)));
}
