//! Causes that look alike, told apart by what a run has seen, made up; and in which words.

use std::time::Duration;

use greet_std::core::probe::{
    Cause, End, Expected, Fact, Failure, Level, Repeat, Verdict, Way, Whose,
};

use super::super::seen::{Every, LinkSeen, Seen, Stopped};
use super::super::{ASK_AGAIN, Finding, OF_FRAMES, Spoils, TABLES, of};
use super::made_up::{LOSSY, WELL, failed, passed, replied, results, silent, with_link};
use super::{check, first, result};
use crate::probe::Outcome;

#[test]
fn what_loss_explains_is_nobody_elses_but_wrong_bytes_are() {
    let seen = Seen {
        link: LOSSY,
        ..results([
            silent(&["tcp/nul", "crowd/silent"]),
            vec![
                // Its name was lost, and came too late.
                replied("tcp/emoji", End::Fin, b"Error: no name within 10 s\n"),
                replied("tcp/line-feed", End::Fin, b"Hello, x"),
            ],
        ])
    };
    let findings = of(&seen);
    let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["link/loss", "server/name-as-line"]);
    let due = ["tcp/nul", "crowd/silent", "tcp/emoji"];
    assert_eq!(findings[0].checks, due);
}

/// A driver of which raw frames have found a fault.
fn driver(id: &'static str, spoils: Spoils) -> Vec<Finding> {
    vec![Finding {
        id,
        whose: Whose::Stack,
        result: Outcome::Worse,
        what: "frames of 1000 bytes pass, of 1001 don't".to_owned(),
        look: "the size of buffers and descriptors".to_owned(),
        checks: vec!["eth/every-length"],
        spoils,
    }]
}

/// What is lost of a server's checks is the driver's, and what counts segments says no more than frames have.
#[test]
fn what_follows_from_a_drivers_fault_is_no_finding_of_its_own() {
    let seen = |raw, cause| Seen {
        raw,
        link: LOSSY,
        stopped: Some(Stopped {
            after: check("tcp/nul"),
            cause,
        }),
        ..results([
            silent(&["tcp/full", "tcp/nul"]),
            vec![replied("tcp/line-feed", End::Fin, b"Hello, x")],
        ])
    };
    let ids = |findings: &[Finding]| -> Vec<_> { findings.iter().map(|one| one.id).collect() };

    let lost = of(&seen(
        driver("wire/long-lost", Spoils::Delivery),
        Cause::Unreachable,
    ));
    // Nobody lives whose frames are lost; but what came is what the server said.
    assert_eq!(
        ids(&lost),
        ["wire/long-lost", "server/name-as-line", "server/dies"]
    );
    assert_eq!(lost[0].checks, ["eth/every-length", "tcp/full", "tcp/nul"]);
    assert_eq!(
        (lost[0].result, lost[2].result),
        (Outcome::Failed, Outcome::Noted)
    );
    assert!(lost[0].look.ends_with(ASK_AGAIN), "{}", lost[0].look);

    let changed = of(&seen(
        driver("wire/bytes-change", Spoils::Bytes),
        Cause::Unreachable,
    ));
    assert_eq!(ids(&changed), ["wire/bytes-change", "server/dies"]);
    assert_eq!(changed[0].checks.len(), 4);

    let padded = of(&seen(
        driver("wire/unpadded", Spoils::Nothing),
        Cause::Unreachable,
    ));
    assert_eq!(ids(&padded)[..2], ["wire/unpadded", "link/loss"]);
    assert_eq!(padded[0].checks, ["eth/every-length"]);
}

#[test]
fn what_frames_tell_better_is_a_cause() {
    let all: Vec<_> = TABLES.into_iter().flatten().map(|cause| cause.id).collect();
    assert!(OF_FRAMES.iter().all(|id| all.contains(id)), "{all:?}");
}

