//! What a run has seen, made up: each row of the tables has something that shows it.

use std::collections::BTreeSet;
use std::time::Duration;

use greet_std::core::embedded_io::ErrorKind;
use greet_std::core::probe::{
    About, Again, Cause, End, Expected, Fact, Failure, Repeat, Verdict, Way,
};

use super::super::crosses::ROWS;
use super::super::seen::{LinkSeen, Of, Seen, Stopped, fits};
use super::super::{TABLES, of};
use super::{check, checks, first, result};

pub(super) fn failed(check: &'static About, cause: Cause) -> Of {
    let during = "one greeting";
    result(check, Verdict::Failed(Failure { during, cause }), b"")
}

pub(super) fn ended(id: &str, end: End) -> Of {
    let expected = Expected::Client(7);
    failed(check(id), Cause::Reply { expected, end })
}

pub(super) fn replied(id: &str, end: End, actual: &[u8]) -> Of {
    instead(id, Expected::Client(7), end, actual)
}

fn instead(id: &str, expected: Expected, end: End, actual: &[u8]) -> Of {
    let cause = Cause::Reply { expected, end };
    let during = "one greeting";
    let verdict = Verdict::Failed(Failure { during, cause });
    result(check(id), verdict, actual)
}

/// What came whole, where this was due.
pub(super) fn due(id: &str, expected: Expected, actual: &[u8]) -> Of {
    instead(id, expected, End::Fin, actual)
}

pub(super) const TOO_LONG: Expected = Expected::Refusal("Error: name is longer than 1024 bytes\n");

pub(super) fn silent(ids: &[&str]) -> Vec<Of> {
    ids.iter().map(|id| ended(id, End::Silence)).collect()
}

pub(super) fn passed(ids: &[&str]) -> Vec<Of> {
    let of = |id: &&str| result(check(id), Verdict::Passed, b"");
    ids.iter().map(of).collect()
}

pub(super) fn results(results: impl IntoIterator<Item = Vec<Of>>) -> Seen {
    Seen {
        results: results.into_iter().flatten().collect(),
        clients: 4,
        ..Seen::default()
    }
}

pub(super) fn with_link(link: LinkSeen) -> Seen {
    Seen {
        link,
        ..Seen::default()
    }
}

pub(super) const LOSSY: LinkSeen = LinkSeen {
    sent: 9340,
    sent_again: 117,
    lossy: true,
    stalling: false,
    every: None,
    wrong_sums: 0,
    wrong_sums_every: None,
    only_odd_sums: false,
    received: 9000,
    received_again: 100,
    reordered: 0,
    mss: Some(1460),
    window: Some(5840),
};
pub(super) const WELL: LinkSeen = LinkSeen {
    sent_again: 0,
    lossy: false,
    received_again: 0,
    ..LOSSY
};

