//! The probe's checks of lines mode, under virtual time: for each there is a server that fails it, and a
//! second server without a fault, which has nothing of ours, passes them all.

use std::collections::BTreeSet;

use greet_core::probe::{About, CASES, Plan, ServerState};
use greet_tests::faulty::{FaultyLines, LinesFault as Fault};
use greet_tests::lab::{Grade, grade};
use greet_tests::memory::lab::MemoryLab;

fn checks() -> impl Iterator<Item = &'static About> {
    let all = CASES.iter().copied().flatten().map(|case| &case.about);
    all.filter(|check| check.group() == "lines")
}

fn grade_lines(fault: Fault) -> Grade {
    let mut lab = MemoryLab::new(FaultyLines::new(fault), 8);
    let grade = grade(&mut lab, &Plan::DEFAULT, |check| check.group() == "lines");
    assert_ne!(grade.summary.server, ServerState::NeverGreeted, "{fault:?}");
    grade
}

#[test]
fn a_second_server_passes_every_check() {
    let grade = grade_lines(Fault::None);
    assert!(grade.failed.is_empty(), "{:#?}", grade.failed);
    assert!(grade.skipped.is_empty(), "{:#?}", grade.skipped);
    assert_eq!(grade.passed.len(), checks().count());
}

#[test]
fn a_fault_is_found_where_it_is() {
    for (fault, ids) in FOUND {
        let failed = grade_lines(*fault).failed();
        for id in *ids {
            assert!(failed.contains(id), "{fault:?} fails {failed:?}, not {id}");
        }
    }
}

#[test]
fn for_each_check_there_is_a_server_that_fails_it() {
    let known: BTreeSet<_> = FOUND.iter().flat_map(|(_, ids)| *ids).copied().collect();
    assert_eq!(known, checks().map(|check| check.id).collect());
}

/// A stack may not get over a loss, and then the server's deadline is right to end the connection.
#[test]
fn one_that_stands_still_is_forgiven_where_segments_are_lost() {
    const MANY_LINES: [&str; 3] = [
        "lines/pipeline",
        "lines/reader-stops",
        "lines/beside-pipeline",
    ];
    for id in MANY_LINES {
        let grade_over = |fault, untimely: Option<&'static str>| {
            let mut lab = MemoryLab::new(FaultyLines::new(fault), 8);
            if let Some(reason) = untimely {
                lab = lab.untimely(reason);
            }
            grade(&mut lab, &Plan::DEFAULT, |check| check.id == id)
        };
        let lossy = Some("segments are lost");
        assert!(!grade_over(Fault::Stalls, None).failed.is_empty(), "{id}");
        let forgiven = grade_over(Fault::Stalls, lossy);
        assert!(forgiven.failed.is_empty(), "{:?}", forgiven.failed);
        assert!(forgiven.passed.contains(id), "{id}");
        assert!(!grade_over(Fault::Stops, lossy).failed.is_empty(), "{id}");
    }
}

/// Each fault, and checks that it fails.
const FOUND: &[(Fault, &[&str])] = &[
    (Fault::Once, &["lines/two", "lines/in-turn"]),
    (Fault::OneRead, &["lines/two", "lines/split-line"]),
    (Fault::Hasty, &["lines/bytewise", "lines/split-line"]),
    (Fault::WaitsForFin, &["lines/in-turn"]),
    (Fault::Reverses, &["lines/two", "lines/pipeline"]),
    (Fault::ForgetsRest, &["lines/rest-at-fin"]),
    (Fault::GreetsNothing, &["lines/nothing"]),
    (Fault::SkipsEmpty, &["lines/empty-line"]),
    (Fault::StripsReturn, &["lines/crlf"]),
    (Fault::StripsLineFeed, &["lines/two"]),
    (Fault::EndsAtNul, &["lines/control"]),
    (Fault::Filters, &["lines/reply-as-name"]),
    (Fault::Few, &["lines/hundred"]),
    (Fault::Stops, &["lines/pipeline"]),
    (Fault::Stalls, &["lines/pipeline"]),
    (Fault::ShortLines, &["lines/full-line"]),
    (Fault::ShortRest, &["lines/full-rest"]),
    (
        Fault::LongLines,
        &["lines/too-long-line", "lines/too-long-open"],
    ),
    (Fault::JudgesAtEnd, &["lines/too-long-open"]),
    (Fault::Overtakes, &["lines/bad-line"]),
    (Fault::GoesOn, &["lines/bad-line"]),
    (Fault::CountsAll, &["lines/bad-line"]),
    (Fault::Replaces, &["lines/bad-line", "lines/cut-by-fin"]),
    (Fault::ChecksSegments, &["lines/split-character"]),
    (Fault::ForgivesLineFeed, &["lines/cut-by-line-feed"]),
    (Fault::ForgivesFin, &["lines/cut-by-fin"]),
    (Fault::ClosesHard, &["lines/bad-in-pipeline"]),
    (Fault::WritesOnce, &["lines/reader-stops"]),
    (Fault::Overflows, &["lines/reader-stops"]),
    (Fault::OneByOne, &["lines/at-once", "lines/beside-pipeline"]),
    (Fault::Shares, &["lines/at-once"]),
    (Fault::Short, &["lines/steady"]),
    (Fault::Endless, &["lines/half-late", "lines/idle"]),
    (Fault::DropsHalf, &["lines/half-late"]),
    (Fault::Scolds, &["lines/idle"]),
    (Fault::DiesOfReset, &["lines/reset"]),
];
