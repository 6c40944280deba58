//! What is found of servers with one fault each, in memory, and of good ones over any network.

use std::collections::BTreeSet;
use std::time::Duration;

use greet_std::core::probe::{About, Event, Plan, ProbeStack, run};
use greet_tests::faulty::{Fault, Faulty, FaultyLines, FaultyTexts, LinesFault, TextFault};
use greet_tests::lab::{SimulatedLab, SmoltcpLab, Subject};
use greet_tests::memory::lab::{MemoryLab, Service};
use smoltcp_sim::{Link, Probability};

use super::super::seen::{Seen, Stopped};
use super::super::{Finding, of};
use super::{first, result};
use crate::probe::Outcome;

fn seen(stack: &mut impl ProbeStack, only: impl Fn(&About) -> bool) -> Seen {
    let mut seen = Seen {
        clients: Plan::DEFAULT.clients,
        ..Seen::default()
    };
    run(
        stack,
        &Plan::DEFAULT,
        &mut [0; 8192],
        only,
        &mut |event| match event {
            Event::Ended {
                check,
                verdict,
                actual,
            } => seen.results.push(result(check, verdict, actual)),
            Event::Found { fact } => seen.facts.push(fact),
            Event::Greeting { .. } => seen.greetings += 1,
            Event::Stopped { after, failure, .. } => {
                let cause = failure.cause;
                seen.stopped = Some(Stopped { after, cause });
            }
            Event::NotGreeting { failure, .. } => panic!("it greets nobody: {failure:?}"),
            _ => {}
        },
    );
    seen
}

fn in_memory(service: impl Service) -> Seen {
    seen(&mut MemoryLab::new(service, 8), |_| true)
}

fn with_lines(fault: LinesFault) -> Seen {
    let mut lab = MemoryLab::new(FaultyLines::new(fault), 8);
    seen(&mut lab, |check| check.group() == "lines")
}

/// What is found first of a server with this fault.
pub(super) fn of_servers(fault: Fault) -> &'static str {
    match fault {
        Fault::None | Fault::TurnsAway => "none",
        Fault::TimeWait => "stack/time-wait",
        Fault::FlipsLastByte => "server/wrong-greeting",
        Fault::KeepsOpen | Fault::NeverEnds => "server/no-fin",
        Fault::EndsWithReset => "server/resets",
        Fault::Impatient | Fault::WritesOnce => "stack/unsent-lost",
        Fault::FinIsFarewell => "stack/no-half-close",
        Fault::LateFinIsFarewell => "stack/fin",
        Fault::DiesOfLeaving | Fault::DiesOfReset | Fault::DiesOfBrokenPipe => "server/dies",
        Fault::LeaksPlaces => "server/places-leak",
        Fault::OneByOne => "server/one-by-one",
        Fault::SharesReply | Fault::MixesUpRarely => "server/shared-buffer",
        Fault::SendsAway => "server/one-more",
        Fault::Crowded => "server/slow-beside-others",
        Fault::KeepsHalfOpen => "stack/half-open",
        Fault::Endless | Fault::EarlyDeadline => "server/deadline",
        Fault::FastClock | Fault::SlowClock => "stack/clock",
        Fault::LosesLongNames
        | Fault::LosesLongGreetings
        | Fault::LosesLongMessages
        | Fault::LosesLongAnswers => "stack/long-frames-lost",
        Fault::StaleBytes | Fault::StaleAnswers => "stack/bytes-change",
        Fault::Hasty => "server/one-read",
        Fault::Chatty => "server/wrong-answer",
        Fault::Lossy | Fault::SmallRing => "stack/bursts-lost",
        Fault::Deaf => "server/no-udp-answers",
        Fault::DropsFragments => "stack/no-reassembly",
    }
}

