//! Causes in the server that look like each other or like somebody else's, told apart.

use greet_std::core::embedded_io::ErrorKind;
use greet_std::core::probe::{Cause, End, Expected, Fact, Repeat, Way};

use super::super::of;
use super::super::seen::{Seen, Stopped};
use super::made_up::{LOSSY, TOO_LONG, due, ended, failed, passed, replied, results, silent};
use super::{check, first};
use crate::probe::Outcome;

#[test]
fn how_a_server_is_dead_is_said() {
    let silence = Cause::Reply {
        expected: Expected::Client(7),
        end: End::Silence,
    };
    for (cause, words) in [
        (
            Cause::Refused(ErrorKind::ConnectionRefused),
            "(RST), so the stack lives",
        ),
        (Cause::Unreachable, "no SYN is answered"),
        (silence, "accepted, but nobody answers"),
    ] {
        let after = check("tcp/nul");
        let stopped = Some(Stopped { after, cause });
        let findings = of(&Seen {
            stopped,
            ..results([vec![ended("tcp/nul", End::Fin)]])
        });
        let [finding] = &findings[..] else {
            panic!("{findings:#?}");
        };
        assert_eq!(
            (finding.id, &finding.checks[..]),
            ("server/dies", &["tcp/nul"][..])
        );
        assert!(finding.what.contains(words), "{}", finding.what);
    }
}

/// Refused connections end no leak: nobody is there who holds a place.
#[test]
fn a_server_that_ends_in_the_row_is_told_from_places_that_leak() {
    let silence = Cause::Reply {
        expected: Expected::Client(7),
        end: End::Silence,
    };
    let refused = Cause::Refused(ErrorKind::ConnectionRefused);
    for (cause, id, words) in [
        (refused, "server/dies", "and nobody listens"),
        (
            Cause::Unreachable,
            "server/places-leak",
            "or the stack stands still",
        ),
        (silence, "server/places-leak", "or the server stands still"),
    ] {
        let after = check("crowd/in-a-row");
        let findings = of(&Seen {
            stopped: Some(Stopped { after, cause }),
            greetings: 1054,
            ..results([vec![failed(after, cause)]])
        });
        let [finding] = &findings[..] else {
            panic!("{findings:#?}");
        };
        assert_eq!(
            (finding.id, &finding.checks[..]),
            (id, &["crowd/in-a-row"][..])
        );
        assert!(finding.what.contains(words), "{}", finding.what);
        let has_number = finding.what.contains("it served 1,054 clients in a row");
        assert_eq!(has_number, id == "server/places-leak");
    }
}

#[test]
fn greetings_are_counted_of_the_last_row() {
    let mut seen = Seen {
        greetings: 320,
        ..Seen::default()
    };
    seen.began(check("crowd/at-once"));
    assert_eq!(seen.greetings, 320);
    seen.began(check("crowd/in-a-row"));
    assert_eq!(seen.greetings, 0);
}

/// Nobody can tell a dead server from one whose segments are lost, but who refuses is no link.
#[test]
fn over_a_link_that_loses_a_silent_server_is_only_noted() {
    let after = check("tcp/nul");
    let seen = |cause| Seen {
        stopped: Some(Stopped { after, cause }),
        ..results([vec![failed(after, cause)]])
    };
    let ids = |seen: &Seen| -> Vec<_> {
        let findings = of(seen);
        findings.iter().map(|one| (one.id, one.result)).collect()
    };
    let link = LOSSY;
    let lossy = Seen {
        link,
        ..seen(Cause::Unreachable)
    };
    let impaired = Seen {
        is_impaired: true,
        ..seen(Cause::Unreachable)
    };
    for (seen, id) in [(&lossy, "link/loss"), (&impaired, "link/impaired")] {
        let due = [(id, Outcome::Failed), ("server/dies", Outcome::Noted)];
        assert_eq!(ids(seen), due);
        assert!(
            of(seen)[1].what.contains("or the link lost"),
            "{:?}",
            of(seen)
        );
    }
    let refused = Seen {
        link,
        ..seen(Cause::Refused(ErrorKind::ConnectionRefused))
    };
    assert!(ids(&refused).contains(&("server/dies", Outcome::Failed)));
}

/// What is mixed up among many may have been wrong alone.
#[test]
fn texts_that_go_wrong_alone_are_in_no_shared_buffer() {
    let wrong = |ids: &[&str]| -> Vec<_> {
        let of = |id: &&str| replied(id, End::Fin, b"Hello, another text");
        ids.iter().map(of).collect()
    };
    for (ids, due) in [
        (&["crowd/mixed"][..], "server/shared-buffer"),
        (&["sizes/stream", "crowd/mixed"], "stack/texts"),
    ] {
        assert_eq!(first(&results([wrong(ids)])), due);
    }
    for id in ["crowd/mixed", "crowd/in-any-order"] {
        let cut = replied(id, End::Fin, b"Hello, cl");
        assert_eq!(first(&results([vec![cut]])), "server/at-once");
    }
}

