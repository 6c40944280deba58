//! What the probe finds out about sizes, under virtual time: the boundary behind a failure, bytes that are
//! wrong again and again, bursts. Each from servers that have such a fault, and nothing from those that
//! only seem to.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::task::Poll;
use std::time::Duration;

use greet_core::probe::{About, Again, Event, Fact, Plan, Verdict, Way, run};
use greet_core::time::Instant;
use greet_core::transport::{Datagram, Datagrams as _};
use greet_tests::faulty::{Fault, Faulty};
use greet_tests::lab::{SimulatedLab, Subject};
use greet_tests::memory::lab::{MemoryLab, Ours, Service};
use greet_tests::memory::{Backlog, Mailbox};
use smoltcp_sim::{Link, Probability, Rule};

/// What a run came to.
#[derive(Default, Debug)]
struct Run {
    facts: Vec<Fact>,
    failed: BTreeSet<&'static str>,
    why: Vec<String>,
    /// How long it took.
    took: Duration,
}

fn probe(
    lab: &mut impl greet_core::probe::ProbeStack,
    plan: &Plan,
    only: fn(&About) -> bool,
) -> Run {
    let mut found = Run::default();
    let start = lab.now();
    run(lab, plan, &mut [0; 8192], only, &mut |event| match event {
        Event::Found { fact } => found.facts.push(fact),
        Event::Ended {
            check,
            verdict: verdict @ (Verdict::Failed(_) | Verdict::Inconclusive(_)),
            ..
        } => {
            found.failed.insert(check.id);
            found.why.push(format!("{}: {verdict:?}", check.id));
        }
        _ => {}
    });
    found.took = lab.now().since(start);
    found
}

fn of(service: impl Service, only: fn(&About) -> bool) -> Run {
    probe(&mut MemoryLab::new(service, 8), &Plan::DEFAULT, only)
}

fn long(about: &About) -> bool {
    ["tcp/full", "udp/full"].contains(&about.id)
}

fn sizes(about: &About) -> bool {
    about.group() == "sizes"
}

fn everything(_: &About) -> bool {
    true
}

#[test]
fn what_is_lost_for_its_length_is_measured_and_on_which_way() {
    for (fault, way) in [
        (Fault::LosesLongNames, Way::Name),
        (Fault::LosesLongGreetings, Way::Greeting),
        (Fault::LosesLongMessages, Way::Message),
        (Fault::LosesLongAnswers, Way::Answer),
    ] {
        let due = [Fact::Length {
            way,
            passes: 900,
            fails: 901,
        }];
        for only in [long, sizes] {
            let run = of(Faulty::new(fault), only);
            assert_eq!(run.facts, due, "{fault:?}: {run:?}");
            assert!(run.took < Duration::from_secs(30), "{fault:?}: {run:?}");
        }
        // Once, however many checks fail of it.
        let run = of(Faulty::new(fault), everything);
        let lengths = |fact: &&Fact| matches!(fact, Fact::Length { .. });
        assert_eq!(run.facts.iter().filter(lengths).count(), 1, "{run:?}");
    }
}

#[test]
fn bytes_that_are_wrong_again_are_wrong_at_a_place() {
    for (fault, way, text) in [
        (Fault::StaleBytes, Way::Stream, 121),
        (Fault::StaleAnswers, Way::Datagram, 128),
    ] {
        let run = of(Faulty::new(fault), sizes);
        let [
            Fact::Wrong {
                way: of,
                len,
                first,
                count,
                again,
            },
        ] = run.facts[..]
        else {
            panic!("{fault:?}: {run:?}");
        };
        assert_eq!(of, way);
        assert!(
            len >= 64 && first.abs_diff(text) < 4 && count <= 32,
            "{run:?}"
        );
        let Again::At { modulo, rest } = again else {
            panic!("{run:?}");
        };
        assert_eq!(rest, text % modulo, "{run:?}");
        assert!(modulo >= 4);
    }
}

/// A ring of four says four, not how many of 64 come through by luck.
#[test]
fn of_a_burst_what_comes_behind_some_number_is_lost() {
    let burst = |check: &About| check.group() == "burst";
    let run = of(Faulty::new(Fault::SmallRing), burst);
    let due = [12, 1024].map(|len| Fact::Burst { len, most: 4 });
    assert_eq!(run.facts, due, "{run:?}");
    assert_eq!(run.failed, BTreeSet::from(["burst/short", "burst/long"]));
}

/// Our own server, behind what may do something to each datagram.
struct Behind<F> {
    ours: Ours,
    passes: F,
}

impl<F: FnMut(&[u8], Instant) -> bool> Service for Behind<F> {
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        let mut buffer = [0; 9000];
        let mut kept = Vec::new();
        while let Poll::Ready(Ok(Datagram { len, from, .. })) = mailbox.receive_from(&mut buffer) {
            if (self.passes)(&buffer[..len], now) {
                kept.push((buffer[..len].to_vec(), from));
            }
        }
        for (bytes, from) in kept {
            mailbox.post(&bytes, from);
        }
        self.ours.poll(backlog, mailbox, now)
    }
}

/// Drops one of so many by chance.
fn loses(of: u64, mut chance: u64) -> impl FnMut(&[u8], Instant) -> bool {
    move |_, _| {
        chance = chance.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        !(chance >> 33).is_multiple_of(of)
    }
}

#[test]
fn what_chance_loses_has_no_length_and_is_no_cross() {
    for seed in 0..20 {
        let service = Behind {
            ours: Ours::default(),
            passes: loses(5, seed),
        };
        let only = |check: &About| ["sizes", "burst"].contains(&check.group());
        let run = of(service, only);
        assert!(run.facts.is_empty(), "{seed}: {run:?}");
        assert!(run.failed.is_empty(), "{seed}: {run:?}");
    }
}

