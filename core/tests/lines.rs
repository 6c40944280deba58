//! Lines: however they are cut on their way, and however slowly the answers are taken, the answers
//! are those that the bytes deserve, in order, as a reference of a few lines has them.

use std::time::Duration;

use embedded_io::ErrorKind;
use greet_core::error::{Abandonment, Refusal, TextError};
use greet_core::limits::{Limits, MAX_TEXT};
use greet_core::lines::{End, Lines, Outcome};
use greet_core::machine::{Machine, Service, Want};
use greet_core::time::Instant;
use proptest::prelude::*;

const START: Instant = Instant::from_millis(50_000);
const TICK: Duration = Duration::from_micros(1);
const DEADLINE: Duration = Duration::from_secs(10);

/// What all these bytes and FIN deserve: the answers, and how it ends.
fn deserved(bytes: &[u8]) -> (Vec<u8>, Outcome) {
    let mut replies = Vec::new();
    let mut greeted = 0;
    let mut end = End::Finished;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let start = &line[..line.len().min(MAX_TEXT)];
        let fault = match str::from_utf8(start) {
            Err(error) if error.error_len().is_some() || line.len() <= MAX_TEXT => {
                let at = u16::try_from(error.valid_up_to()).expect("within a line");
                Some(TextError::NotUtf8 { at })
            }
            _ if line.len() > MAX_TEXT => Some(TextError::TooLong),
            _ => None,
        };
        if let Some(fault) = fault {
            let refusal = Refusal::Name(fault);
            replies.extend(format!("Error: {refusal}\n").bytes());
            end = End::Refused(refusal);
            break;
        }
        greeted += 1;
        replies.extend_from_slice(b"Hello, ");
        replies.extend_from_slice(line);
    }
    (replies, Outcome { greeted, end })
}

fn begun() -> Lines {
    let mut lines = Lines::VACANT;
    lines.begin(START, &Limits::DEFAULT);
    lines
}

fn give(lines: &mut Lines, bytes: &[u8], now: Instant) -> usize {
    let space = lines.space();
    let n = space.len().min(bytes.len());
    space[..n].copy_from_slice(&bytes[..n]);
    if n > 0 {
        lines.received(n, now);
    }
    n
}