/// The same of one that does something else with names and messages.
pub(super) fn of_texts(fault: TextFault) -> &'static str {
    match fault {
        TextFault::None => "none",
        TextFault::NoLimit => "server/too-long",
        TextFault::ShortTexts => "server/too-short",
        TextFault::ShortReply => "server/reply-cut",
        TextFault::EndsAtNul => "server/name-as-string",
        TextFault::AddsReturns | TextFault::Normalizes => "server/text-changed",
        TextFault::EndsAtLineFeed | TextFault::Trims | TextFault::TrimsUnicode => {
            "server/name-as-line"
        }
        TextFault::Replaces | TextFault::AsciiAlone => "server/utf-8",
        TextFault::CutsCharacters => "server/one-read",
        TextFault::Filters => "server/name-as-reply",
        TextFault::NeedsFin | TextFault::FinAlone => "server/never-ends",
        TextFault::NothingIsError => "server/no-bytes",
        TextFault::Nameless => "server/empty-name",
        TextFault::OtherWords => "server/wrong-refusal",
        TextFault::Mute => "server/no-refusal",
        TextFault::CutsBesideOthers => "server/at-once",
        TextFault::LosesWholePackets => "stack/texts",
        TextFault::Two => "stack/few-places",
        TextFault::StartsAgain => "server/error-of-one",
        TextFault::DropsEmpty => "server/datagrams",
        TextFault::CutsDatagrams | TextFault::CutsMessages => "server/datagram-cut",
        TextFault::AnswersAnswers => "server/answers-loop",
        TextFault::AnswersAsShown => "server/answer-as-shown",
    }
}

/// What is found of one with this fault in lines mode, not always first: who takes one read for one line gets much
/// wrong.
pub(super) fn of_lines(fault: LinesFault) -> &'static str {
    match fault {
        LinesFault::None => "none",
        LinesFault::Once | LinesFault::WaitsForFin => "server/one-line",
        LinesFault::OneRead
        | LinesFault::Hasty
        | LinesFault::Reverses
        | LinesFault::StripsLineFeed
        | LinesFault::Few
        | LinesFault::ChecksSegments => "server/one-read-one-line",
        LinesFault::ForgetsRest | LinesFault::GreetsNothing | LinesFault::SkipsEmpty => {
            "server/last-line"
        }
        LinesFault::StripsReturn | LinesFault::EndsAtNul => "server/line-trimmed",
        LinesFault::Filters => "server/name-as-reply",
        LinesFault::Stops | LinesFault::Stalls | LinesFault::WritesOnce | LinesFault::Overflows => {
            "server/replies-lost"
        }
        LinesFault::ShortLines
        | LinesFault::ShortRest
        | LinesFault::LongLines
        | LinesFault::JudgesAtEnd => "server/line-length",
        LinesFault::Overtakes
        | LinesFault::Replaces
        | LinesFault::ForgivesLineFeed
        | LinesFault::ForgivesFin
        | LinesFault::ClosesHard => "server/line-utf-8",
        LinesFault::GoesOn | LinesFault::CountsAll => "server/wrong-refusal",
        LinesFault::OneByOne => "server/at-once",
        LinesFault::Shares => "server/shared-buffer",
        LinesFault::Short | LinesFault::Endless | LinesFault::DropsHalf | LinesFault::Scolds => {
            "server/deadline"
        }
        LinesFault::DiesOfReset => "server/dies",
    }
}

#[test]
fn each_fault_of_a_server_is_found_first() {
    for fault in Fault::ALL {
        let seen = in_memory(Faulty::new(fault));
        let due = of_servers(fault);
        assert_eq!(first(&seen), due, "{fault:?}: {:#?}", of(&seen));
    }
}

/// What follows from the one mistake is no finding of its own.
#[test]
fn each_fault_with_texts_is_the_first_finding_and_mostly_the_only_one() {
    for fault in TextFault::ALL {
        let seen = in_memory(FaultyTexts::new(fault));
        assert_eq!(first(&seen), of_texts(fault), "{fault:?}: {:#?}", of(&seen));
        // A reply that is lost by its length is lost where that length is a check's own.
        let is_alone = of(&seen).len() == 1;
        let is_due = fault != TextFault::LosesWholePackets;
        assert_eq!(is_alone, is_due, "{fault:?}: {:#?}", of(&seen));
    }
}

#[test]
fn a_stack_without_half_close_has_one_finding_and_few_crosses() {
    let findings = of(&in_memory(Faulty::new(Fault::FinIsFarewell)));
    let [Finding { checks, .. }] = &findings[..] else {
        panic!("{findings:#?}");
    };
    assert!(checks.len() <= 2, "{checks:?}");
}