/// Whose segments are lost may have to give way, and a name settles whose second segment is lost.
#[test]
fn what_a_client_is_told_whose_segments_were_lost_is_the_links() {
    let late = b"Error: no name within 0.25 s\n";
    let of = |end, actual: &[u8]| {
        let expected = Expected::Greeting(&[Repeat(b"a", 1024)]);
        let cause = Cause::Reply { expected, end };
        let during = "one greeting";
        let verdict = Verdict::Failed(Failure { during, cause });
        result(check("sizes/stream"), verdict, actual)
    };
    let cut = [b"Hello, ", &[b'a'; 512][..]].concat();
    let other = [b"Hello, ", &[b'b'; 512][..]].concat();
    for (link, cross, due) in [
        (
            LOSSY,
            replied("lines/at-once", End::Open, late),
            "link/loss",
        ),
        (
            WELL,
            replied("lines/at-once", End::Open, late),
            "server/at-once",
        ),
        (LOSSY, of(End::Fin, &cut), "link/loss"),
        (WELL, of(End::Fin, &cut), "stack/texts"),
        (LOSSY, of(End::Fin, &other), "stack/texts"),
    ] {
        let seen = Seen {
            link,
            ..results([vec![cross]])
        };
        let findings = super::of(&seen);
        let of_it = findings.iter().find(|one| one.checks == [cross.check.id]);
        assert_eq!(of_it.map(|one| one.id), Some(due), "{findings:#?}");
    }
}

#[test]
fn what_is_sent_again_comes_twice() {
    let ring = LinkSeen {
        sent_again: 389,
        received_again: 181,
        ..WELL
    };
    assert_eq!(first(&with_link(ring)), "none");
}

#[test]
fn what_a_checksum_catches_is_said() {
    let fact = Fact::Unchecked { sent: 64, wrong: 6 };
    let seen = Seen {
        facts: vec![fact],
        ..results([])
    };
    let findings = of(&seen);
    assert_eq!(findings[0].id, "stack/bytes-change");
    assert!(
        findings[0]
            .what
            .contains("of 64 without a checksum 6 came back wrong")
    );
}

/// One answer may have had to wait.
#[test]
fn answers_in_another_order_are_the_links_if_there_are_some() {
    for (late, due) in [([1, 1], "none"), ([1, 2], "link/reordering")] {
        let bursts = late.map(|late| Fact::Overtaken { answers: 64, late });
        let seen = Seen {
            facts: bursts.to_vec(),
            ..results([])
        };
        assert_eq!(first(&seen), due, "{late:?}");
        // A server may answer from several threads.
        let is_noted = |finding: &Finding| finding.result == Outcome::Noted;
        assert!(of(&seen).iter().all(is_noted), "{late:?}");
    }
}

/// A board that has no room for a burst of datagrams has none for one of segments.
#[test]
fn a_burst_of_clients_is_lost_like_one_of_datagrams() {
    let late = b"Error: no name within 0.25 s\n";
    let seen = |sent_again| Seen {
        link: LinkSeen { sent_again, ..WELL },
        facts: vec![Fact::Burst {
            len: 1024,
            most: 17,
        }],
        ..results([
            vec![failed(
                check("burst/long"),
                Cause::Lost {
                    sent: 64,
                    answered: 17,
                },
            )],
            silent(&["crowd/one-more"]),
            vec![replied("lines/at-once", End::Open, late)],
        ])
    };
    let findings = of(&seen(389));
    let [finding] = &findings[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!((finding.id, finding.checks.len()), ("stack/bursts-lost", 3));
    // The socket alone has no room where no segment is lost.
    assert_eq!(of(&seen(3)).len(), 3);
}

#[test]
fn lines_that_are_long_are_lost_with_long_frames() {
    let lost = [
        "lines/full-line",
        "lines/pipeline",
        "lines/beside-pipeline",
        "tcp/full",
    ];
    let measured = Fact::Length {
        way: Way::Name,
        passes: 934,
        fails: 935,
    };
    let seen = Seen {
        facts: vec![measured],
        ..results([silent(&lost), silent(&["lines/two"])])
    };
    let findings = of(&seen);
    let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["stack/long-frames-lost", "server/one-read-one-line"]);
    assert_eq!(findings[0].checks, lost);
}

#[test]
fn a_period_and_its_way_are_said_and_where_to_look_then() {
    let every = Some(Every {
        number: 50,
        to_server: true,
    });
    let findings = of(&with_link(LinkSeen { every, ..LOSSY }));
    let what = &findings[0].what;
    assert!(
        what.starts_with("it loses one of 50 segments to the board, "),
        "{what}"
    );
    assert!(
        what.contains("117 of 9,340 segments were sent again (1.3 %)"),
        "{what}"
    );
    assert!(findings[0].look.contains("descriptor"), "{findings:?}");
}