fn take(lines: &mut Lines, most: usize, now: Instant) -> Vec<u8> {
    let left = lines.transmit();
    let taken = left[..left.len().min(most)].to_vec();
    lines.transmitted(taken.len(), now);
    taken
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn cuts_and_slow_readers_change_nothing(
        bytes in any_bytes(),
        pieces in proptest::collection::vec(size(), 1..6),
        takes in proptest::collection::vec(size(), 1..6),
        eager in any::<bool>(),
    ) {
        let mut lines = begun();
        let mut left = &bytes[..];
        let mut replies = Vec::new();
        let mut turns = pieces.iter().cycle().zip(takes.iter().cycle());
        while lines.want() != Want::Done {
            let (piece, most) = turns.next().expect("it goes round");
            let want = lines.want();
            let mut moved = false;
            if want.reads() {
                let n = give(&mut lines, &left[..left.len().min(*piece)], START);
                left = &left[n..];
                moved |= n > 0;
                if left.is_empty() && lines.want().reads() {
                    lines.received_fin(START);
                    moved = true;
                }
            }
            if lines.want().writes() && (eager || !moved) {
                let taken = take(&mut lines, *most, START);
                moved |= !taken.is_empty();
                replies.extend(taken);
                if lines.fin_follows() && lines.transmit().is_empty() {
                    lines.finished(START);
                    moved = true;
                }
            }
            lines.timeout(START); // nothing is due
            prop_assert!(moved, "it waits for nothing: {:?}", lines.want());
        }
        let (expected, outcome) = deserved(&bytes);
        prop_assert_eq!(replies, expected);
        prop_assert_eq!(lines.outcome(), Some(outcome));
    }

    /// Whoever stops taking answers is read no further than the buffers reach, and what had left by
    /// then is what counts.
    #[test]
    fn who_takes_nothing_makes_the_lines_wait(
        len in 1..200_usize,
        taken in 0..3000_usize,
    ) {
        let line = [&vec![b'a'; len - 1][..], b"\n"].concat();
        let mut lines = begun();
        let mut given = 0;
        while lines.want().reads() {
            let n = give(&mut lines, &line[given % len..], START);
            prop_assert!(n > 0 && given < 100_000);
            given += n;
        }
        prop_assert!(given <= 4096, "{given} bytes were read");
        prop_assert!(lines.space().is_empty());
        prop_assert_eq!(lines.want(), Want::Write);

        let mut left = 0;
        while left < taken {
            let now = take(&mut lines, taken - left, START).len();
            if now == 0 {
                break;
            }
            left += now;
        }
        lines.lost(ErrorKind::ConnectionReset);
        let outcome = lines.outcome().expect("it is lost");
        prop_assert_eq!(usize::try_from(outcome.greeted).unwrap(), left / (len + 7));
        let lost = Abandonment::Connection(ErrorKind::ConnectionReset);
        prop_assert_eq!(outcome.end, End::Abandoned(lost));
    }

    /// A stop after any number of bytes: the line that has begun is the last, whatever comes behind it.
    #[test]
    fn a_stop_ends_it_behind_the_line_that_has_begun(
        bytes in any_bytes(),
        before in 0..4000_usize,
        takes in proptest::collection::vec(size(), 1..6),
    ) {
        let mut lines = begun();
        let mut takes = takes.iter().cycle();
        let (mut given, mut stopped) = (0, false);
        let mut replies = Vec::new();
        let mut last = bytes.len();
        while lines.want() != Want::Done {
            if !stopped && (given == before.min(bytes.len()) || !lines.want().reads()) {
                let begun = given > 0 && bytes[given - 1] != b'\n';
                let rest = bytes[given..].iter().position(|byte| *byte == b'\n');
                last = if begun { rest.map_or(bytes.len(), |at| given + at + 1) } else { given };
                lines.wind_down(START);
                stopped = true;
            }
            let mut moved = false;
            if lines.want().reads() {
                let most = if stopped { bytes.len() } else { before.min(bytes.len()) };
                let n = give(&mut lines, &bytes[given..most], START);
                given += n;
                moved = n > 0;
                if given == bytes.len() && lines.want().reads() && stopped {
                    lines.received_fin(START);
                    moved = true;
                }
            }
            if lines.want().writes() {
                replies.extend(take(&mut lines, *takes.next().expect("it goes round"), START));
                if lines.fin_follows() && lines.transmit().is_empty() {
                    lines.finished(START);
                }
            } else {
                prop_assert!(moved || !stopped, "it waits for nothing");
            }
        }
        let (expected, mut outcome) = deserved(&bytes[..last]);
        if outcome.end == End::Finished && bytes[..last].ends_with(b"\n") || last == 0 {
            outcome.end = End::Stopped;
        }
        prop_assert_eq!(replies, expected);
        prop_assert_eq!(lines.outcome(), Some(outcome));
    }

    #[test]
    fn no_call_panics_and_time_ends_it(calls in proptest::collection::vec(any::<(u8, u16, u32)>(), 0..60)) {
        let mut lines = begun();
        let mut now = START;
        for (call, n, micros) in calls {
            now += Duration::from_micros(micros.into());
            match call % 10 {
                0 | 1 => {
                    let byte = call >> 2;
                    let space = lines.space();
                    let n = space.len().min(n.into());
                    space[..n].fill(if byte % 3 == 0 { b'\n' } else { byte });
                    lines.received(n, now);
                }
                2 => lines.received(n.into(), now),
                3 => lines.received_fin(now),
                4 => lines.transmitted(n.into(), now),
                5 => lines.finished(now),
                6 => lines.timeout(now),
                7 => lines.give_way(now),
                8 => lines.wind_down(now),
                _ => lines.quiet(now, |_| true),
            }
            if lines.outcome().is_none() {
                prop_assert!(lines.want() != Want::Done);
            }
        }
        for _ in 0..3 {
            lines.timeout(Instant::NEVER);
            lines.transmitted(usize::MAX, Instant::NEVER);
            lines.finished(Instant::NEVER);
        }
        lines.timeout(Instant::NEVER);
        prop_assert_eq!(lines.want(), Want::Done);
    }
}

#[test]
fn lines_are_answered_in_one_piece_and_in_order() {
    let mut lines = begun();
    give(&mut lines, b"Ada\nGrace\n\nW", START);
    assert_eq!(lines.want(), Want::Both);
    assert_eq!(lines.transmit(), b"Hello, Ada\nHello, Grace\nHello, \n");
    take(&mut lines, usize::MAX, START);
    assert_eq!(lines.want(), Want::Read);
    lines.received_fin(START);
    assert_eq!(lines.transmit(), b"Hello, W");
    take(&mut lines, usize::MAX, START);
    lines.finished(START);
    let outcome = lines.outcome().expect("done");
    assert_eq!((outcome.greeted, outcome.end), (4, End::Finished));
}

/// Whatever becomes of a refusal, it is no greeting.
#[test]
fn a_refusal_that_never_left_takes_nothing_from_what_was_given() {
    let mut lines = begun();
    give(&mut lines, b"Ada\nGra", START);
    take(&mut lines, usize::MAX, START);
    let late = lines.due();
    lines.timeout(late);
    assert_eq!(lines.transmit(), b"Error: no name within 10 s\n");
    take(&mut lines, b"Error: ".len(), late);
    lines.timeout(lines.due());
    let outcome = lines.outcome().expect("done");
    assert_eq!(outcome.end, End::Abandoned(Abandonment::Unread));
    assert_eq!(outcome.greeted, 1);
}