#[test]
fn an_empty_name_that_is_answered_otherwise_is_one_finding() {
    let empty = Expected::Greeting(&[]);
    let one = |id| due(id, empty, b"Hello, World");
    let findings = of(&results([vec![
        one("close/before-name"),
        one("tcp/empty-fin"),
        one("udp/empty"),
        one("sizes/stream"),
    ]]));
    let [finding] = &findings[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!((finding.id, finding.checks.len()), ("server/empty-name", 4));
    // Where every message is answered so, it isn't the empty one's.
    let ada = replied("udp/ada", End::Fin, b"Hello, World");
    let findings = of(&results([vec![ada, one("udp/empty")]]));
    assert_eq!(findings[0].id, "server/wrong-answer");
    assert_eq!(findings.len(), 1, "{findings:#?}");
    // No reply is another mistake.
    let none = due("tcp/empty-fin", empty, b"");
    assert_eq!(first(&results([vec![none]])), "server/no-bytes");
}

#[test]
fn refusals_in_other_words_are_no_short_buffers() {
    let one = |actual| {
        let ids = [
            "tcp/too-long-by-one",
            "tcp/too-long-far",
            "lines/too-long-line",
        ];
        of(&results([ids.map(|id| due(id, TOO_LONG, actual)).to_vec()]))
    };
    for (actual, words) in [
        (&b"Error: name is longer than 1024 bytes"[..], "line feed"),
        (b"Error: too long\n", "in other words"),
    ] {
        let findings = one(actual);
        let [finding] = &findings[..] else {
            panic!("{findings:#?}");
        };
        assert_eq!(
            (finding.id, finding.checks.len()),
            ("server/wrong-refusal", 3)
        );
        assert!(finding.what.contains(words), "{}", finding.what);
    }
    assert_eq!(one(b"Hello, ddddd")[0].id, "server/too-long");
}

#[test]
fn what_is_refused_for_its_length_is_told_from_what_is_refused_otherwise() {
    let refused = |id, len| {
        let long: [&'static [Repeat]; 2] = [&[Repeat(b"c", 300)], &[Repeat(b"c", 1024)]];
        let expected = Expected::Greeting(long[usize::from(len == 1024)]);
        due(id, expected, b"Error: too much\n")
    };
    let found = |results| {
        let findings = of(&results);
        findings.into_iter().next().map(|one| (one.id, one.what))
    };
    let both = results([vec![refused("tcp/full", 1024), refused("udp/full", 300)]]);
    let what = "it refuses names of 1024 bytes and messages of 300 bytes, where up to 1024 are to be greeted";
    assert_eq!(found(both), Some(("server/too-short", what.to_owned())));
    // A longer one was greeted.
    let other = results([passed(&["tcp/full"]), vec![refused("tcp/nul", 300)]]);
    let found = found(other).expect("a finding");
    assert_eq!(found.0, "server/name-as-string");
    assert!(found.1.starts_with("only tcp/nul failed: "), "{}", found.1);
}

#[test]
fn a_message_that_is_cut_by_its_length_is_told_from_one_that_ends_otherwise() {
    let long = Expected::Greeting(&[Repeat(b"c", 1024)]);
    let cut = |id, came| due(id, long, &[b"Hello, ", &[b'c'; 1024][..came]].concat());
    let far = due("udp/too-long", TOO_LONG, b"Hello, ccc");
    let seen = Seen {
        facts: vec![Fact::Length {
            way: Way::Message,
            passes: 512,
            fails: 513,
        }],
        ..results([passed(&["udp/ada"]), vec![cut("udp/full", 512), far]])
    };
    let findings = of(&seen);
    let [finding] = &findings[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!(finding.id, "server/datagram-cut");
    assert_eq!(finding.checks, ["udp/full", "udp/too-long"]);
    let what = "a message is cut behind 512 bytes";
    assert!(finding.what.starts_with(what), "{}", finding.what);
    // A longer one was answered whole.
    let other = results([passed(&["udp/full"]), vec![cut("udp/c1", 3)]]);
    assert_eq!(first(&other), "server/answer-as-shown");
    // What never comes is lost, and said to be a message.
    let lost = Seen {
        results: silent(&["udp/full"]),
        ..seen
    };
    let what = &of(&lost)[0].what;
    assert!(what.contains(": messages of 512 bytes pass"), "{what}");
}