/// A share is as in the line of the link, which rounds.
#[test]
fn a_link_that_is_told_to_lose_is_only_noted() {
    let link = LinkSeen {
        sent: 1511,
        sent_again: 71,
        reordered: 900,
        ..LOSSY
    };
    let with = |is_impaired| {
        of(&Seen {
            is_impaired,
            ..with_link(link)
        })
    };
    let counted = "it loses segments: 71 of 1,511 segments were sent again (4.7 %)";
    let lost = &with(false)[0];
    assert_eq!((lost.result, &lost.what[..]), (Outcome::Worse, counted));
    let told = with(true);
    let ids: Vec<_> = told.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["link/loss", "link/reordering"]);
    for finding in &told {
        assert_eq!(finding.result, Outcome::Noted);
        assert!(finding.what.starts_with("--impair"), "{finding:?}");
        assert!(!finding.look.contains("cable"), "{finding:?}");
    }
}

/// Over UDP the same length passed, so frames of that length do.
#[test]
fn a_server_that_is_silent_on_long_names_is_no_driver_that_loses_long_frames() {
    let seen = results([
        passed(&["tcp/world", "tcp/at-mss", "udp/full"]),
        silent(&["tcp/reply-1024", "tcp/full", "tcp/full-quiet"]),
    ]);
    assert_eq!(first(&seen), "server/reply-cut");
}

/// smoltcp's own buffers have room for a name that is too long by one, and no more.
#[test]
fn half_a_window_is_no_mss() {
    let with = |window| LinkSeen {
        mss: Some(512),
        window: Some(window),
        ..WELL
    };
    assert_eq!(first(&with_link(with(1025))), "none");
    assert_eq!(first(&with_link(with(1024))), "stack/small-window");
    assert_eq!(first(&with_link(with(5840))), "stack/small-mss");
}

/// A ring that is too small loses segments of TCP, too. Chance never loses half of each burst.
#[test]
fn a_burst_that_is_lost_each_time_explains_losses() {
    let lost = || {
        let (sent, answered) = (64, 4);
        vec![failed(check("burst/short"), Cause::Lost { sent, answered })]
    };
    let seen = Seen {
        link: LOSSY,
        ..results([lost(), silent(&["tcp/full"])])
    };
    assert_eq!(first(&seen), "link/loss");
    let facts = vec![Fact::Burst { len: 12, most: 4 }];
    let findings = of(&Seen { facts, ..seen });
    let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["stack/bursts-lost"]);
    assert_eq!(findings[0].checks, ["burst/short", "tcp/full"]);
}

/// A socket that holds three long datagrams loses no segment.
#[test]
fn a_burst_of_long_datagrams_explains_no_losses() {
    let (sent, answered) = (64, 3);
    let cause = Cause::Lost { sent, answered };
    let seen = Seen {
        link: LOSSY,
        facts: vec![Fact::Burst { len: 1024, most: 3 }],
        ..results([vec![failed(check("burst/long"), cause)]])
    };
    let ids: Vec<_> = of(&seen).iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["link/loss", "stack/bursts-lost"]);
}

/// A name in segments of 132 bytes is in no long frame.
#[test]
fn no_long_frames_are_lost_of_names_in_small_segments() {
    let measured = |way| Seen {
        link: LinkSeen {
            mss: Some(132),
            ..WELL
        },
        facts: vec![Fact::Length {
            way,
            passes: 400,
            fails: 401,
        }],
        ..results([silent(&["sizes/stream", "udp/full"])])
    };
    assert_eq!(first(&measured(Way::Name)), "stack/small-mss");
    assert_eq!(first(&measured(Way::Message)), "stack/long-frames-lost");
}