#[test]
fn fin_behind_a_line_feed_is_no_name() {
    let mut lines = begun();
    give(&mut lines, b"Ada\n", START);
    lines.received_fin(START);
    assert_eq!(lines.transmit(), b"Hello, Ada\n");
    let mut silent = begun();
    silent.received_fin(START);
    assert_eq!((silent.transmit(), silent.fin_follows()), (&b""[..], true));
}

/// The deadline of the next line counts from the last answer, and ends an idle connection without
/// a word, but half a line with a refusal.
#[test]
fn the_deadline_counts_from_the_last_answer() {
    let mut lines = begun();
    assert_eq!(lines.due(), START + DEADLINE);
    let answered = START + Duration::from_secs(7);
    give(&mut lines, b"Ada\n", answered);
    assert_eq!(lines.due(), START + DEADLINE, "not yet answered");
    take(&mut lines, usize::MAX, answered);
    assert_eq!(lines.due(), answered + DEADLINE);

    let mut half = begun();
    give(&mut half, b"Ad", START);
    for (lines, text, end) in [
        (&mut lines, &b""[..], End::Idle),
        (
            &mut half,
            b"Error: no name within 10 s\n",
            End::Refused(Refusal::Late { within_ms: 10_000 }),
        ),
    ] {
        let due = lines.due();
        lines.timeout(due - TICK);
        assert!(!lines.fin_follows(), "too early");
        lines.timeout(due);
        assert!(lines.fin_follows());
        assert_eq!(lines.transmit(), text);
        lines.transmitted(text.len(), due);
        lines.finished(due);
        lines.received_fin(due);
        assert_eq!(lines.outcome().map(|outcome| outcome.end), Some(end));
    }
}

#[test]
fn who_takes_answers_slowly_but_steadily_is_waited_for() {
    let mut lines = begun();
    give(&mut lines, &b"a\n".repeat(100), START);
    let mut now = START;
    for _ in 0..100 {
        now += DEADLINE.saturating_sub(TICK);
        lines.timeout(now);
        assert_eq!(take(&mut lines, 9, now), b"Hello, a\n");
    }
    let full = lines.due();
    give(&mut lines, b"a\n", now);
    lines.timeout(full);
    let unread = End::Abandoned(Abandonment::Unread);
    assert_eq!(lines.outcome().map(|outcome| outcome.end), Some(unread));
    assert!(lines.resets());
}

#[test]
fn who_waits_with_the_next_line_gives_way() {
    let mut lines = begun();
    give(&mut lines, b"Ada\n", START);
    assert_eq!(lines.gives_way(), Instant::NEVER, "its answer must leave");
    take(&mut lines, usize::MAX, START);
    let silent = START + Duration::from_millis(250);
    assert_eq!(lines.gives_way(), silent);
    lines.give_way(silent);
    assert_eq!(lines.transmit(), b"Error: no name within 0.25 s\n");
}

/// Nothing is in hand, so nothing is waited for; else what comes behind the answers is thrown away, as
/// unread bytes would destroy them.
#[test]
fn a_stop_ends_an_idle_connection_at_once() {
    let mut idle = begun();
    give(&mut idle, b"Ada\n", START);
    take(&mut idle, usize::MAX, START);
    let mut busy = begun();
    give(&mut busy, b"Ada\n", START);
    for lines in [&mut idle, &mut busy] {
        lines.wind_down(START);
        assert!(lines.fin_follows());
        take(lines, usize::MAX, START);
        lines.finished(START);
    }
    let stopped = Outcome {
        greeted: 1,
        end: End::Stopped,
    };
    assert_eq!(idle.outcome(), Some(stopped));
    assert_eq!((busy.outcome(), busy.want()), (None, Want::Read));
    for _ in 0..1000 {
        assert!(give(&mut busy, &[b'x'; 1000], START) > 0);
    }
    busy.timeout(START + Duration::from_secs(1));
    assert_eq!(busy.outcome(), Some(stopped));
}

/// Lines of all lengths, good and bad.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        4 => Just("a"),
        1 => Just("é"),
        1 => Just("世"),
        1 => Just("a\r"),
    ];
    let length = prop_oneof![4 => 0..30_usize, 1 => 1015..1030_usize, 1 => 0..1200_usize];
    let end = prop_oneof![
        12 => Just(&b"\n"[..]),
        1 => Just(&b""[..]),
        1 => Just(&b"\xff\n"[..]),
        1 => Just(&b"\xe4\xb8\n"[..]),
        1 => Just(&b"\xe4\xb8"[..]),
    ];
    let line = (text, length, end).prop_map(|(text, length, end)| {
        [text.repeat(length / text.len()).as_bytes(), end].concat()
    });
    proptest::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), 1..20_usize, 1..2500_usize]
}