#[test]
fn a_wrong_end_of_all_that_is_right_has_one_finding() {
    for fault in [Fault::NeverEnds, Fault::EndsWithReset] {
        let findings = of(&in_memory(Faulty::new(fault)));
        let [Finding { checks, .. }] = &findings[..] else {
            panic!("{findings:#?}");
        };
        let lost = ["crowd/at-once", "crowd/in-any-order"];
        let ends = checks.iter().filter(|id| !lost.contains(id));
        assert_eq!(ends.collect::<Vec<_>>(), [&"tcp/world"]);
    }
}

/// A name that is too long and comes in pieces is cut like any other.
#[test]
fn a_server_that_reads_once_has_one_finding() {
    let findings = of(&in_memory(Faulty::new(Fault::Hasty)));
    let [Finding { id, checks, .. }] = &findings[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!(*id, "server/one-read");
    assert!(checks.contains(&"tcp/too-long-pieces"), "{checks:?}");
}

#[test]
fn a_clock_that_is_fast_is_named_with_its_factor() {
    let findings = of(&in_memory(Faulty::new(Fault::FastClock)));
    let what = &findings[0].what;
    let due = "its clock runs 10 times fast: the deadline came after 1.00 s, not 10.0 s";
    assert_eq!(what, due);
}

#[test]
fn a_deadline_that_is_another_is_the_servers_and_the_only_finding() {
    let findings = of(&in_memory(Faulty::new(Fault::EarlyDeadline)));
    let [Finding { what, .. }] = &findings[..] else {
        panic!("{findings:#?}");
    };
    let due = "its deadline came after 1.00 s, and it says 10.0 s. Its clock is right: the 20 ms of quiet that end a \
               name took 20.0 ms";
    assert_eq!(what, due);
}

/// What it does wrong with lines is found as something that it does wrong with lines.
#[test]
fn each_fault_with_lines_is_the_servers_or_unsent_bytes() {
    for fault in LinesFault::ALL {
        let findings = of(&with_lines(fault));
        let is_found = findings.iter().any(|one| one.id == of_lines(fault));
        assert!(is_found, "{fault:?}: {findings:#?}");
        for finding in findings {
            let Finding { id, checks, .. } = &finding;
            assert!(id.starts_with("server/"), "{fault:?}: {finding:#?}");
            let of_lines = checks.iter().all(|id| id.starts_with("lines/"));
            assert!(of_lines || *id == "server/dies", "{fault:?}: {finding:#?}");
        }
    }
}

#[test]
fn nothing_is_found_of_those_that_are_well() {
    let link = Link::new().latency(Duration::from_millis(20));
    for seen in [
        in_memory(Faulty::new(Fault::None)),
        in_memory(Faulty::new(Fault::TurnsAway)),
        in_memory(FaultyTexts::new(TextFault::None)),
        with_lines(LinesFault::None),
        seen(&mut SmoltcpLab::new(Subject::GOOD), |_| true),
        seen(&mut SimulatedLab::new(1, Subject::GOOD, link, 9000), |_| {
            true
        }),
    ] {
        assert!(!seen.results.is_empty());
        assert_eq!(first(&seen), "none", "{:#?}", of(&seen));
    }
}

/// What is found first where a link loses that was told to.
pub(super) const OVER_A_LINK: &str = "link/impaired";

/// Whatever fails over a link that loses is the link's, but wrong bytes.
#[test]
fn over_a_link_that_loses_nobody_else_is_blamed_first() {
    let (mut failed, mut found) = (BTreeSet::new(), BTreeSet::new());
    for seed in 1..9 {
        let link = Link::new()
            .loss(Probability::percent(25))
            .latency(Duration::from_millis(1));
        let mut lab = SimulatedLab::new(seed, Subject::GOOD, link, 9000);
        let only = |check: &About| ["close", "tcp", "read", "udp"].contains(&check.group());
        let mut seen = seen(&mut lab, only);
        seen.is_impaired = true;
        let crosses = seen
            .results
            .iter()
            .filter(|of| of.result == Outcome::Failed);
        failed.extend(crosses.map(|of| of.check.id));
        let first = first(&seen);
        found.insert(first);
        assert!([OVER_A_LINK, "none"].contains(&first), "{:#?}", of(&seen));
    }
    assert!(!failed.is_empty(), "it loses too little");
    assert!(found.contains(OVER_A_LINK), "{failed:?}");
}