type Shown = Vec<(&'static str, Seen)>;

/// Something that shows each cause of the link, and nothing else.
fn of_the_link() -> Shown {
    vec![
        (
            "stack/wrong-checksums",
            with_link(LinkSeen {
                wrong_sums: 90,
                only_odd_sums: true,
                ..LOSSY
            }),
        ),
        (
            "link/impaired",
            Seen {
                is_impaired: true,
                ..results([silent(&["tcp/world"])])
            },
        ),
        (
            "stack/stalls",
            with_link(LinkSeen {
                stalling: true,
                ..LOSSY
            }),
        ),
        ("link/loss", with_link(LOSSY)),
        (
            "link/reordering",
            with_link(LinkSeen {
                reordered: 900,
                ..WELL
            }),
        ),
        (
            "link/duplicates",
            with_link(LinkSeen {
                received_again: 900,
                ..WELL
            }),
        ),
        (
            "tester/few-ports",
            Seen {
                reuses_ports: true,
                ..results([silent(&["tcp/world"])])
            },
        ),
    ]
}

/// A deadline that came after a tenth of its time, and how long the quiet took that ends a name.
fn early(quiet: Duration) -> Seen {
    let (due, took) = (Duration::from_secs(10), Duration::from_secs(1));
    let cause = Cause::Early { due, took };
    Seen {
        facts: vec![
            Fact::Quiet { took: quiet },
            Fact::Deadline { said: due, took },
        ],
        ..results([vec![failed(check("crowd/late"), cause)]])
    }
}

/// The same of the stack.
fn of_the_stack() -> Shown {
    let long = ["tcp/reply-1024", "tcp/full", "tcp/full-quiet", "read/slow"];
    let longer = ["tcp/too-long-by-one", "udp/full"];
    let facts = |seen: Seen, fact| Seen {
        facts: vec![fact],
        ..seen
    };
    vec![
        (
            "stack/long-frames-lost",
            results([
                passed(&["tcp/world", "tcp/at-mss"]),
                silent(&long),
                silent(&longer),
            ]),
        ),
        (
            "stack/small-mss",
            with_link(LinkSeen {
                mss: Some(128),
                ..WELL
            }),
        ),
        (
            "stack/small-window",
            with_link(LinkSeen {
                window: Some(1024),
                ..WELL
            }),
        ),
        (
            "stack/no-half-close",
            facts(
                results([vec![ended("first/half-close", End::Fin)]]),
                Fact::NoHalfClose,
            ),
        ),
        (
            "stack/bytes-change",
            facts(
                Seen::default(),
                Fact::Wrong {
                    way: Way::Name,
                    len: 300,
                    first: 39,
                    count: 32,
                    again: Again::At {
                        modulo: 32,
                        rest: 10,
                    },
                },
            ),
        ),
        (
            "stack/bursts-lost",
            results([vec![failed(
                check("udp/burst"),
                Cause::Lost {
                    sent: 32,
                    answered: 3,
                },
            )]]),
        ),
        ("stack/clock", early(Duration::from_millis(2))),
        (
            "stack/few-places",
            results([vec![failed(check("crowd/at-once"), Cause::Unreachable)]]),
        ),
        ("stack/half-open", results([silent(&["crowd/half-open"])])),
        (
            "stack/no-reassembly",
            results([silent(&["udp/too-long-far"])]),
        ),
    ]
}

/// The same of the server.
fn of_the_server() -> Shown {
    let reset = End::Broken(ErrorKind::ConnectionReset);
    let stopped = |after: &str, cause| Seen {
        stopped: Some(Stopped {
            after: check(after),
            cause,
        }),
        ..Seen::default()
    };
    vec![
        ("server/deadline", early(Duration::from_millis(20))),
        (
            "server/places-leak",
            Seen {
                greetings: 320,
                ..results([silent(&["crowd/in-a-row"])])
            },
        ),
        (
            "server/dies",
            stopped("tcp/split-character", Cause::Unreachable),
        ),
        (
            "server/one-by-one",
            results([silent(&["crowd/silent", "crowd/at-once"])]),
        ),
        (
            "server/shared-buffer",
            results([["crowd/at-once", "crowd/in-any-order", "crowd/mixed"]
                .map(|id| replied(id, End::Fin, b"Hello, client 00003"))
                .to_vec()]),
        ),
        (
            "server/empty-name",
            results([["tcp/empty-fin", "close/before-name", "udp/empty"]
                .map(|id| due(id, Expected::Greeting(&[]), b"Hello, World"))
                .to_vec()]),
        ),
        (
            "server/no-refusal",
            results([["tcp/bad-first", "tcp/too-long-far"]
                .map(|id| due(id, TOO_LONG, b""))
                .to_vec()]),
        ),
        (
            "server/wrong-refusal",
            results([
                ["tcp/too-long-by-one", "lines/too-long-line", "udp/too-long"]
                    .map(|id| due(id, TOO_LONG, b"Error: too long\n"))
                    .to_vec(),
            ]),
        ),
        (
            "server/too-short",
            results([["tcp/full", "read/slow"]
                .map(|id| {
                    due(
                        id,
                        Expected::Greeting(&[Repeat(b"c", 1024)]),
                        b"Error: too long\n",
                    )
                })
                .to_vec()]),
        ),
        (
            "server/wrong-greeting",
            results([vec![replied("tcp/world", End::Fin, b"Hello world")]]),
        ),
        (
            "server/one-read",
            results([["tcp/split-four", "tcp/bytewise", "tcp/full-chinese"]
                .map(|id| replied(id, End::Fin, b"Hello, cl"))
                .to_vec()]),
        ),
        (
            "server/resets",
            results([["tcp/world", "tcp/nul", "close/with-name"]
                .map(|id| replied(id, reset, b"Hello, client 00007"))
                .to_vec()]),
        ),
        (
            "server/no-fin",
            results([vec![replied(
                "tcp/world",
                End::Silence,
                b"Hello, client 00007",
            )]]),
        ),
        (
            "server/no-udp-answers",
            results([silent(&["first/udp-answers"])]),
        ),
        (
            "server/wrong-answer",
            results([vec![replied("udp/ada", End::Fin, b"Hello, you")]]),
        ),
    ]
}

/// The same of what it makes of names and messages.
fn of_texts() -> Shown {
    let ended = |ids: &[&'static str], expected, actual: &[u8]| {
        let of = |id: &&'static str| due(id, expected, actual);
        results([ids.iter().map(of).collect()])
    };
    let greeting = |name| Expected::Greeting(name);
    let long = greeting(&[Repeat(b"c", 1024)]);
    let cut = [b"Hello, ", &[b'c'; 600][..]].concat();
    vec![
        (
            "server/utf-8",
            ended(
                &["tcp/chinese", "tcp/emoji", "crowd/mixed"],
                Expected::Client(7),
                b"Hello, ???",
            ),
        ),
        (
            "server/no-bytes",
            ended(&["tcp/empty-fin", "close/before-name"], greeting(&[]), b""),
        ),
        (
            "server/name-as-string",
            ended(&["tcp/nul"], greeting(&[Repeat(b"a\0b", 1)]), b"Hello, a"),
        ),
        (
            "server/name-as-line",
            ended(
                &["tcp/line-feed"],
                greeting(&[Repeat(b"a\n", 1)]),
                b"Hello, a",
            ),
        ),
        (
            "server/reply-cut",
            ended(&["read/slow", "tcp/reply-1025", "tcp/full"], long, &cut),
        ),
        (
            "server/too-long",
            ended(
                &["tcp/too-long-by-one", "tcp/too-long-quiet"],
                TOO_LONG,
                &[b"Hello, ", &[b'd'; 1025][..]].concat(),
            ),
        ),
        (
            "server/never-ends",
            results([silent(&["tcp/at-mss", "tcp/segments-settle"])]),
        ),
        (
            "server/datagram-cut",
            ended(
                &["first/reassembly", "udp/too-long"],
                TOO_LONG,
                b"Hello, aaa",
            ),
        ),
        (
            "server/answer-as-shown",
            ended(
                &["udp/terminal", "udp/c1"],
                Expected::Client(7),
                b"Hello, ?",
            ),
        ),
        (
            "server/text-changed",
            ended(
                &["tcp/line-feed", "udp/forged-line"],
                greeting(&[Repeat(b"a\nb", 1)]),
                b"Hello, a\r\nb",
            ),
        ),
        (
            "stack/texts",
            results([silent(&["sizes/stream", "crowd/mixed"])]),
        ),
    ]
}

#[test]
fn each_cause_is_found_where_it_shows() {
    let shown = [of_the_link(), of_the_stack(), of_the_server(), of_texts()].concat();
    for (id, seen) in &shown {
        let findings = of(seen);
        let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, [*id], "{findings:#?}");
        first(seen);
    }
    let shown: BTreeSet<_> = shown.iter().map(|(id, _)| *id).collect();
    let all: BTreeSet<_> = TABLES.into_iter().flatten().map(|cause| cause.id).collect();
    assert_eq!(shown, all);
}

