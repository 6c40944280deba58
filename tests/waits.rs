//! What the probe waits for, under virtual time: one who says nothing waits for the deadline beside checks that need
//! no place, and handshakes that never end keep nobody out for longer than that.

use std::collections::BTreeSet;
use std::time::Duration;

use greet_core::probe::{About, Plan, ProbeStack as _};
use greet_tests::faulty::{Fault, Faulty};
use greet_tests::lab::{SimulatedLab, Subject, grade};
use greet_tests::memory::lab::MemoryLab;
use smoltcp_sim::Link;

/// Messages that take a while.
const MESSAGES: [&str; 2] = ["udp/ada", "sizes/datagram"];

#[test]
fn the_deadline_is_waited_for_beside_messages() {
    let took = |only: &dyn Fn(&About) -> bool| {
        let link = Link::new().latency(Duration::from_millis(20));
        let mut lab = SimulatedLab::new(1, Subject::GOOD, link, 1500);
        let start = lab.now();
        let grade = grade(&mut lab, &PLAN, only);
        assert_eq!(grade.failed(), BTreeSet::new(), "{:?}", grade.failed);
        lab.now().since(start)
    };
    let is_message = |check: &About| MESSAGES.contains(&check.id);
    let is_late = |check: &About| check.id == "crowd/late";
    let messages = took(&is_message);
    let both = took(&|check| is_message(check) || is_late(check));
    assert!(messages > Duration::from_secs(2), "{messages:?}");
    // What goes before it, and what comes behind.
    assert!(both < took(&is_late) + Duration::from_secs(1), "{both:?}");
}

const PLAN: Plan = Plan {
    clients: 4,
    ..Plan::DEFAULT
};

#[test]
fn who_waited_beside_others_and_was_told_otherwise_waits_again_alone() {
    for fault in [Fault::EarlyDeadline, Fault::FastClock, Fault::Endless] {
        let mut lab = MemoryLab::new(Faulty::new(fault), 8);
        let only = |check: &About| ["udp/ada", "crowd/late"].contains(&check.id);
        let failed = grade(&mut lab, &PLAN, only).failed();
        assert_eq!(failed, BTreeSet::from(["crowd/late"]), "{fault:?}");
    }
}

/// A SYN is repeated after 1 s, 3 s, 7 s and 15 s: places that came back at the deadline weren't seen.
#[test]
fn once_handshakes_must_be_given_up_a_client_comes_anew() {
    let only = |check: &About| check.id == "crowd/half-open";
    for (seconds, passes) in [(9, true), (13, false)] {
        let link = Link::new().latency(Duration::from_millis(10));
        // The first greeting takes 40 ms.
        let (from, to) = (Duration::from_millis(45), Duration::from_secs(seconds));
        let mut lab = SimulatedLab::new(1, Subject::GOOD, link, 9000).cut(from, to);
        let grade = grade(&mut lab, &PLAN, only);
        assert_eq!(
            grade.failed.is_empty(),
            passes,
            "{seconds} s: {:?}",
            grade.failed
        );
    }
}
