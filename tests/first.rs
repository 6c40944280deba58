//! What the probe finds out of a server before the other checks, under virtual time: how many clients are
//! served at once, what one more meets, how long segments may be; and what depends on it.

use std::collections::BTreeSet;

use greet_core::probe::{About, Beyond, CASES, Event, Fact, Mode, Plan, Summary, run, soak};
use greet_tests::faulty::{Fault, Faulty, FaultyTexts, TextFault};
use greet_tests::lab::{SimulatedLab, SmoltcpLab, Subject, grade};
use greet_tests::memory::lab::{MemoryLab, Ours};
use smoltcp_sim::Link;

/// A plan that says nothing of the server's places.
const UNKNOWN: Plan = Plan {
    clients: 0,
    ..Plan::DEFAULT
};

fn facts(
    lab: &mut impl greet_core::probe::ProbeStack,
    plan: &Plan,
    only: impl Fn(&About) -> bool,
) -> (Summary, Vec<Fact>) {
    let mut facts = Vec::new();
    let summary = run(lab, plan, &mut [0; 8192], only, &mut |event| {
        if let Event::Found { fact } = event {
            facts.push(fact);
        }
    });
    (summary, facts)
}

fn places(check: &About) -> bool {
    check.id == "first/places"
}

#[test]
fn places_are_found_and_what_one_more_meets() {
    use Beyond::{GivesWay, Refused, Waits};
    let exactly = |places, beyond| vec![Fact::Places(places), Fact::NoPlace(beyond)];
    for (fault, slots, due) in [
        (Fault::None, 20, exactly(8, Waits)),
        (Fault::None, 9, exactly(8, Waits)),
        (Fault::None, 8, vec![Fact::PlacesOrMore(8)]),
        (Fault::None, 5, vec![Fact::PlacesOrMore(5)]),
        (Fault::TurnsAway, 20, exactly(4, Refused)),
        (Fault::SendsAway, 20, exactly(4, Refused)),
        (Fault::OneByOne, 20, exactly(1, Waits)),
    ] {
        let mut lab = MemoryLab::new(Faulty::new(fault), slots);
        let (summary, facts) = facts(&mut lab, &UNKNOWN, places);
        assert_eq!(facts, due, "{fault:?} from {slots} slots");
        let is_one = fault == Fault::OneByOne;
        assert_eq!((summary.passed == 1, summary.worse == 1), (!is_one, is_one));
    }
    let (_, facts) = facts(
        &mut MemoryLab::new(Ours::<false>::default(), 70),
        &UNKNOWN,
        places,
    );
    assert_eq!(facts, exactly(4, GivesWay));
    let (_, facts) = self::facts(&mut SmoltcpLab::new(Subject::GOOD), &UNKNOWN, places);
    assert_eq!(facts, exactly(4, GivesWay));
}

/// With as many clients as were found, one more is one too many, and no fewer are.
#[test]
fn as_many_clients_come_as_places_were_found() {
    let crowd = |check: &About| check.group() == "crowd";
    for (fault, fails) in [
        (Fault::TurnsAway, None),
        (Fault::SendsAway, Some("crowd/one-more")),
    ] {
        let mut lab = MemoryLab::new(Faulty::new(fault), 20);
        let grade = grade(&mut lab, &UNKNOWN, crowd);
        assert_eq!(grade.failed(), fails.into_iter().collect::<BTreeSet<_>>());
        assert!(grade.skipped.is_empty(), "{:?}", grade.skipped);
    }
}

/// It was a server that answers 600 bytes at once, whatever it makes of FIN: the check passed.
#[test]
fn a_reply_that_comes_before_fin_proves_nothing_about_fin() {
    let mut lab = MemoryLab::new(Faulty::new(Fault::Hasty), 8);
    let grade = grade(&mut lab, &Plan::DEFAULT, |check| {
        check.id == "close/after-name"
    });
    assert!(grade.failed["close/after-name"].contains("came before FIN"));
    assert_eq!(grade.summary.inconclusive, 1);
}

/// A server that sends a client another's greeting once in fifteen times is seen by nearly any seed, and by
/// the same seed in the same order.
#[test]
fn what_goes_wrong_rarely_is_seen_and_comes_again() {
    let only = |check: &About| check.id == "crowd/in-any-order";
    let right = |seed| {
        let plan = Plan {
            seed,
            ..Plan::DEFAULT
        };
        let mut lab = MemoryLab::new(Faulty::new(Fault::MixesUpRarely), 8);
        let (summary, facts) = facts(&mut lab, &plan, only);
        match facts[..] {
            [] => None,
            [Fact::Orders { right }] if summary.failed == 1 => Some(right),
            ref facts => panic!("seed {seed}: {facts:?}"),
        }
    };
    let seen: Vec<_> = (0..100).filter_map(right).collect();
    assert!(seen.len() > 90, "{} of 100 seeds see it", seen.len());
    let all: BTreeSet<_> = seen.into_iter().collect();
    assert!(all.len() > 1, "all seeds are alike: {all:?}");
    assert_eq!(right(7), right(7));
}