/// Whoever grants a source fewer messages isn't a small ring.
#[test]
fn a_limit_is_not_taken_for_a_ring() {
    for limit in [5, 20, 30] {
        let (mut second, mut count) = (0, 0);
        let grants = move |_: &[u8], now: Instant| {
            if second != now.as_micros() / 1_000_000 {
                (second, count) = (now.as_micros() / 1_000_000, 0);
            }
            count += 1;
            count <= limit
        };
        let service = Behind {
            ours: Ours::default(),
            passes: grants,
        };
        let only = |check: &About| check.group() == "burst" || check.id == "sizes/datagram";
        let run = of(service, only);
        assert!(run.facts.is_empty(), "{limit}: {run:?}");
        let inconclusive = |why: &String| why.contains("Inconclusive");
        assert!(run.why.iter().all(inconclusive), "{limit}: {run:?}");
        for burst in ["burst/short", "burst/long"] {
            assert!(run.failed.contains(burst), "{limit}: {run:?}");
        }
    }
}

/// A link that loses one frame of ten each way.
#[test]
fn a_lossy_link_has_no_boundary() {
    let link = Link::new()
        .latency(Duration::from_millis(1))
        .loss(Probability::percent(10));
    let plan = Plan {
        timeout: Duration::from_secs(1),
        ..Plan::DEFAULT
    };
    for seed in 0..10 {
        let mut lab = SimulatedLab::new(seed, Subject::GOOD, link.clone(), 1500)
            .untimely("what is lost comes later");
        let run = probe(&mut lab, &plan, |check| {
            sizes(check) || long(check) || check.group() == "burst"
        });
        let measured = |fact: &&Fact| !matches!(fact, Fact::Lengths { .. });
        assert_eq!(run.facts.iter().find(measured), None, "{seed}: {run:?}");
    }
}

/// What a checksum catches is lost, and comes back wrong where there is none. So much is lost by chance as well, of
/// which nothing comes back wrong.
#[test]
fn what_a_checksum_catches_is_found_without_one() {
    let datagrams = |check: &About| check.id == "sizes/datagram";
    let mut lab = MemoryLab::new(Ours::<false>::default(), 8).spoiling(10);
    let run = probe(&mut lab, &Plan::DEFAULT, datagrams);
    let found = |fact: &Fact| {
        matches!(
            fact,
            Fact::Unchecked {
                sent: 64,
                wrong: 6..=7
            }
        )
    };
    assert!(
        run.facts.len() == 1 && run.facts.iter().all(found),
        "{run:?}"
    );
    assert!(run.failed.is_empty(), "{run:?}");
}

/// Answers to messages at once that overtake each other are counted; those that are lost or come twice aren't.
#[test]
fn answers_that_come_late_are_counted() {
    let server = Ipv4Addr::new(10, 0, 0, 1);
    let burst = |check: &About| check.group() == "burst";
    let by_rule = |rule: Option<Rule>| {
        let link = Link::new().latency(Duration::from_millis(1));
        let mut lab = SimulatedLab::new(1, Subject::GOOD, link, 1500);
        if let Some(rule) = rule {
            lab = lab.with_rule(rule.from(server).every(10));
        }
        probe(&mut lab, &Plan::DEFAULT, burst).facts
    };
    // Of a burst and the one before it that comes alone, six are an Nth; behind the last may come no other.
    let late = by_rule(Some(Rule::delay(Duration::from_millis(5))));
    let overtaken = |fact: &Fact| {
        matches!(
            fact,
            Fact::Overtaken {
                answers: 64,
                late: 5..=7
            }
        )
    };
    assert!(late.len() == 2 && late.iter().all(overtaken), "{late:?}");
    for rule in [None, Some(Rule::drop()), Some(Rule::duplicate())] {
        assert_eq!(by_rule(rule), []);
    }
}

#[test]
fn a_clock_that_is_slow_is_named() {
    let late = |check: &About| check.id == "crowd/late";
    let run = of(Faulty::new(Fault::SlowClock), late);
    assert!(
        run.why[0].contains("Overdue { due: 10s, took: 100s }"),
        "{run:?}"
    );
    let [Fact::Quiet { .. }, Fact::Deadline { said, took }] = run.facts[..] else {
        panic!("{run:?}");
    };
    assert_eq!((said.as_secs(), took.as_secs()), (10, 100));
    // Who has no deadline isn't waited for so long.
    let run = of(Faulty::new(Fault::Endless), late);
    assert!(run.took < Duration::from_secs(20), "{run:?}");
}

/// All lengths and all clients, however long that takes; and what there wasn't time for is told.
#[test]
fn what_there_was_no_time_for_is_told() {
    let link = Link::new().latency(Duration::from_millis(20));
    let only = |check: &About| ["sizes/stream", "crowd/mixed"].contains(&check.id);
    for thorough in [false, true] {
        let plan = Plan {
            thorough,
            ..Plan::DEFAULT
        };
        let mut lab = SimulatedLab::new(1, Subject::GOOD, link.clone(), 1500);
        let run = probe(&mut lab, &plan, only);
        assert!(run.failed.is_empty(), "{run:?}");
        if thorough {
            assert_eq!(run.facts, []);
            assert!(run.took > Duration::from_mins(1), "{run:?}");
        } else {
            let [Fact::Clients { greeted }, Fact::Lengths { tried, .. }] = run.facts[..] else {
                panic!("{run:?}");
            };
            assert!((100..1000).contains(&greeted), "{greeted}");
            assert!((30..200).contains(&tried), "{tried}");
            assert!(run.took < Duration::from_secs(10), "{run:?}");
        }
    }
}