#[test]
fn frames_that_are_lost_on_one_way_alone_are_told() {
    let long = ["tcp/reply-1024", "tcp/full", "tcp/full-quiet", "udp/full"];
    let seen = results([
        passed(&["tcp/world", "tcp/at-mss", "tcp/too-long-by-one"]),
        silent(&long),
    ]);
    let findings = of(&seen);
    let what = &findings[0].what;
    assert!(
        what.contains("from the board: replies of 543 bytes pass"),
        "{what}"
    );
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let measured = Fact::Length {
        way: Way::Name,
        passes: 946,
        fails: 947,
    };
    let facts = vec![measured];
    let findings = of(&Seen {
        facts: facts.clone(),
        ..seen
    });
    let what = &findings[0].what;
    assert!(
        what.contains("to the board: names of 946 bytes pass, of 947"),
        "{what}"
    );
    // As long a name was greeted.
    let contradicted = Seen {
        facts,
        ..results([passed(&["tcp/full"])])
    };
    assert_eq!(first(&contradicted), "none");
}

#[test]
fn few_places_are_noted_where_nobody_said_how_many_there_are() {
    let of_so_many = |places, clients| {
        let mut seen = Seen {
            clients,
            ..Seen::default()
        };
        seen.note(Fact::Places(places));
        of(&seen)
    };
    let findings = of_so_many(2, 0);
    assert_eq!(findings[0].what, "it serves 2 clients at once, and no more");
    assert!(findings[0].result == Outcome::Noted);
    assert!(of_so_many(8, 0).is_empty() && of_so_many(2, 2).is_empty());
    assert_eq!(of_so_many(1, 0)[0].what, "it serves one client at a time");
    // By a clock that is fast, silent clients are late before they are counted.
    let mut seen = Seen::default();
    seen.note(Fact::Places(1));
    let (said, took) = (Duration::from_secs(10), Duration::from_secs(1));
    seen.note(Fact::Deadline { said, took });
    assert!(of(&seen).is_empty());
}

#[test]
fn a_slow_clock_is_told_from_no_deadline() {
    for (quiet, due) in [(200, "stack/clock"), (21, "server/deadline")] {
        let took = Duration::from_millis(quiet);
        let seen = Seen {
            facts: vec![Fact::Quiet { took }],
            ..results([silent(&["crowd/late"])])
        };
        assert_eq!(first(&seen), due);
    }
    let cause = Cause::Overdue {
        due: Duration::from_secs(10),
        took: Duration::from_secs(14),
    };
    let fact = Fact::Deadline {
        said: Duration::from_secs(10),
        took: Duration::from_secs(14),
    };
    let findings = of(&Seen {
        facts: vec![fact],
        ..results([vec![failed(check("crowd/late"), cause)]])
    });
    assert!(
        findings[0]
            .what
            .starts_with("its clock runs 1.4 times slow: "),
        "{findings:?}"
    );
}

/// By a clock that is wrong the quiet that ends a name is wrong as well, and as much.
#[test]
fn a_clock_is_told_from_a_deadline_that_is_another() {
    let said = Duration::from_secs(10);
    for (seconds, quiet, due) in [
        (1, 2, "stack/clock"),
        (1, 20, "server/deadline"),
        (1, 35, "server/deadline"), // the board was busy
        (7, 14, "stack/clock"),
        (7, 20, "server/deadline"),
        (14, 28, "stack/clock"),
        (14, 20, "server/deadline"),
        (100, 200, "stack/clock"),
        (40, 21, "server/deadline"),
    ] {
        let (took, quiet) = (Duration::from_secs(seconds), Duration::from_millis(quiet));
        let cause = if took < said {
            Cause::Early { due: said, took }
        } else {
            Cause::Overdue { due: said, took }
        };
        let facts = vec![Fact::Quiet { took: quiet }, Fact::Deadline { said, took }];
        let seen = Seen {
            facts,
            ..results([vec![failed(check("crowd/late"), cause)]])
        };
        let findings = of(&seen);
        let [finding] = &findings[..] else {
            panic!("{findings:#?}");
        };
        assert_eq!(finding.id, due, "{seconds} s, {quiet:?}");
        let is_right = finding.what.contains("Its clock is right");
        assert_eq!(is_right, due == "server/deadline", "{}", finding.what);
    }
}

#[test]
fn what_is_only_to_be_noted_comes_last() {
    let far = check("udp/too-long-far");
    assert_eq!(far.level, Level::May);
    let findings = of(&results([silent(&["udp/too-long-far", "tcp/nul"])]));
    let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["server/name-as-string", "stack/no-reassembly"]);
}