#[test]
fn a_quick_run_waits_for_no_deadline() {
    let plan = Plan {
        quick: true,
        ..UNKNOWN
    };
    let mut lab = MemoryLab::new(Ours::<false>::default(), 20);
    let grade = grade(&mut lab, &plan, |check| check.group() != "burst");
    assert!(grade.failed.is_empty(), "{:?}", grade.failed);
    let waiting: BTreeSet<_> = [
        "crowd/late",
        "lines/half-late",
        "lines/idle",
        "lines/steady",
    ]
    .into();
    assert_eq!(
        grade.skipped.keys().copied().collect::<BTreeSet<_>>(),
        waiting
    );
}

/// Checks of the deadline wait side by side, whichever are to run, and find what each finds alone.
#[test]
fn one_wait_is_enough_for_all_checks_of_the_deadline() {
    use greet_core::probe::ProbeStack as _;
    use greet_core::time::Instant;
    let waits = |check: &About| check.needs.contains(&greet_core::probe::Need::Deadline);
    let start = Instant::from_millis(1_000_000);
    let mut lab = MemoryLab::new(Ours::<false>::default(), 8);
    let grade = grade(&mut lab, &Plan::DEFAULT, waits);
    assert_eq!(
        grade.passed.len(),
        4,
        "{:?} {:?}",
        grade.failed,
        grade.skipped
    );
    let took = lab.now().since(start);
    assert!(took.as_secs() < 20, "{took:?}"); // of virtual time
}

#[test]
fn a_soak_goes_on_until_it_is_told_or_something_fails() {
    let ends = |fault, most: usize, seed| {
        let mut lab = MemoryLab::new(Faulty::new(fault), 8);
        let plan = Plan {
            seed,
            rounds: 10,
            ..Plan::DEFAULT
        };
        let (mut asked, mut order) = (0, Vec::new());
        let summary = soak(
            &mut lab,
            &plan,
            &mut [0; 8192],
            |check| check.group() == "crowd" || check.group() == "tcp",
            &mut || {
                asked += 1;
                asked <= most
            },
            &mut |event| {
                if let Event::Ended { check, .. } = event {
                    order.push(check.id);
                }
            },
        );
        (summary, order)
    };
    let (summary, order) = ends(Fault::None, 300, 1);
    assert_eq!((summary.passed, summary.failed), (300, 0));
    let checks = CASES.iter().copied().flatten().map(|case| case.about);
    let picked = checks.filter(|check| ["crowd", "tcp"].contains(&check.group()));
    let came: BTreeSet<_> = order.iter().copied().collect();
    assert_eq!(came, picked.map(|check| check.id).collect());
    assert_eq!(ends(Fault::None, 300, 1).1, order);
    assert_ne!(ends(Fault::None, 300, 2).1, order);

    let (summary, order) = ends(Fault::MixesUpRarely, 10_000, 3);
    assert_eq!(summary.failed, 1);
    assert!(order.len() < 1000, "after {} checks", order.len());
}

/// Over a round trip of 60 ms a window of 1 KB lets the first 1024 bytes of a long name settle, and a client who
/// is silent for 250 ms gives way to one whose place isn't free yet. Neither is a fault.
#[test]
fn nobody_is_accused_over_a_slow_link() {
    for latency in [1, 10, 30, 60] {
        let link = Link::new().latency(std::time::Duration::from_millis(latency));
        let mut lab = SimulatedLab::new(latency, Subject::GOOD, link, 9000);
        let plan = Plan {
            rounds: 100,
            ..UNKNOWN
        };
        let grade = grade(&mut lab, &plan, |_| true);
        assert!(grade.failed.is_empty(), "{latency} ms: {:?}", grade.failed);
        let skipped: Vec<_> = grade.skipped.keys().collect();
        assert!(
            skipped.iter().all(|id| **id == "tcp/too-long-far"),
            "{latency} ms: {:?}",
            grade.skipped
        );
    }
}

/// All other checks go on with FIN, but those that are about what comes before it.
#[test]
fn a_server_that_needs_fin_is_graded() {
    let lab = || MemoryLab::new(FaultyTexts::new(TextFault::FinAlone), 8);
    let (_, found) = facts(&mut lab(), &Plan::DEFAULT, |_| false);
    assert_eq!(found, [Fact::NeedsFin]);
    let grade = grade(&mut lab(), &Plan::DEFAULT, |_| true);
    assert_eq!(grade.failed(), ["tcp/world"].into(), "{:#?}", grade.failed);
    assert!(grade.skipped.is_empty(), "{:?}", grade.skipped);
}

/// Each of them was "no greet server".
#[test]
fn a_right_greeting_with_a_wrong_end_is_one_cross() {
    for (fault, fact, lost) in [
        (Fault::NeverEnds, Fact::NeverEnds(Mode::Name), &[][..]),
        // What isn't taken when RST comes is lost, here as on most systems.
        (
            Fault::EndsWithReset,
            Fact::EndsWithReset(Mode::Name),
            &["crowd/at-once", "crowd/in-any-order"],
        ),
    ] {
        let lab = || MemoryLab::new(Faulty::new(fault), 8);
        let (_, found) = facts(&mut lab(), &Plan::DEFAULT, |_| false);
        assert_eq!(found, [fact]);
        let grade = grade(&mut lab(), &Plan::DEFAULT, |_| true);
        let due = lost.iter().copied().chain(["tcp/world"]).collect();
        assert_eq!(grade.failed(), due, "{fault:?}: {:#?}", grade.failed);
        assert!(grade.skipped.is_empty(), "{fault:?}: {:?}", grade.skipped);
    }
}