#[test]
fn each_row_is_found_by_each_of_its_checks() {
    let by_a_cause: BTreeSet<_> = TABLES.into_iter().flatten().map(|cause| cause.id).collect();
    for row in ROWS {
        let of_it = |check: &&About| row.checks.iter().any(|glob| fits(glob, check.id));
        for check in checks().filter(of_it) {
            let (expected, end) = (Expected::Nothing, End::Fin);
            let cross = failed(check, Cause::Reply { expected, end });
            let findings = of(&results([vec![cross]]));
            let [finding] = &findings[..] else {
                panic!("{}: {findings:#?}", check.id);
            };
            let is_due = finding.id == row.id || by_a_cause.contains(finding.id);
            assert!(is_due, "{}: {finding:#?}", check.id);
            assert_eq!(finding.checks, [check.id]);
        }
    }
}

#[test]
fn nothing_is_found_where_nothing_failed() {
    let all = checks().map(|check| result(check, Verdict::Passed, b""));
    let seen = Seen {
        link: WELL,
        ..results([all.collect()])
    };
    assert_eq!(first(&seen), "none");
    let skipped = checks().map(|check| result(check, Verdict::Skipped("so"), b""));
    assert_eq!(first(&results([skipped.collect()])), "none");
    let unclear = checks().map(|check| result(check, Verdict::Inconclusive("so"), b""));
    assert_eq!(first(&results([unclear.collect()])), "none");
}
